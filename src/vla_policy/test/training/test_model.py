import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

from vla_policy.training.model import JOINT_SHARPNESS, ExportedPolicy, ModelConfig, TabletopPolicy  # noqa: E402

SMALL = ModelConfig(width=24, heads=3, layers=1, keypoints=4)


@pytest.fixture
def policy():
    torch.manual_seed(0)
    return TabletopPolicy(SMALL).eval()


def inputs(batch=2, tokens=5):
    generator = torch.Generator().manual_seed(1)
    images = [torch.rand(batch, 3, 96, 96, generator=generator) for _ in SMALL.cameras]
    text = torch.randn(batch, tokens, SMALL.text_dim, generator=generator)
    return images, torch.randn(batch, 8, generator=generator), text, torch.ones(batch, tokens, dtype=torch.bool)


@torch.no_grad()
def run(policy, images, state, text, mask):
    return policy.decode(policy.encode_images(images), state, text, mask)


def test_one_answer_for_each_frame_step_and_dimension(policy):
    out = run(policy, *inputs())
    assert {key: tuple(value.shape) for key, value in out.items()} == {
        "logits": (2, SMALL.horizon, SMALL.action_dim, SMALL.bins),
        "done": (2, 1),
        "target": (2, 3),
    }


def test_padding_of_a_sentence_changes_nothing(policy):
    images, state, text, mask = inputs()
    padded = torch.cat([text, 100 * torch.ones(2, 4, SMALL.text_dim)], 1)
    longer = torch.cat([mask, torch.zeros(2, 4, dtype=torch.bool)], 1)
    short, long = run(policy, images, state, text, mask), run(policy, images, state, padded, longer)
    for key in short:
        torch.testing.assert_close(short[key], long[key])


@pytest.mark.parametrize("changed", ["front", "wrist", "state", "text"])
def test_every_input_matters(policy, changed):
    images, state, text, mask = inputs()
    before = run(policy, images, state, text, mask)["logits"]
    if changed in SMALL.cameras:
        images[SMALL.cameras.index(changed)] = 1 - images[SMALL.cameras.index(changed)]
    elif changed == "state":
        state = -state
    else:
        text = -text
    assert not torch.allclose(before, run(policy, images, state, text, mask)["logits"])


def test_frames_of_a_batch_do_not_mix(policy):
    images, state, text, mask = inputs()
    both = run(policy, images, state, text, mask)["logits"]
    alone = run(policy, [image[:1] for image in images], state[:1], text[:1], mask[:1])["logits"]
    torch.testing.assert_close(both[:1], alone, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_exported_form_takes_camera_images(policy):
    images, state, text, mask = inputs(batch=1)
    pictures = [(255 * image).byte().permute(0, 2, 3, 1) for image in images]
    logits, done = ExportedPolicy(policy)(*pictures, state, text, mask)
    floats = [picture.permute(0, 3, 1, 2) / 255 for picture in pictures]
    raw = run(policy, floats, state, text, mask)["logits"]
    torch.testing.assert_close(logits[:, :, :7], JOINT_SHARPNESS * raw[:, :, :7])
    torch.testing.assert_close(logits[:, :, 7], raw[:, :, 7])
    assert 0 < done.item() < 1
