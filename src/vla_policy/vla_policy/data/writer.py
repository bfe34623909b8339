"""Writes datasets: workers write parts of several episodes each, at last the parts become one dataset.

A part is a folder of its own, complete as soon as it has its name, so that workers need not know of each other and an
interrupted run goes on with the parts that are missing. ``merge`` numbers episodes and frames through, in the order
of the parts' names; videos are moved, not coded again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from vla_policy.data import stats, video
from vla_policy.data.columns import from_arrow, read_table, to_arrow, write_table
from vla_policy.data.episode import Episode, require_sound
from vla_policy.data.errors import DatasetError
from vla_policy.data.layout import (
    EPISODES_PATTERN,
    INDEX_FEATURES,
    INFO,
    INSTRUCTION_COLUMN,
    STATS,
    TASKS,
    Feature,
    Info,
    file_name,
    read_json,
    write_info,
    write_json,
)

_DATA: Final = "data.parquet"
_PART: Final = "part.json"


def write_part(
    path: Path, fps: float, features: Mapping[str, Feature], episodes: Sequence[Episode], first: int = 0
) -> int:
    """Write ``episodes`` as the part ``path``, whole or not at all; the number of frames.

    features: of everything but the index columns. first: number of the first episode, for messages only.
    DatasetError for an episode that does not fit or is not finite.
    """
    for number, episode in enumerate(episodes, start=first):
        require_sound(episode, features, path, number)
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    cameras = [key for key, feature in features.items() if feature.is_video]
    for key in cameras:
        height, width, _ = features[key].shape
        with video.VideoWriter(partial / f"{key}.mp4", fps, height, width) as writer:
            for episode in episodes:
                writer.add(episode.images[key])
    columns = {
        key: to_arrow(np.concatenate([episode.columns[key] for episode in episodes]), feature)
        for key, feature in features.items()
        if not feature.is_video
    }
    columns[INSTRUCTION_COLUMN] = pa.array([text for episode in episodes for text in episode.instructions])
    write_table(partial / _DATA, pa.table(columns))
    write_json(
        partial / _PART,
        {
            "fps": fps,
            "lengths": [len(episode) for episode in episodes],
            "histograms": [
                {key: stats.histogram(episode.images[key]).tolist() for key in cameras} for episode in episodes
            ],
        },
    )
    partial.rename(path)
    return sum(len(episode) for episode in episodes)


def merge(
    parts: Sequence[Path], root: Path, info: Info, progress: Callable[[int], None] = lambda episodes: None
) -> Info:
    """Make the dataset ``root`` of ``parts``, in this order; videos are moved, ``meta/info.json`` comes last.

    info: rate, robot and features, without the index columns. progress: called with each part's number of episodes.
    DatasetError where a part has another rate.
    """
    features = {**info.features, **INDEX_FEATURES}
    cameras = tuple(key for key, feature in features.items() if feature.is_video)
    instructions: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    collected: dict[str, list[NDArray[Any]]] = {key: [] for key in features if key not in cameras}
    histograms = {key: np.zeros((3, 256), np.int64) for key in cameras}
    for number, part in enumerate(parts):
        facts = read_json(part / _PART)
        if facts["fps"] != info.fps:
            raise DatasetError(f"{part} has {facts['fps']} frames/s, the dataset {info.fps}; rates cannot be mixed")
        start = rows[-1]["dataset_to_index"] if rows else 0
        table = read_table(part / _DATA)
        columns = {key: from_arrow(table[key], features[key]) for key in info.features if key not in cameras}
        texts = table[INSTRUCTION_COLUMN].to_pylist()
        columns |= _index_columns(facts["lengths"], start, len(rows), info.fps)
        columns["task_index"] = np.array([instructions.setdefault(text, len(instructions)) for text in texts])
        write_table(
            root / file_name(info.data_path, number),
            pa.table({key: to_arrow(columns[key], features[key]) for key in features if key not in cameras}),
        )
        for key in cameras:
            assert info.video_path is not None
            _move(part / f"{key}.mp4", root / file_name(info.video_path, number, video_key=key))
        rows += _episode_rows(facts, columns, texts, features, number, start, len(rows), info.fps)
        for key in collected:
            collected[key].append(columns[key])
        for key in cameras:
            histograms[key] += sum(np.array(entry[key]) for entry in facts["histograms"])
        progress(len(facts["lengths"]))
    if not rows:
        raise DatasetError(f"{root}: there are no episodes to write")
    write_table(root / file_name(EPISODES_PATTERN, 0), pa.Table.from_pylist(rows))
    _write_instructions(root, list(instructions))
    total = int(rows[-1]["dataset_to_index"])
    whole = {key: stats.of_frames(np.concatenate(arrays)) for key, arrays in collected.items()}
    whole |= {key: stats.of_histogram(counts, total) for key, counts in histograms.items()}
    write_json(root / STATS, stats.to_json(whole))
    done = Info(info.fps, features, info.robot, len(rows), total, len(instructions), info.data_path, info.video_path)
    write_info(root, done, video.FACTS)
    return done


def is_complete(root: Path) -> bool:
    """Whether a dataset was written to its end."""
    return (root / INFO).is_file()


def _index_columns(lengths: Sequence[int], start: int, first: int, fps: float) -> dict[str, NDArray[Any]]:
    within = np.concatenate([np.arange(length) for length in lengths])
    return {
        "timestamp": (within / fps).astype(np.float32),
        "frame_index": within,
        "episode_index": np.repeat(np.arange(first, first + len(lengths)), lengths),
        "index": np.arange(start, start + len(within)),
    }


def _episode_rows(
    facts: Mapping[str, Any],
    columns: Mapping[str, NDArray[Any]],
    texts: Sequence[str],
    features: Mapping[str, Feature],
    file: int,
    start: int,
    first: int,
    fps: float,
) -> list[dict[str, Any]]:
    """The rows of ``meta/episodes`` for the episodes of one part."""
    rows, begin = [], 0
    place = _place(file)
    for offset, length in enumerate(facts["lengths"]):
        end = begin + length
        row: dict[str, Any] = {
            "episode_index": first + offset,
            "tasks": list(dict.fromkeys(texts[begin:end])),
            "length": length,
            **{f"data/{name}": value for name, value in place.items()},
            "dataset_from_index": start + begin,
            "dataset_to_index": start + end,
        }
        statistics = {key: stats.of_frames(values[begin:end]) for key, values in columns.items()}
        for key, feature in features.items():
            if feature.is_video:
                row |= {f"videos/{key}/{name}": value for name, value in place.items()}
                row[f"videos/{key}/from_timestamp"], row[f"videos/{key}/to_timestamp"] = begin / fps, end / fps
                statistics[key] = stats.of_histogram(np.array(facts["histograms"][offset][key]), length)
        for key, entry in stats.to_json(statistics).items():
            row |= {f"stats/{key}/{name}": values for name, values in entry.items()}
        rows.append(row | {f"meta/episodes/{name}": value for name, value in _place(0).items()})
        begin = end
    return rows


def _place(number: int) -> dict[str, int]:
    chunk, file = file_name("{chunk_index}/{file_index}", number).split("/")
    return {"chunk_index": int(chunk), "file_index": int(file)}


def _write_instructions(root: Path, texts: list[str]) -> None:
    frame = pd.DataFrame({"task_index": range(len(texts))}, index=pd.Index(texts, name=INSTRUCTION_COLUMN))
    write_table(root / TASKS, pa.Table.from_pandas(frame))


def _move(source: Path, target: Path) -> None:
    """Rename; nothing to do where an interrupted run has done it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.exists():
        source.replace(target)
    elif not target.exists():
        raise DatasetError(f"{source} is missing; delete the folder {source.parent} and run again")
