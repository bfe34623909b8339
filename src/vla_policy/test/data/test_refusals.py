"""Bad data are refused with the episode and the frame, before they are written and when they are read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="datasets need what `make testpolicy` installs")
pytest.importorskip("pyarrow", reason="datasets need what `make testpolicy` installs")
pytestmark = pytest.mark.train

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from vla_policy.data.checking import check  # noqa: E402
from vla_policy.data.episode import Episode  # noqa: E402
from vla_policy.data.errors import DatasetError  # noqa: E402
from vla_policy.data.layout import Info  # noqa: E402
from vla_policy.data.reader import open_dataset, require_same  # noqa: E402
from vla_policy.data.restating import restate  # noqa: E402
from vla_policy.data.writer import merge, write_part  # noqa: E402

from .making import CAMERA, EPISODES, FEATURES, FPS, write  # noqa: E402

DATA = "data/chunk-000/file-000.parquet"
VIDEO = f"videos/{CAMERA}/chunk-000/file-000.mp4"
META = "meta/episodes/chunk-000/file-000.parquet"


def test_a_sound_dataset_is_sound(kept: Path) -> None:
    summary = check(kept)
    assert (summary.episodes, summary.frames, summary.instructions) == (5, 37, 4)
    assert summary.duration_s == pytest.approx(3.7)


def changed(key: str, values: np.ndarray) -> Episode:
    return dataclasses.replace(EPISODES[1], columns={**EPISODES[1].columns, key: values})


def with_value(key: str, place: tuple[int, ...], value: float) -> np.ndarray:
    values = EPISODES[1].columns[key].copy()
    values[place] = value
    return values


@pytest.mark.parametrize(
    ("episode", "message"),
    [
        (changed("action", with_value("action", (4, 1), np.nan)), r"episode 6, frame 4: action \(b\) is nan"),
        (
            changed("labels.chunk", with_value("labels.chunk", (3, 1, 2, 0), np.inf)),
            r"episode 6, frame 3: labels.chunk \(\[1, 2, 0\]\) is inf",
        ),
        (
            changed("action", EPISODES[1].columns["action"][:, :2]),
            r"episode 6: action has the shape \(2,\), not \(3,\)",
        ),
        (changed("action", EPISODES[1].columns["action"][:-1]), "episode 6: action has 11 frames, not 12"),
        (changed("effort", EPISODES[1].columns["action"]), "episode 6: effort is unknown"),
        (dataclasses.replace(EPISODES[1], images={}), "episode 6: observation.images.front is missing"),
        (
            dataclasses.replace(EPISODES[1], images={CAMERA: EPISODES[1].images[CAMERA] / np.float32(255)}),
            "episode 6: images of observation.images.front are float32, not uint8",
        ),
        (
            dataclasses.replace(EPISODES[1], instructions=["go"] * 5 + [" "] * 7),
            "episode 6, frame 5: the instruction is empty",
        ),
    ],
)
def test_a_bad_episode_is_not_written(tmp_path: Path, episode: Episode, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        write_part(tmp_path / "part", FPS, FEATURES, [EPISODES[0], episode], first=5)
    assert not (tmp_path / "part").exists()


def test_parts_of_other_rates_are_not_merged(tmp_path: Path) -> None:
    write_part(tmp_path / "a", 10.0, FEATURES, EPISODES[:1])
    write_part(tmp_path / "b", 20.0, FEATURES, EPISODES[1:2])
    with pytest.raises(DatasetError, match=r"b has 20.0 frames/s, the dataset 10.0; rates cannot be mixed"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out", Info(10.0, FEATURES))
    assert not (tmp_path / "out/meta/info.json").exists()


# --- reading


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def edit_column(path: Path, name: str, change: Callable[[list[Any]], object]) -> None:
    table = pq.read_table(path)
    values = table[name].to_pylist()
    change(values)
    index = table.column_names.index(name)
    pq.write_table(table.set_column(index, name, pa.array(values, table.schema.field(name).type)), path)


def set_value(row: int, value: Any, column: int | None = None) -> Callable[[list[Any]], None]:
    def change(values: list[Any]) -> None:
        if column is None:
            values[row] = value
        else:
            values[row][column] = value

    return change


def truncate(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no info": (lambda root: (root / "meta/info.json").unlink(), r"meta/info.json is missing: this is no LeRobot"),
    "old version": (
        lambda root: edit_json(root / "meta/info.json", lambda info: info.update(codebase_version="v2.1")),
        r"codebase_version is 'v2.1', not v3.x",
    ),
    "no stats": (lambda root: (root / "meta/stats.json").unlink(), r"meta/stats.json is missing"),
    "stats without a feature": (
        lambda root: edit_json(root / "meta/stats.json", lambda stats: stats.pop("action")),
        r"stats.json: action lacks min, max, mean, .*`vla policy data stats",
    ),
    "stats without quantiles": (
        lambda root: edit_json(root / "meta/stats.json", lambda stats: stats["action"].pop("q01")),
        r"stats.json: action lacks q01",
    ),
    "stats of another shape": (
        lambda root: edit_json(root / "meta/stats.json", lambda stats: stats["action"].update(min=[0.0])),
        r"min of action has the shape \(1,\), not \(3,\)",
    ),
    "stats of other data": (
        lambda root: edit_json(root / "meta/stats.json", lambda stats: stats["action"].update(max=[9.0, 9.0, 9.0])),
        r"meta/stats.json is not of these data: action is in",
    ),
    "names that do not fit": (
        lambda root: edit_json(root / "meta/info.json", lambda info: info["features"]["action"].update(names=["a"])),
        r"feature action has shape \(3,\) and 1 names: a",
    ),
    "a missing column": (
        lambda root: edit_json(
            root / "meta/info.json",
            lambda info: info["features"].update(effort={"dtype": "float32", "shape": [3], "names": None}),
        ),
        r"effort lacks min",
    ),
    "a NaN": (
        lambda root: edit_column(root / DATA, "action", set_value(9, float("nan"), 2)),
        r"episode 1, frame 2: action \(c\) is nan",
    ),
    "a missing value": (
        lambda root: edit_column(root / DATA, "observation.state", set_value(20, None)),
        r"episode 2: observation.state: 1 of 5 values are missing",
    ),
    "a late frame": (
        lambda root: edit_column(root / DATA, "timestamp", set_value(10, 0.35)),
        r"episode 1, frame 3: timestamp is 0.3500 s, not 0.3000; the dataset's rate is 10 frames/s",
    ),
    "frames out of order": (
        lambda root: edit_column(root / DATA, "frame_index", set_value(8, 5)),
        r"episode 1, frame 1: frame_index is 5, not 1",
    ),
    "an unknown instruction": (
        lambda root: edit_column(root / DATA, "task_index", set_value(23, 44)),
        r"episode 2, frame 4: task_index 44 is not in meta/tasks.parquet, which has 4",
    ),
    "another rate": (
        lambda root: edit_json(root / "meta/info.json", lambda info: info.update(fps=20)),
        r"episode 0: its video of observation.images.front lasts 0.700 s, 7 frames at 20 frames/s last 0.350",
    ),
    "a longer episode": (
        lambda root: edit_column(root / META, "length", set_value(1, 13)),
        r"episode 1: length is 13, frames are 7 to 19",
    ),
    "truncated data": (lambda root: truncate(root / DATA, 0.7), r"file-000.parquet: cannot be read as parquet, is it"),
    "truncated episodes": (lambda root: truncate(root / META, 0.5), r"cannot be read as parquet"),
    "a truncated video": (lambda root: truncate(root / VIDEO, 0.6), r"file-000.mp4: .*"),
    "a missing video": (lambda root: (root / VIDEO).unlink(), r"file-000.mp4: cannot be opened as a video"),
    "a shorter video": (
        lambda root: (root / VIDEO).write_bytes((root / VIDEO.replace("file-000", "file-001")).read_bytes()),
        r"episode 1: observation.images.front: .*ends before frame 6 of 12 at 1.300 s",
    ),
    "images of another size": (
        lambda root: edit_json(
            root / "meta/info.json", lambda info: info["features"][CAMERA].update(shape=[48, 32, 3])
        ),
        r"images are 48x32, not 32x48",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found(dataset: Path, damage: str) -> None:
    inflict, message = DAMAGES[damage]
    inflict(dataset)
    with pytest.raises(DatasetError, match=message):
        check(dataset)


def test_lost_statistics_come_back(dataset: Path) -> None:
    before = open_dataset(dataset).stats
    (dataset / "meta/stats.json").unlink()
    restate(dataset)
    after = open_dataset(dataset).stats
    for key, entry in before.items():
        for name, values in entry.items():
            np.testing.assert_allclose(after[key][name], values, atol=0.05 if key == CAMERA else 1e-12, err_msg=key)
    check(dataset)


def test_datasets_of_other_rates_or_names_are_not_used_together(kept: Path, tmp_path: Path) -> None:
    first = open_dataset(kept)
    require_same([first, open_dataset(write(tmp_path / "same"))])
    slower = dataclasses.replace(first, info=dataclasses.replace(first.info, fps=5.0))
    with pytest.raises(DatasetError, match=r"5 frames/s, .* 10; rates cannot be mixed"):
        require_same([first, slower])
    action = dataclasses.replace(first.info.features["action"], names=("a", "b", "z"))
    other = dataclasses.replace(first.info, features={**first.info.features, "action": action})
    with pytest.raises(DatasetError, match="feature action is"):
        require_same([first, dataclasses.replace(first, info=other)])
