"""Recorded episodes and shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vla_sim import demonstrations
from vla_sim.demonstrations import MAX_STEPS, Demonstrator, use_demonstrator, write_demonstrations, write_shard
from vla_sim.labelling import LABELS_PER_FRAME
from vla_sim.sampling import scene_from_seed
from vla_sim.spec import COLORS, EVALUATION_SEEDS, TASKS, TRAINING_SEEDS

K = LABELS_PER_FRAME
LAYOUT = {
    "front": ((96, 96, 3), np.uint8),
    "wrist": ((96, 96, 3), np.uint8),
    "state": ((8,), np.float32),
    "task_id": ((K,), np.uint8),
    "color_id": ((K,), np.uint8),
    "chunk": ((K, 8, 8), np.float32),
    "done": ((K,), np.bool_),
    "target": ((K, 3), np.float32),
    "cubes": ((4, 3), np.float32),
    "episode": ((), np.int64),
}
SEED = 17


@pytest.fixture(scope="module")
def demonstrator() -> Iterator[Demonstrator]:
    made = Demonstrator()
    yield made
    made.sim.close()


@pytest.fixture(scope="module")
def episode(demonstrator: Demonstrator) -> dict[str, np.ndarray]:
    return demonstrator.record(SEED)


class Sketcher:
    """Two small frames an episode; fails at one seed."""

    def __init__(self, fails_at: int = -1) -> None:
        self.seeds: list[int] = []
        self._fails_at = fails_at

    def record(self, seed: int) -> dict[str, np.ndarray]:
        if seed == self._fails_at:
            raise RuntimeError("the disk is on fire")
        self.seeds.append(seed)
        return {"state": np.full((2, 8), seed, np.float32), "episode": np.full(2, seed)}


@pytest.fixture
def sketcher() -> Iterator[Sketcher]:
    before = list(demonstrations._DEMONSTRATOR)
    made = Sketcher()
    use_demonstrator(made)  # type: ignore[arg-type]
    yield made
    demonstrations._DEMONSTRATOR[:] = before


def use_sketcher() -> None:
    """In a worker process."""
    use_demonstrator(Sketcher())  # type: ignore[arg-type]


@pytest.mark.render
def test_an_episode_has_the_layout_that_training_reads(episode: dict[str, np.ndarray]) -> None:
    assert episode.keys() == LAYOUT.keys()
    frames = len(episode["state"])
    assert 10 < frames <= MAX_STEPS
    for key, (shape, dtype) in LAYOUT.items():
        assert episode[key].shape == (frames, *shape), key
        assert episode[key].dtype == dtype, key


@pytest.mark.render
def test_values_are_what_their_names_say(episode: dict[str, np.ndarray]) -> None:
    scene = scene_from_seed(SEED)
    assert (TASKS[episode["task_id"][0, 0]], COLORS[episode["color_id"][0, 0]]) == (scene.task, scene.target)
    assert set(episode["episode"]) == {SEED}
    absent = [color not in scene.colors for color in COLORS]
    np.testing.assert_array_equal(np.isnan(episode["cubes"][..., 0]), np.tile(absent, (len(episode["cubes"]), 1)))
    for key in ("state", "chunk", "target"):
        assert np.isfinite(episode[key]).all(), key
    starts = episode["chunk"][:, :, 0, :7]
    np.testing.assert_array_equal(starts, np.broadcast_to(episode["state"][:, None, :7], starts.shape))


@pytest.mark.render
def test_the_same_seed_gives_the_same_arrays(
    demonstrator: Demonstrator, episode: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demonstrations, "MAX_STEPS", 15)
    demonstrator.record(SEED + 1)  # whatever was before
    again = demonstrator.record(SEED)
    assert len(again["state"]) == 15
    for key, array in episode.items():
        np.testing.assert_array_equal(again[key], array[:15], err_msg=key)


@pytest.mark.render
def test_an_actor_moves_the_arm_and_the_expert_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstrations, "MAX_STEPS", 15)
    asked: list[bool] = []

    def stay(sim, instruction, new):
        asked.append(new)
        return np.tile(sim.state().q_rad, (8, 1)), np.full(8, 0.04)

    made = Demonstrator(stay)
    episode = made.record(SEED)
    made.sim.close()
    assert asked[0] and not all(asked), "told once that an instruction is new"
    assert np.ptp(episode["state"][:, :7], axis=0).max() < 0.02
    assert np.ptp(episode["chunk"][:, 0, :, :7], axis=1).max() > 0.05


def test_a_shard_holds_its_episodes_in_order(sketcher: Sketcher, tmp_path: Path) -> None:
    assert write_shard(tmp_path / "shard_000003.npz", range(3, 6)) == 6
    with np.load(tmp_path / "shard_000003.npz") as shard:
        np.testing.assert_array_equal(shard["episode"], [3, 3, 4, 4, 5, 5])
    assert [path.name for path in tmp_path.iterdir()] == ["shard_000003.npz"]


def test_a_shard_that_fails_is_not_there(sketcher: Sketcher, tmp_path: Path) -> None:
    use_demonstrator(Sketcher(fails_at=4))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="on fire"):
        write_shard(tmp_path / "shard_000003.npz", range(3, 6))
    assert list(tmp_path.glob("*.npz")) == []


def test_a_shard_that_cannot_be_written_whole_is_not_there(
    sketcher: Sketcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(file, **arrays):
        file.write(b"PK half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(OSError, match="no space"):
        write_shard(tmp_path / "shard_000003.npz", range(3, 6))
    assert list(tmp_path.glob("*.npz")) == []


def test_recording_goes_on_where_it_stopped(tmp_path: Path) -> None:
    finished = tmp_path / "shard_000000.npz"
    finished.write_bytes(b"there already")
    done = list(write_demonstrations(tmp_path, episodes=45, workers=1, prepare=use_sketcher))
    assert done[0] == (20, 0)
    assert sorted(done[1:]) == [(5, 10), (20, 40)]
    assert finished.read_bytes() == b"there already"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"shard_{n:06d}.npz" for n in (0, 20, 40)]
    assert list(write_demonstrations(tmp_path, episodes=45, workers=1)) == [(20, 0), (20, 0), (5, 0)]


@pytest.mark.parametrize(("first", "count"), [(EVALUATION_SEEDS[0], 1), (TRAINING_SEEDS[-1], 2), (-1, 2)])
def test_evaluation_scenes_are_never_recorded(tmp_path: Path, first: int, count: int) -> None:
    with pytest.raises(ValueError, match="are not all in"):
        list(write_demonstrations(tmp_path, count, 1, first))
    assert list(tmp_path.iterdir()) == []
