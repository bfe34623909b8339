"""Training from end to end on a made-up task, in memory."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

from accelerate.state import AcceleratorState  # noqa: E402

from vla_core.contract import load_bundle  # noqa: E402
from vla_core.types import Observation  # noqa: E402
from vla_policy.cloning import loop  # noqa: E402
from vla_policy.cloning.bundle import make_bundle  # noqa: E402
from vla_policy.cloning.errors import DivergedError, TrainError  # noqa: E402
from vla_policy.cloning.loop import checkpoints_step, train  # noqa: E402
from vla_policy.cloning.metrics import CSV, LINES, PICTURE, read_metrics  # noqa: E402
from vla_policy.cloning.options import TrainOptions  # noqa: E402
from vla_policy.cloning.samples import Sampler, read_frames  # noqa: E402
from vla_policy.foreign.embodiment import Embodiment  # noqa: E402
from vla_policy.onnx_policy import OnnxPolicy  # noqa: E402
from vla_policy.presets import load_preset  # noqa: E402

from .making import CHANGES, NAMES, make_episode  # noqa: E402

EPISODES = [make_episode(seed) for seed in range(4)]
QUICK = {"batch": 8, "warmup": 2, "normalization": "min_max", "log_every": 2, "save_every": 5}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    AcceleratorState._reset_state(reset_partial_state=True)  # it keeps the precision of the first that was made
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def preset():
    return load_preset("cross_attention", "tiny", CHANGES)


def options(**given):
    return TrainOptions(**{**QUICK, "steps": 12, **given})


def sampler_of(preset, chosen):
    count = sum(len(episode) for episode in EPISODES)
    return Sampler(read_frames(EPISODES, count, preset.model, chosen), preset.model, chosen, gripper=True)


def weights(outcome):
    return {name: tensor.clone() for name, tensor in outcome.policy.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


EMBODIMENT = Embodiment(
    cameras=({"name": "front", "aspect": 1.0, "max_age_s": 0.3},),
    contract={
        "max_skew_s": 0.05,
        "state": [{"name": "a", "unit": "rad"}, {"name": "b", "unit": "rad"}, {"name": "grip", "unit": "m"}],
        "action": {
            "space": "joint_position",
            "kind": "chunk_relative",
            "dimensions": [{"name": name, "unit": "rad"} for name in NAMES[:2]],
            "gripper": {"name": "grip", "unit": "m", "kind": "absolute", "open": 1.0, "closed": 0.0},
            "period_s": 0.1,
        },
    },
    gripper=None,
    proprio=(),
)


def test_overfits_a_few_episodes_and_the_worker_runs_the_bundle(preset, tmp_path):
    chosen = options(steps=300, rate=3e-3, warmup=20, log_every=50, save_every=1000)
    sampler = sampler_of(preset, chosen)
    outcome = train(preset, sampler, tmp_path / "run", chosen)
    assert outcome.done and (outcome.step, checkpoints_step(tmp_path / "run")) == (300, 300)
    batch = sampler.batch(np.arange(len(sampler.frames)))
    error = (outcome.policy.act(batch) - batch.actions).abs()[~batch.padding].mean()
    spread = (batch.actions - batch.actions.mean(0)).abs().mean()
    assert error < 0.15 * spread
    for name in (CSV, LINES, PICTURE):
        assert (tmp_path / "run" / name).stat().st_size > 0
    assert [row["step"] for row in read_metrics(tmp_path / "run")] == [50, 100, 150, 200, 250, 300]

    left = make_bundle(outcome.policy, sampler.frames, {"front": (32, 32)}, EMBODIMENT, "made_up", tmp_path / "bundle")
    assert left.reason is None
    worker = OnnxPolicy(load_bundle(left.path))
    for frame in (3, 12):
        frames = sampler.frames
        images = {"front": frames.images["front"][frame]}
        sentence = frames.sentences[frames.sentence[frame]]
        answer = worker.infer(Observation(images, {"front": 0}, frames.state[frame].astype(float), 0, sentence))
        np.testing.assert_allclose(answer.actions, outcome.policy.act(batch[frame : frame + 1])[0], atol=1e-3)


def test_without_an_embodiment_the_bundle_is_of_torch_and_says_why(preset, tmp_path):
    chosen = options()
    sampler = sampler_of(preset, chosen)
    policy = loop.make_policy(preset, chosen, sampler)
    left = make_bundle(policy, sampler.frames, {"front": (32, 32)}, None, "made_up", tmp_path / "bundle")
    assert "--embodiment" in left.reason and (left.path / "model.safetensors").exists()
    assert "--embodiment" in (left.path / "README.txt").read_text()


@pytest.mark.parametrize("name", ["cross_attention", "diffusion_policy"])
def test_stopped_and_resumed_it_is_the_same_to_the_bit(name, tmp_path):
    preset, chosen = load_preset(name, "tiny", CHANGES), options(augment=name == "cross_attention")
    through = weights(train(preset, sampler_of(preset, chosen), tmp_path / "through", chosen))
    begun = train(preset, sampler_of(preset, chosen), tmp_path / "parts", chosen, stop_after=7)
    assert not begun.done and begun.step == 7 and not same(weights(begun), through)
    resumed = train(preset, sampler_of(preset, chosen), tmp_path / "parts", chosen)
    assert resumed.done and same(weights(resumed), through)
    steps = [[row["step"] for row in read_metrics(tmp_path / run)] for run in ("through", "parts")]
    assert steps[0] == steps[1] == [2, 4, 6, 8, 10, 12]


def test_another_seed_gives_other_weights(preset):
    first, second = (sampler_of(preset, options(seed=seed)) for seed in (0, 1))
    assert not torch.equal(first(0).actions, second(0).actions)
    assert torch.equal(first(3).actions, sampler_of(preset, options())(3).actions)
    assert not torch.equal(first(3).actions, first(3, process=1).actions)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(preset, tmp_path):
    chosen = options(save_every=3)

    class Broken(Sampler):
        def __call__(self, step, process=0):
            batch = super().__call__(step, process)
            if step == 7:
                batch.images["front"].fill_(float("nan"))
            return batch

    good = sampler_of(preset, chosen)
    with pytest.raises(DivergedError, match=r"step 8.*nan.*step_0000006"):
        train(preset, Broken(good.frames, preset.model, chosen, True), tmp_path / "run", chosen)
    assert checkpoints_step(tmp_path / "run") == 6
    assert (tmp_path / "run" / "diverged.json").exists()
    kept = train(preset, good, tmp_path / "other", chosen, stop_after=6)
    resumed = loop.make_policy(preset, chosen, good)
    loop.load_state(tmp_path / "run" / "checkpoints" / "step_0000006", resumed, loop.make_optimizer(resumed, chosen))
    assert same(weights(kept), resumed.state_dict())


def test_a_loss_that_stays_high_stops_before_it_is_saved(preset, tmp_path):
    chosen = options(steps=60, rate=3.0, warmup=0, diverged_above=1.5, diverged_after=5, save_every=1, clip=1e6)
    with pytest.raises(DivergedError, match="times its lowest"):
        train(preset, sampler_of(preset, chosen), tmp_path / "run", chosen)
    assert checkpoints_step(tmp_path / "run") < 60


def test_adapters_train_alone_and_are_merged(preset, tmp_path):
    chosen = options(lora_rank=2, lora_parts=("language",), steps=4, warmup=1)
    sampler = sampler_of(preset, chosen)
    before = loop.make_policy(preset, options(), sampler)
    outcome = train(preset, sampler, tmp_path / "run", chosen)
    after = outcome.policy.state_dict()
    assert after.keys() == before.state_dict().keys()
    changed = {name for name, tensor in before.state_dict().items() if not torch.equal(tensor, after[name])}
    language = {name for name in after if "observation.language" in name}
    assert any(name.endswith("q.weight") for name in changed & language)
    assert not any("shared" in name or "layer_norm" in name for name in changed & language)


def test_checkpointed_activations_do_not_change_the_weights(preset, tmp_path):
    runs = []
    for on in (False, True):
        chosen = options(steps=3, warmup=1, checkpointing=on)
        runs.append(weights(train(preset, sampler_of(preset, chosen), tmp_path / str(on), chosen)))
    for name, tensor in runs[0].items():
        torch.testing.assert_close(runs[1][name], tensor, rtol=1e-4, atol=1e-5)


def test_bf16_trains(preset, tmp_path):
    chosen = options(steps=3, warmup=1, precision="bf16")
    assert train(preset, sampler_of(preset, chosen), tmp_path / "run", chosen).done


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"steps": 0}, "steps: 0"),
        ({"rate": float("nan")}, "rate: nan"),
        ({"precision": "int3"}, "precision: 'int3' is none of no, bf16, fp16"),
        ({"warmup": 12}, "warmup: 12"),
        ({"lora_parts": ("head",)}, "lora_parts: 'head' is none of vision, language"),
        ({"diverged_above": 1.0}, "diverged_above: 1.0"),
    ],
)
def test_options_that_cannot_be_are_named(given, words):
    with pytest.raises(TrainError, match=words):
        options(**given)


def test_weights_choose_tasks_and_unknown_ones_are_named(preset):
    left = sampler_of(preset, options(task_weights={"go right": 0.0}))
    assert (left(0).actions[:, :, 2] == 1).all()
    with pytest.raises(TrainError, match=r"'go up' is none of go left, go right"):
        sampler_of(preset, options(task_weights={"go up": 1.0}))


def test_chunks_are_relative_padded_and_keep_the_gripper(preset):
    sampler = sampler_of(preset, options())
    actions, padding = sampler.actions(np.array([2, 7]))
    episode = EPISODES[0].columns
    joints = episode["action"][2:6, :2] - episode["observation.state"][2, :2]
    np.testing.assert_allclose(actions[0, :, :2], joints, atol=1e-6)
    np.testing.assert_array_equal(actions[0, :, 2], episode["action"][2:6, 2])
    np.testing.assert_array_equal(padding, [[False] * 4, [False, True, True, True]])
