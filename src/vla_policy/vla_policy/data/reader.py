"""Reads LeRobotDataset v3: whole episodes, by their number. Anything that does not fit is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vla_policy.data import stats, video
from vla_policy.data.columns import from_arrow, read_table
from vla_policy.data.episode import Episode, require_finite
from vla_policy.data.errors import DatasetError, where
from vla_policy.data.layout import INDEX_FEATURES, STATISTICS, STATS, TASKS, Info, read_info, read_json

TOLERANCE_S = 1e-3  # of a frame's stamp


@dataclass(frozen=True, slots=True)
class Place:
    """Where an episode is: rows [first, last) of the dataset, data file, per camera its file and first stamp [s]."""

    first: int
    last: int
    data: str
    videos: dict[str, tuple[str, float]]

    @property
    def length(self) -> int:
        """Number of frames."""
        return self.last - self.first


@dataclass(slots=True)
class Dataset:
    """An opened dataset. ``episode(number)`` gives arrays, ``images(key, number)`` one camera's images."""

    root: Path
    info: Info
    stats: dict[str, stats.Statistics]
    instructions: list[str]
    places: list[Place]
    _tables: dict[str, tuple[int, pa.Table]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.places)

    def columns(self, number: int) -> dict[str, NDArray[Any]]:
        """Every column of one episode, key -> (T, *shape); index columns too. DatasetError where it is not sound."""
        place = self.places[number]
        first, table = self._table(place.data)
        rows = table.slice(place.first - first, place.length)
        result = {}
        for key in self.info.columns:
            feature = self.info.features[key]
            try:
                result[key] = from_arrow(rows[key], feature)
            except (ValueError, pa.ArrowException) as error:
                raise DatasetError(f"{where(self.root, number)}: {key}: {error}") from error
            require_finite(result[key], key, feature, self.root, number)
        self._require_order(number, result)
        return result

    def images(self, key: str, number: int) -> NDArray[np.uint8]:
        """(T, H, W, 3) uint8 RGB of one camera. DatasetError where the video does not hold them."""
        return np.stack(list(self.stream(key, number)))

    def stream(self, key: str, number: int) -> Iterator[NDArray[np.uint8]]:
        """The same, image by image."""
        place, feature = self.places[number], self.info.features[key]
        path, first_s = place.videos[key]
        try:
            for image in video.frames(self.root / path, first_s, place.length, self.info.fps):
                if image.shape != feature.shape:
                    raise DatasetError(f"images of {path} have the shape {image.shape}, not {feature.shape}")
                yield image
        except DatasetError as error:
            raise DatasetError(f"{where(self.root, number)}: {key}: {error}") from error

    def episode(self, number: int) -> Episode:
        """Columns without the index, images and instructions of one episode."""
        columns = self.columns(number)
        texts = [self.instructions[index] for index in columns["task_index"]]
        kept = {key: values for key, values in columns.items() if key not in INDEX_FEATURES}
        return Episode(kept, {key: self.images(key, number) for key in self.info.cameras}, texts)

    def _table(self, path: str) -> tuple[int, pa.Table]:
        """A data file and the dataset's number of its first row; the last one is kept."""
        if path not in self._tables:
            table = read_table(self.root / path, list(self.info.columns))
            first = min(place.first for place in self.places if place.data == path)
            expected = max(place.last for place in self.places if place.data == path) - first
            if len(table) != expected:
                raise DatasetError(f"{self.root / path}: holds {len(table)} frames, {expected} by meta/episodes")
            self._tables.clear()
            self._tables[path] = (first, table)
        return self._tables[path]

    def _require_order(self, number: int, columns: Mapping[str, NDArray[Any]]) -> None:
        place = self.places[number]
        wanted: dict[str, NDArray[Any]] = {
            "episode_index": np.full(place.length, number),
            "frame_index": np.arange(place.length),
            "index": np.arange(place.first, place.last),
        }
        for key, values in wanted.items():
            wrong = np.flatnonzero(columns[key] != values)
            if len(wrong):
                frame = int(wrong[0])
                raise DatasetError(
                    f"{where(self.root, number, frame)}: {key} is {columns[key][frame]}, not {values[frame]}"
                )
        stamps = columns["timestamp"].astype(np.float64)
        late = np.flatnonzero(np.abs(stamps - np.arange(place.length) / self.info.fps) > TOLERANCE_S)
        if len(late):
            frame = int(late[0])
            raise DatasetError(
                f"{where(self.root, number, frame)}: timestamp is {stamps[frame]:.4f} s, "
                f"not {frame / self.info.fps:.4f}; the dataset's rate is "
                f"{self.info.fps:g} frames/s, and rates cannot be mixed"
            )
        unknown = np.flatnonzero((columns["task_index"] < 0) | (columns["task_index"] >= len(self.instructions)))
        if len(unknown):
            frame = int(unknown[0])
            raise DatasetError(
                f"{where(self.root, number, frame)}: task_index {columns['task_index'][frame]} is not in {TASKS}, "
                f"which has {len(self.instructions)}"
            )


def open_dataset(root: Path) -> Dataset:
    """Read what ``meta`` says, and hold it against itself. DatasetError with file, episode and remedy."""
    info = read_info(root)
    statistics = _read_stats(root, info)
    table = read_table(root / TASKS, ["task_index"])
    instructions = read_instructions(root, table)
    places = read_places(root, info)
    if (len(places), places[-1].last if places else 0) != (info.episodes, info.frames):
        raise DatasetError(
            f"{root}: meta/info.json tells of {info.episodes} episodes with {info.frames} frames, meta/episodes of "
            f"{len(places)} with {places[-1].last if places else 0}"
        )
    return Dataset(root, info, statistics, instructions, places)


def require_same(datasets: Sequence[Dataset]) -> None:
    """DatasetError where datasets cannot be used together: other rates, names or shapes."""
    first = datasets[0]
    for other in datasets[1:]:
        if other.info.fps != first.info.fps:
            raise DatasetError(
                f"{other.root} has {other.info.fps:g} frames/s, {first.root} {first.info.fps:g}; rates cannot be mixed"
            )
        for key in sorted({*first.info.features, *other.info.features}):
            one, two = first.info.features.get(key), other.info.features.get(key)
            if one != two:
                raise DatasetError(f"{other.root}: feature {key} is {two}, in {first.root} it is {one}")


def _read_stats(root: Path, info: Info) -> dict[str, stats.Statistics]:
    try:
        statistics = stats.from_json(read_json(root / STATS))
    except (ValueError, AttributeError) as error:
        raise DatasetError(f"{root / STATS}: {error}") from error
    for key, feature in info.features.items():
        if feature.dtype == "string":
            continue
        entry = statistics.get(key, {})
        missing = [name for name in STATISTICS if name not in entry]
        if missing:
            raise DatasetError(
                f"{root / STATS}: {key} lacks {', '.join(missing)}; `vla policy data stats {root}` computes them"
            )
        shape = (feature.shape[2], 1, 1) if feature.is_video else feature.shape
        for name in STATISTICS:
            if entry[name].shape != ((1,) if name == "count" else shape):
                raise DatasetError(f"{root / STATS}: {name} of {key} has the shape {entry[name].shape}, not {shape}")
            if not np.isfinite(entry[name]).all():
                raise DatasetError(f"{root / STATS}: {name} of {key} is not finite")
    return statistics


def read_instructions(root: Path, table: pa.Table) -> list[str]:
    """The sentences by their task_index. DatasetError where they are not one for each."""
    full = read_table(root / TASKS)
    names = [name for name in full.column_names if name != "task_index"]
    if len(names) != 1:
        raise DatasetError(f"{root / TASKS}: beside task_index there is not one column of sentences but {names}")
    by_index = dict(zip(table["task_index"].to_pylist(), full[names[0]].to_pylist(), strict=True))
    if sorted(by_index) != list(range(len(table))):
        raise DatasetError(f"{root / TASKS}: task_index does not count from 0 to {len(table) - 1}")
    return [str(by_index[index]) for index in range(len(table))]


def read_places(root: Path, info: Info) -> list[Place]:
    """Where every episode is, by ``meta/episodes``. DatasetError where they do not follow one another."""
    names = ["episode_index", "length", "dataset_from_index", "dataset_to_index", "data/chunk_index", "data/file_index"]
    for key in info.cameras:
        names += [f"videos/{key}/{name}" for name in ("chunk_index", "file_index", "from_timestamp", "to_timestamp")]
    files = sorted(root.glob("meta/episodes/*/*.parquet"), key=_numbers)
    if not files:
        raise DatasetError(f"{root / 'meta/episodes'}: there are no files")
    places: list[Place] = []
    for file in files:
        for row in read_table(file, names).to_pylist():
            places.append(_place(root, info, row, len(places), places[-1].last if places else 0))
    return places


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", "/".join(path.parts[-2:])))


def _place(root: Path, info: Info, row: Mapping[str, Any], number: int, first: int) -> Place:
    if row["episode_index"] != number or row["dataset_from_index"] != first:
        raise DatasetError(
            f"{where(root, number)}: meta/episodes says episode_index {row['episode_index']} from frame "
            f"{row['dataset_from_index']}, not {number} from {first}"
        )
    last = row["dataset_to_index"]
    if row["length"] != last - first or row["length"] < 1:
        raise DatasetError(f"{where(root, number)}: length is {row['length']}, frames are {first} to {last}")
    keys = {"chunk_index": row["data/chunk_index"], "file_index": row["data/file_index"]}
    videos = {}
    for key in info.cameras:
        entry = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
        from_s, to_s = row[f"videos/{key}/from_timestamp"], row[f"videos/{key}/to_timestamp"]
        if abs(to_s - from_s - row["length"] / info.fps) > 0.5 / info.fps:
            raise DatasetError(
                f"{where(root, number)}: its video of {key} lasts {to_s - from_s:.3f} s, {row['length']} frames at "
                f"{info.fps:g} frames/s last {row['length'] / info.fps:.3f} s; rates cannot be mixed"
            )
        videos[key] = (str(info.video_path).format(video_key=key, **entry), float(from_s))
    return Place(first, last, info.data_path.format(**keys), videos)
