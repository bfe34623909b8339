"""What was written is read again: numbers exactly, images within the coding's error, and the layout is v3's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="datasets need what `make testpolicy` installs")
pytest.importorskip("pyarrow", reason="datasets need what `make testpolicy` installs")
pytestmark = pytest.mark.train

import pandas as pd  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from vla_policy.data import stats, video  # noqa: E402
from vla_policy.data.layout import INDEX_FEATURES, STATISTICS  # noqa: E402
from vla_policy.data.reader import open_dataset  # noqa: E402

from .making import CAMERA, EPISODES, FEATURES, FPS, LENGTHS, write  # noqa: E402

CODING = 2.0  # mean error of the coding of these images, of 255: colours that change a lot from frame to frame


@pytest.mark.parametrize("number", range(len(EPISODES)))
def test_an_episode_comes_back(kept: Path, number: int) -> None:
    episode, original = open_dataset(kept).episode(number), EPISODES[number]
    assert episode.columns.keys() == original.columns.keys()
    for key, values in original.columns.items():
        assert episode.columns[key].dtype == FEATURES[key].dtype
        np.testing.assert_array_equal(episode.columns[key], values, err_msg=key)
    assert episode.instructions == original.instructions
    error = np.abs(episode.images[CAMERA].astype(int) - original.images[CAMERA])
    assert error.mean() < CODING and error.max() < 16
    assert np.abs(np.diff(original.images[CAMERA].astype(int), axis=0)).mean() > 10 * CODING  # no other frame is meant


def test_episodes_are_read_in_any_order(kept: Path) -> None:
    dataset = open_dataset(kept)
    for number in (4, 0, 3, 1, 4):
        np.testing.assert_array_equal(dataset.columns(number)["seed"], number)
        error = np.abs(dataset.images(CAMERA, number).astype(int) - EPISODES[number].images[CAMERA])
        assert error.mean() < CODING


def test_the_files_are_where_v3_has_them(kept: Path) -> None:
    files = sorted(str(path.relative_to(kept)) for path in kept.rglob("*.*") if path.is_file())
    assert [name for name in files if not name.startswith(".parts")] == [
        "data/chunk-000/file-000.parquet",
        "data/chunk-000/file-001.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "meta/info.json",
        "meta/stats.json",
        "meta/tasks.parquet",
        f"videos/{CAMERA}/chunk-000/file-000.mp4",
        f"videos/{CAMERA}/chunk-000/file-001.mp4",
    ]
    info = json.loads((kept / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["fps"] == 10 and info["splits"] == {"train": "0:5"}
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (5, sum(map(sum, LENGTHS)), 4)
    assert info["features"].keys() == {*FEATURES, *INDEX_FEATURES}
    assert info["features"][CAMERA]["info"]["video.fps"] == 10
    instructions = pd.read_parquet(kept / "meta/tasks.parquet")
    assert list(instructions.columns) == ["task_index"] and "pick up the red cube" in instructions.index


def test_several_episodes_share_a_file_and_say_where_they_are_in_it(kept: Path) -> None:
    rows = pq.read_table(kept / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [row["length"] for row in rows] == [7, 12, 5, 9, 4]
    assert [row["data/file_index"] for row in rows] == [0, 0, 0, 1, 1]
    assert [row[f"videos/{CAMERA}/file_index"] for row in rows] == [0, 0, 0, 1, 1]
    assert [row[f"videos/{CAMERA}/from_timestamp"] for row in rows] == [0.0, 0.7, 1.9, 0.0, 0.9]
    assert [row[f"videos/{CAMERA}/to_timestamp"] for row in rows] == [0.7, 1.9, 2.4, 0.9, 1.3]
    assert [(row["dataset_from_index"], row["dataset_to_index"]) for row in rows[2:4]] == [(19, 24), (24, 33)]
    assert rows[1]["tasks"] == ["pick up the red cube", "now number 1"]
    assert {f"stats/action/{name}" for name in STATISTICS} <= rows[0].keys()
    data = pq.read_table(kept / "data/chunk-000/file-001.parquet")
    assert data["index"].to_pylist() == list(range(24, 37))
    assert data["episode_index"].to_pylist() == [3] * 9 + [4] * 4
    np.testing.assert_allclose(data["timestamp"].to_numpy()[:9], np.arange(9) / FPS, atol=1e-7)


def test_statistics_are_those_of_all_frames(kept: Path) -> None:
    found = open_dataset(kept).stats
    for key in ("observation.state", "labels.chunk"):
        values = np.concatenate([episode.columns[key] for episode in EPISODES]).astype(np.float64)
        np.testing.assert_allclose(found[key]["mean"], values.mean(0), atol=1e-12)
        np.testing.assert_allclose(found[key]["std"], values.std(0), atol=1e-12)
        np.testing.assert_allclose(found[key]["min"], values.min(0))
        np.testing.assert_allclose(found[key]["max"], values.max(0))
        for name, share in (("q01", 0.01), ("q10", 0.1), ("q50", 0.5), ("q90", 0.9), ("q99", 0.99)):
            np.testing.assert_allclose(found[key][name], np.quantile(values, share, axis=0), atol=1e-12)
        assert found[key]["count"] == [len(values)]


def test_statistics_of_images_are_exact_and_per_channel(kept: Path) -> None:
    found = open_dataset(kept).stats[CAMERA]
    pixels = np.concatenate([episode.images[CAMERA] for episode in EPISODES]).reshape(-1, 3) / 255.0
    assert found["mean"].shape == (3, 1, 1)
    for name, values in (("mean", pixels.mean(0)), ("std", pixels.std(0)), ("min", pixels.min(0))):
        np.testing.assert_allclose(found[name].ravel(), values, atol=1e-12)
    for name, share in (("q01", 0.01), ("q50", 0.5), ("q99", 0.99)):
        np.testing.assert_allclose(
            found[name].ravel(), np.quantile(pixels, share, axis=0, method="inverted_cdf"), atol=1e-12
        )


def test_the_number_of_parts_changes_nothing_but_the_files(kept: Path, tmp_path: Path) -> None:
    one, other = open_dataset(kept), open_dataset(write(tmp_path / "whole", (sum(LENGTHS, ()),)))
    assert len({place.data for place in other.places}) == 1
    for number in range(len(one)):
        first, second = one.columns(number), other.columns(number)
        for key, values in first.items():
            np.testing.assert_array_equal(second[key], values, err_msg=key)
    for key, entry in one.stats.items():
        for name, values in entry.items():
            np.testing.assert_allclose(other.stats[key][name], values, atol=1e-12)


def test_a_video_gives_any_frame(tmp_path: Path) -> None:
    images = np.zeros((40, 16, 16, 3), np.uint8) + np.arange(40, dtype=np.uint8)[:, None, None, None] * 6
    with video.VideoWriter(tmp_path / "v.mp4", 30.0, 16, 16) as writer:
        writer.add(images[:20])
        writer.add(images[20:])
    assert video.rate_and_size(tmp_path / "v.mp4") == (30.0, 16, 16)
    for first in range(40):
        found = video.read(tmp_path / "v.mp4", first / 30.0, min(3, 40 - first), 30.0)
        assert np.abs(found.astype(int) - images[first : first + 3]).max() <= 2


def test_a_histogram_has_the_statistics_of_its_values() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    found = stats.of_histogram(stats.histogram(images), 3)
    np.testing.assert_allclose(found["std"].ravel(), (images.reshape(-1, 3) / 255.0).std(0))
    assert found["count"] == [3]
