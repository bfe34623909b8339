import numpy as np
import pytest

from vla_policy.training.dataset import KEYS, Demonstrations, Sentences, Statistics, consolidate, relative
from vla_policy.training.grammar import COLORS, TASKS


def shards_of(folder):
    return [np.load(path) for path in sorted(folder.glob("*.npz"))]


def test_shards_are_joined_in_the_order_of_their_names(make_shards):
    folder = make_shards(lengths=(5, 3))
    data = Demonstrations([folder])
    assert len(data) == 8
    everything = data.gather(np.arange(8))
    for key in KEYS:
        np.testing.assert_array_equal(everything[key], np.concatenate([shard[key] for shard in shards_of(folder)]))


def test_frames_come_in_the_order_asked_for_and_as_often(make_shards):
    folders = [make_shards("first", (4,)), make_shards("second", (2, 3), first=7)]
    data = Demonstrations(folders)
    everything = data.gather(np.arange(9))
    asked = np.array([8, 0, 8, 3, 5, 4])
    for key, values in data.gather(asked).items():
        np.testing.assert_array_equal(values, everything[key][asked])


def test_shards_that_arrive_later_are_taken_in(make_shards):
    assert len(Demonstrations([make_shards(lengths=(2,))])) == 2
    folder = make_shards(lengths=(3,), first=1)
    data = Demonstrations([folder])
    np.testing.assert_array_equal(data.gather(np.arange(2, 5))["state"], shards_of(folder)[1]["state"])


def test_consolidating_again_writes_nothing(make_shards):
    folder = make_shards()
    consolidate(folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    consolidate(folder)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_an_interrupted_consolidation_is_done_again(make_shards):
    folder = make_shards()
    consolidate(folder)
    (folder / "consolidated.json").unlink()
    (folder / "state.npy").write_bytes(b"half")
    np.testing.assert_array_equal(Demonstrations([folder]).gather(np.arange(5))["state"], shards_of(folder)[0]["state"])


def test_a_folder_without_shards_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no \.npz shards; record"):
        Demonstrations([tmp_path])


def test_statistics_are_those_of_the_frames(make_shards):
    folder = make_shards(lengths=(60, 40))
    stats = Statistics.of(Demonstrations([folder]))
    state = np.concatenate([shard["state"] for shard in shards_of(folder)]).astype(np.float64)
    np.testing.assert_allclose(stats.state_mean, state.mean(0))
    np.testing.assert_allclose(stats.state_std, state.std(0))
    np.testing.assert_array_equal(stats.state_min, state.min(0))
    np.testing.assert_array_equal(stats.state_max, state.max(0))
    q01, q99 = np.array(stats.action_q01), np.array(stats.action_q99)
    assert (q01[1:, :7].mean(1) < q99[1:, :7].mean(1)).all()
    # Uniform in 0 … 0.01 k rad at step k.
    np.testing.assert_allclose(q99[7, :7], 0.07, atol=0.004)
    np.testing.assert_allclose(q01[7, :7], 0.0, atol=0.004)


def test_what_never_moves_still_has_a_range(make_shards):
    stats = Statistics.of(Demonstrations([make_shards()]))
    np.testing.assert_allclose(np.array(stats.action_q99)[0, :7] - np.array(stats.action_q01)[0, :7], 4e-3, rtol=1e-6)


def test_the_gripper_has_its_own_range(make_shards):
    stats = Statistics.of(Demonstrations([make_shards()]), gripper_open_m=0.04)
    assert [row[7] for row in stats.action_q01] == [0.0] * 8
    assert [row[7] for row in stats.action_q99] == [0.04] * 8


def test_statistics_survive_a_file(make_shards, tmp_path):
    stats = Statistics.of(Demonstrations([make_shards()]))
    stats.save(tmp_path / "stats.json")
    assert Statistics.load(tmp_path / "stats.json") == stats


def test_joints_become_relative_and_the_gripper_stays():
    chunk = np.full((2, 3, 8, 8), 1.5)
    state = np.full((2, 8), 0.5)
    np.testing.assert_array_equal(relative(chunk, state[:, None])[..., :7], 1.0)
    np.testing.assert_array_equal(relative(chunk, state[:, None])[..., 7], 1.5)


def test_a_batch_of_sentences_says_what_was_asked_for(encoder):
    sentences = Sentences(encoder, per_meaning=5, seed=0)
    task, color = np.repeat(np.arange(4), 4), np.tile(np.arange(4), 4)
    text, mask = sentences.batch(np.random.default_rng(0), task, color)
    assert text.dtype == np.float32 and mask.dtype == bool and text.shape[:2] == mask.shape
    assert mask.any(0).all(), "no longer than the longest sentence"
    for row in range(len(TASKS) * len(COLORS)):
        assert (text[row, mask[row]] == 1 + row).all()
        assert (text[row, ~mask[row]] == 0).all()


def test_the_same_seed_gives_the_same_sentences(encoder):
    def batch(seed):
        pool = Sentences(encoder, per_meaning=5, seed=seed)
        return pool.batch(np.random.default_rng(0), np.zeros(20, int), np.ones(20, int))

    batches = [batch(seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(batches[0][1], batches[1][1])
    assert batches[0][1].shape != batches[2][1].shape or (batches[0][1] != batches[2][1]).any()
