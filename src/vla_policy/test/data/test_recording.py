"""Demonstrations as datasets: recorded, resumed, converted both ways, and the commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="datasets need what `make testpolicy` installs")
pytest.importorskip("pyarrow", reason="datasets need what `make testpolicy` installs")
pytestmark = [pytest.mark.train, pytest.mark.render]

from typer.testing import CliRunner  # noqa: E402

from vla_policy.cli import app  # noqa: E402
from vla_policy.data import arm, recording  # noqa: E402
from vla_policy.data.checking import check, require_fit  # noqa: E402
from vla_policy.data.errors import DatasetError  # noqa: E402
from vla_policy.data.reader import open_dataset  # noqa: E402
from vla_policy.data.recording import Recipe, parts_of, record  # noqa: E402
from vla_policy.data.shards import from_shards, to_shards  # noqa: E402
from vla_policy.data.writer import write_part  # noqa: E402
from vla_policy.training.dataset import KEYS  # noqa: E402
from vla_policy.training.grammar import meaning  # noqa: E402
from vla_sim import demonstrations  # noqa: E402
from vla_sim.demonstrations import Demonstrator  # noqa: E402
from vla_sim.simulation import TabletopSim  # noqa: E402
from vla_sim.spec import ALL_TASKS, TARGETS, SceneError  # noqa: E402

EPISODES = 3
RECIPE = Recipe(EPISODES, ("open_drawer", "pick"), first_seed=40, part_episodes=2)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recorded by one other process, then checked."""
    out = tmp_path_factory.mktemp("recorded") / "dataset"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "_prepare", _short)
        list(record(RECIPE, out, workers=1))
    return out


def _short(tasks: tuple[str, ...]) -> None:
    """In the worker: episodes of 12 frames."""
    demonstrations.MAX_FURNISHED_STEPS = 12  # type: ignore[misc]
    prepare(tasks)


prepare = recording._prepare


def test_what_was_recorded_is_sound_and_says_what_was_asked(recorded: Path) -> None:
    summary = check(recorded)
    assert summary.episodes == EPISODES and summary.frames == 12 * EPISODES
    assert not (recorded / recording.PARTS).exists()
    dataset = open_dataset(recorded)
    for number in range(EPISODES):
        episode = dataset.episode(number)
        assert set(episode.columns["seed"]) == {40 + number}
        np.testing.assert_array_equal(episode.columns["action"], episode.columns["labels.chunk"][:, 0, 1])
        for frame, sentence in enumerate(episode.instructions):
            task = ALL_TASKS[episode.columns["labels.task"][frame, 0]]
            target = TARGETS[episode.columns["labels.target"][frame, 0]]
            assert meaning(sentence, furnished=True) == (task, target)


def test_an_interrupted_recording_goes_on(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "dataset"
    dataset = open_dataset(recorded)
    first, second = parts_of(RECIPE, out)
    write_part(first[0], arm.FPS, arm.features(), [dataset.episode(number) for number in (0, 1)])
    (out / recording.PARTS / f"{second[0].name}.partial").mkdir()  # was being written
    recording._require_recipe.__globals__["write_json"](out / "recipe.json", _as_json(RECIPE))
    monkeypatch.setattr(recording, "_prepare", _short)
    progress = list(record(RECIPE, out, workers=1))
    assert progress[0] == ("recording", 2, 0) and progress[1] == ("recording", 1, 12)  # the first part is kept
    again = open_dataset(out)
    for number in range(EPISODES):
        one, other = dataset.columns(number), again.columns(number)
        for key, values in one.items():
            np.testing.assert_array_equal(other[key], values, err_msg=key)


def _as_json(recipe: Recipe) -> dict[str, object]:
    return {
        "episodes": recipe.episodes, "tasks": list(recipe.tasks), "first_seed": recipe.first_seed,
        "part_episodes": recipe.part_episodes,
    }  # fmt: skip


def test_a_folder_of_something_else_is_left_alone(recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is a finished dataset; name another folder"):
        next(record(RECIPE, recorded, 1))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="holds something else"):
        next(record(RECIPE, tmp_path, 1))
    begun = tmp_path / "begun"
    recording._require_recipe(RECIPE, begun)
    with pytest.raises(DatasetError, match="unfinished recording of another recipe"):
        next(record(Recipe(9), begun, 1))


@pytest.mark.parametrize(
    ("recipe", "message"),
    [(Recipe(5, ("juggle",)), "task 'juggle' is not one of pick"), (Recipe(2, first_seed=999_999), "not all in 0 to")],
)
def test_impossible_recipes_are_refused(tmp_path: Path, recipe: Recipe, message: str) -> None:
    with pytest.raises((DatasetError, SceneError), match=message):
        next(record(recipe, tmp_path / "out", 1))


def test_shards_become_a_dataset_and_shards_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstrations, "MAX_STEPS", 6)
    demonstrator = Demonstrator()
    shards = tmp_path / "shards"
    shards.mkdir()
    recordings = [demonstrator.record(seed) for seed in (1, 2)]
    both = {key: np.concatenate([one[key] for one in recordings]) for key in recordings[0]}
    np.savez(shards / "shard_000000.npz", **both)
    list(from_shards(shards, tmp_path / "dataset"))
    assert check(tmp_path / "dataset").episodes == 2
    list(to_shards(tmp_path / "dataset", tmp_path / "again"))
    with np.load(tmp_path / "again/shard_000000.npz") as again:
        for key in KEYS:
            assert again[key].dtype == both[key].dtype
            if again[key].dtype == np.uint8 and again[key].ndim == 4:
                assert np.abs(again[key].astype(int) - both[key]).mean() < 2.0
            else:
                np.testing.assert_array_equal(again[key], both[key], err_msg=key)


def test_a_folder_without_shards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no \.npz shards"):
        next(from_shards(tmp_path, tmp_path / "out"))
    (tmp_path / "shard_0.npz").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(DatasetError, match=r"shard_0\.npz: not a shard, or truncated"):
        next(from_shards(tmp_path, tmp_path / "out"))


def test_it_fits_the_shipped_policy_and_a_dataset_of_other_names_does_not(recorded: Path, kept: Path) -> None:
    from vla_core.contract import load_contract

    contract = load_contract(Path(__file__).parents[2] / "policies/tabletop")
    require_fit(open_dataset(recorded), contract)
    with pytest.raises(
        DatasetError, match=r"observation.state has a, b, c, the policy joint1, .*no observation.images"
    ):
        require_fit(open_dataset(kept), contract)


def test_the_commands(recorded: Path, tmp_path: Path) -> None:
    run = CliRunner()
    done = run.invoke(app, ["data", "check", str(recorded)])
    assert done.exit_code == 0 and f"{EPISODES} episodes, {12 * EPISODES} frames" in done.output
    copy = tmp_path / "copy"
    shutil.copytree(recorded, copy)
    (copy / "meta/stats.json").unlink()
    refused = run.invoke(app, ["data", "check", str(copy)])
    assert refused.exit_code == 1 and "stats.json is missing" in refused.output.replace("\n", "")
    assert run.invoke(app, ["data", "stats", str(copy)]).exit_code == 0
    assert run.invoke(app, ["data", "check", str(copy)]).exit_code == 0
    assert run.invoke(app, ["data", "convert", str(copy), str(tmp_path / "shards")]).exit_code == 0
    assert list((tmp_path / "shards").glob("*.npz"))
    unknown = run.invoke(app, ["data", "make", str(tmp_path / "new"), "--task", "juggle"])
    assert unknown.exit_code == 1 and "'juggle' is not one of" in unknown.output


def test_a_furnished_recording_needs_a_furnished_simulation() -> None:
    scene = recording.scene(("store",), np.random.default_rng(0), 0)
    with pytest.raises(SceneError, match="furnished=True"):
        TabletopSim().reset(scene)
