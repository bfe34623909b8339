"""Augmentation: what each change does, that it repeats, and what it must not do."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

from vla_policy.data.augment import Augmentation, AugmentConfig  # noqa: E402
from vla_policy.data.errors import DatasetError  # noqa: E402

OFF = AugmentConfig(**{field.name: 0.0 for field in dataclasses.fields(AugmentConfig) if field.name != "fov_rad"})


def only(**values: float) -> Augmentation:
    return Augmentation(dataclasses.replace(OFF, share=1.0, **values))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(count: int = 8, size: int = 32) -> torch.Tensor:
    """Waves with a fine texture, different from sample to sample, away from 0 and 1."""
    y, x = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    phase = torch.arange(count).reshape(-1, 1, 1, 1) + torch.arange(3).reshape(1, 3, 1, 1)
    texture = torch.rand(3, size, size, generator=generator(9)) - 0.5
    return 0.5 + 0.2 * torch.sin(5 * x + 3 * y + phase) + 0.1 * texture


def test_switched_off_it_changes_nothing_but_the_type() -> None:
    images = (picture() * 255).to(torch.uint8)
    out = Augmentation(OFF)({"front": images}, generator())["front"]
    torch.testing.assert_close(out, images.float() / 255.0)
    torch.testing.assert_close(
        only()({"front": images}, generator())["front"], images.float() / 255.0, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(
    "name", [field.name for field in dataclasses.fields(AugmentConfig) if field.name not in ("fov_rad", "share")]
)
def test_each_change_changes_and_stays_an_image(name: str) -> None:
    images = picture()
    out = only(**{name: getattr(AugmentConfig(), name)})({"front": images}, generator())["front"]
    assert out.shape == images.shape and out.dtype == torch.float32
    assert torch.isfinite(out).all() and out.min() >= 0.0 and out.max() <= 1.0
    assert ((out - images).abs().amax((1, 2, 3)) > 1e-4).sum() >= 4  # a draw may be near none
    assert (out - images).abs().mean() < 0.12


def test_the_same_seed_gives_the_same_images_and_another_seed_others() -> None:
    first, again, other = (Augmentation()({"a": picture(), "b": picture()}, generator(s)) for s in (1, 1, 2))
    torch.testing.assert_close(first, again, atol=0, rtol=0)
    assert (first["a"] - other["a"]).abs().max() > 0.01
    assert (first["a"] - first["b"]).abs().max() > 0.01  # cameras each in their own way


def test_frames_of_one_sample_are_changed_alike() -> None:
    images = picture()[:, None].expand(-1, 3, -1, -1, -1)
    out = Augmentation(dataclasses.replace(AugmentConfig(), noise=0.0))({"front": images}, generator())["front"]
    torch.testing.assert_close(out[:, 0], out[:, 2], atol=1e-6, rtol=0)
    assert (out[0] - out[1]).abs().max() > 0.01


def test_the_share_of_changed_samples() -> None:
    images = picture(400, 8)
    config = dataclasses.replace(AugmentConfig(), share=0.5)
    out = Augmentation(config)({"front": images}, generator())["front"]
    changed = (out != images).flatten(1).any(1).float().mean()
    assert 0.4 < changed < 0.6


def test_a_rotation_turns_about_the_middle_and_never_mirrors() -> None:
    images = torch.zeros(32, 3, 33, 33)
    images[:, :, 16, 16] = 1.0  # the middle
    images[:, 0, 16, 28] = 1.0  # red on the right
    images[:, 1, 16, 4] = 1.0  # green on the left
    out = only(rotation_rad=0.3)({"front": images}, generator())["front"]
    assert (out[:, 2, 16, 16] > 0.9).all()
    assert (out[:, 0, :, 20:].amax((1, 2)) > 0.2).all() and out[:, 0, :, :12].max() < 1e-6
    assert (out[:, 1, :, :12].amax((1, 2)) > 0.2).all() and out[:, 1, :, 20:].max() < 1e-6
    heights = out[:, 0, :, 20:].amax(2).argmax(1)
    assert heights.min() < 16 < heights.max()  # both ways


def test_hue_turns_little_enough_that_colours_keep_their_names() -> None:
    red, green, blue = torch.eye(3).reshape(3, 3, 1, 1).expand(3, 3, 8, 8) * 0.7 + 0.1
    for index, color in enumerate((red, green, blue)):
        out = Augmentation()({"front": color[None].expand(64, -1, -1, -1)}, generator())["front"]
        assert (out.mean((2, 3)).argmax(1) == index).all()


def test_blur_keeps_the_mean_and_softens_edges() -> None:
    images = torch.zeros(16, 3, 16, 16)
    images[..., 8:] = 0.8
    out = only(blur_px=1.5)({"front": images}, generator())["front"]
    torch.testing.assert_close(out.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=1e-3, rtol=0)
    edges = (out[..., 8] - out[..., 7]).amax((1, 2))
    assert (edges < 0.801).all() and edges.min() < 0.3 < 0.6 < edges.max()  # some hardly, some much


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crop": 0.7}, "crop is 0.7, not within 0 to 0.5"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"hue_rad": float("nan")}, "hue_rad is nan"),
        ({"fov_rad": 0.0}, "fov_rad is 0"),
    ],
)
def test_impossible_extents_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        AugmentConfig(**values)


def test_images_of_another_layout_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"\(2, 8, 8, 3\), not \(B, \[T,\] 3, H, W\)"):
        Augmentation()({"front": torch.zeros(2, 8, 8, 3)})
