"""Every preset, by one set of tests: a new file in ``presets/`` is covered on the day it is written."""

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

from vla_policy.models import build_policy, count_parameters, load_policy, save_policy  # noqa: E402
from vla_policy.models.example import make_example_batch  # noqa: E402
from vla_policy.models.export import export_onnx, observation_inputs, run_onnx  # noqa: E402
from vla_policy.presets import PresetError, load_preset, preset_names  # noqa: E402

STEPS, CHECK_EVERY = 400, 25
presets = pytest.mark.parametrize("name", preset_names())


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def tiny(name):
    return build_policy(load_preset(name, "tiny"))


def with_statistics(policy):
    """Statistics that are not the identity, so that a forgotten normalization shows."""
    for robot, spec in enumerate(policy.spec.robots):
        if spec.state:
            policy.normalize_state.set(torch.full((spec.state,), 0.1), torch.full((spec.state,), 0.6), robot)
        policy.normalize_action.set(torch.full((spec.action,), 0.05), torch.full((spec.action,), 0.9), robot)
    return policy


def fixed_noise(policy, batch):
    shape = (batch.size, policy.spec.horizon, policy.spec.action_dim)
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


@presets
def test_parameters_of_the_full_size(name):
    preset = load_preset(name)
    counted, stated = count_parameters(preset), preset.parameters
    assert (counted.trained, counted.frozen) == (stated["trained"], stated["frozen"])
    assert counted.trained == pytest.approx(float(stated["expected"]), rel=0.05), stated["source"]


@presets
def test_the_paper_is_named(name):
    paper = load_preset(name).paper
    assert paper["title"] and paper["arxiv"] and paper["section"]


@presets
def test_overfits_one_batch(name):
    """The actions themselves come back, not just a small loss: from the same observations, in evaluation mode."""
    policy = with_statistics(tiny(name)).train()
    batch = make_example_batch(policy.spec)
    optimizer = torch.optim.AdamW([p for p in policy.parameters() if p.requires_grad], lr=3e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS, eta_min=3e-4)
    spread = (batch.actions - batch.actions.mean(0)).abs().mean()
    for step in range(1, STEPS + 1):
        loss, _ = policy.loss(batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        policy.after_step()
        if step % CHECK_EVERY == 0:
            error = (policy.eval().act(batch, fixed_noise(policy, batch)) - batch.actions).abs().mean()
            policy.train()
            if error < 0.15 * spread:
                return
    pytest.fail(f"after {STEPS} steps act is {error:.3f} off on average; labels spread by {spread:.3f}")


@presets
def test_every_trained_parameter_gets_a_gradient(name):
    policy = tiny(name).train()
    loss, parts = policy.loss(make_example_batch(policy.spec))
    assert loss.ndim == 0 and torch.isfinite(loss) and "action" in parts
    loss.backward()
    unused = [key for key, value in policy.named_parameters() if value.requires_grad and value.grad is None]
    assert not [key for key in unused if not any(part in key for part in policy.body.silent)]


@presets
def test_saved_and_loaded_it_acts_the_same(name, tmp_path):
    policy = with_statistics(tiny(name))
    batch = make_example_batch(policy.spec, labels=False)
    noise = fixed_noise(policy, batch)
    before = policy.act(batch, noise)
    save_policy(policy, tmp_path / "checkpoint")
    torch.manual_seed(99)
    assert torch.equal(load_policy(tmp_path / "checkpoint").act(batch, noise), before)
    assert before.shape == (batch.size, policy.spec.horizon, policy.spec.action_dim)


@presets
def test_as_onnx_it_acts_the_same(name, tmp_path):
    policy = with_statistics(tiny(name))
    if policy.body.not_exported:
        with pytest.raises(PresetError, match="has no ONNX form"):
            export_onnx(policy, tmp_path / "model.onnx")
        return
    exported = export_onnx(policy, tmp_path / "model.onnx")
    assert exported.outputs[0] == "actions"
    for seed in (1, 2):
        batch = make_example_batch(policy.spec, size=2, seed=seed, labels=False)[1:]
        noise = fixed_noise(policy, batch)
        answer = torch.from_numpy(run_onnx(tmp_path / "model.onnx", observation_inputs(policy, batch, noise)))
        torch.testing.assert_close(answer, policy.act(batch, noise), rtol=1e-3, atol=1e-4)


@presets
def test_samples_of_a_batch_do_not_mix(name):
    policy = tiny(name)
    batch = make_example_batch(policy.spec, labels=False)
    noise = fixed_noise(policy, batch)
    together = policy.act(batch, noise)
    torch.testing.assert_close(policy.act(batch[1:2], noise[1:2]), together[1:2], rtol=1e-3, atol=1e-4)
