from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vla_sim.sampling import scene_from_seed
from vla_sim.state_log import StateLogError, StateRecorder, load_state_log


def test_what_was_recorded_comes_back(tmp_path: Path) -> None:
    recorder = StateRecorder()
    scenes = [scene_from_seed(seed, randomize=1.0) for seed in (1, 2)]
    qpos = np.arange(5.0)
    recorder.begin_episode(scenes[0])
    recorder.record(10, qpos)
    qpos += 1.0  # the recorder keeps a copy
    recorder.begin_episode(scenes[1])
    recorder.record(20, qpos)
    recorder.save(tmp_path / "new" / "log.npz")
    log = load_state_log(tmp_path / "new" / "log.npz")
    assert log.scenes == tuple(scenes)
    np.testing.assert_array_equal(log.time_ns, [10, 20])
    np.testing.assert_array_equal(log.episode, [0, 1])
    np.testing.assert_array_equal(log.qpos, [np.arange(5.0), np.arange(5.0) + 1.0])
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["log.npz"]


def test_a_state_without_a_scene_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="begin_episode"):
        StateRecorder().record(0, np.zeros(3))


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_another_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(StateLogError, match=r"other\.npz"):
        load_state_log(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StateLogError, match=r"none\.npz"):
        load_state_log(tmp_path / "none.npz")
