"""Images as other cameras in other light would have seen them. Torch, whole batches at once.

One draw of numbers a sample: frames of one sample (a history) are changed alike, cameras each in their own way.
There is no flip among it; ``vla_policy.data.mirror`` mirrors images, numbers and words together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import radians, tan

import torch
import torch.nn.functional as F
from torch import Tensor

from vla_policy.data.errors import DatasetError

_BLUR_PX = 3  # half width of the kernel
# RGB to luma and two chroma axes (YIQ, as in the NTSC standard): a turn of the chroma plane is a change of hue.
_TO_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """How far each change goes; 0 switches it off.

    crop: share of the image that is cut away at most. rotation_rad: about the optical axis. jitter_rad: of the
    camera's other two axes. brightness, contrast, saturation: relative. hue_rad: a turn of the chroma, small, because
    colours have names. blur_px: standard deviation. noise: standard deviation, of [0, 1]. fov_rad: vertical, of the
    camera, for the jitter. share: of the samples that are changed at all.
    """

    crop: float = 0.06
    rotation_rad: float = 0.05
    jitter_rad: float = 0.03
    brightness: float = 0.25
    contrast: float = 0.25
    saturation: float = 0.25
    hue_rad: float = 0.08
    blur_px: float = 0.8
    noise: float = 0.02
    fov_rad: float = radians(60.0)
    share: float = 0.9

    def __post_init__(self) -> None:
        """DatasetError for a value that makes no sense, NaN among them."""
        bounds = {"crop": 0.5, "rotation_rad": 0.5, "jitter_rad": 0.3, "hue_rad": 0.5, "fov_rad": 2.5, "blur_px": 1.5}
        for entry in fields(self):
            value, most = getattr(self, entry.name), bounds.get(entry.name, 1.0)
            if not 0.0 <= value <= most:
                raise DatasetError(f"augmentation: {entry.name} is {value}, not within 0 to {most}")
        if self.fov_rad == 0.0:
            raise DatasetError("augmentation: fov_rad is 0; give the camera's vertical field of view")


class Augmentation:
    """Changes images at random: ``augmentation({"front": images, "wrist": images}, generator)``."""

    def __init__(self, config: AugmentConfig | None = None) -> None:
        """``config``: None for the usual extent."""
        self.config = config or AugmentConfig()

    def __call__(self, images: Mapping[str, Tensor], generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Camera -> (B, 3, H, W) or (B, T, 3, H, W), uint8 or float in [0, 1]; the same shapes as float32 in [0, 1]."""
        return {camera: self._one(batch, generator) for camera, batch in images.items()}

    def _one(self, batch: Tensor, generator: torch.Generator | None) -> Tensor:
        if batch.ndim not in (4, 5) or batch.shape[-3] != 3:
            raise DatasetError(f"augmentation: images have the shape {tuple(batch.shape)}, not (B, [T,] 3, H, W)")
        start = batch.float() / 255.0 if batch.dtype == torch.uint8 else batch.float()
        history = start if start.ndim == 5 else start[:, None]
        draw = _Draw(len(history), history.device, generator)
        changed = self._moved(history, draw)
        changed = self._coloured(changed, draw)
        changed = _blurred(changed, draw.up_to(self.config.blur_px))
        changed = changed + self.config.noise * draw.uniform() * draw.normal_like(changed)
        chosen = draw.uniform() < self.config.share
        return torch.where(chosen, changed.clamp(0.0, 1.0), history).reshape(start.shape)

    def _moved(self, images: Tensor, draw: _Draw) -> Tensor:
        """Crop, rotation and a turned camera in one sampling."""
        config, (height, width) = self.config, images.shape[-2:]
        half = tan(config.fov_rad / 2)
        across = half * width / height
        scale = 1.0 - draw.up_to(config.crop)[:, 0, 0, 0]  # (B, 1)
        shift_x, shift_y = ((1.0 - scale) * draw.signed(1.0)[:, 0, 0, 0] for _ in range(2))
        ys = (torch.arange(height, device=images.device) * 2 + 1) / height - 1
        xs = (torch.arange(width, device=images.device) * 2 + 1) / width - 1
        y, x = (grid.reshape(1, -1) for grid in torch.meshgrid(ys, xs, indexing="ij"))
        rays = torch.stack(
            [(x * scale + shift_x) * across, (y * scale + shift_y) * half, torch.ones_like(x * scale)], -1
        )
        turn = torch.stack(
            [draw.signed(config.jitter_rad), draw.signed(config.jitter_rad), draw.signed(config.rotation_rad)], -1
        )
        rays = rays @ _rotation(turn.reshape(-1, 3)).transpose(1, 2)
        grid = torch.stack([rays[..., 0] / rays[..., 2] / across, rays[..., 1] / rays[..., 2] / half], -1)
        count = images.shape[1]
        grid = grid.reshape(-1, 1, height, width, 2).expand(-1, count, -1, -1, -1).reshape(-1, height, width, 2)
        flat = images.reshape(-1, 3, height, width)
        return F.grid_sample(flat, grid, padding_mode="border", align_corners=False).reshape(images.shape)

    def _coloured(self, images: Tensor, draw: _Draw) -> Tensor:
        config = self.config
        to_yiq = images.new_tensor(_TO_YIQ)
        yiq = torch.einsum("ij,btjhw->btihw", to_yiq, images)
        luma, chroma = yiq[:, :, :1], yiq[:, :, 1:]
        mean = luma.mean((1, 3, 4), keepdim=True)
        luma = (mean + (luma - mean) * (1.0 + draw.signed(config.contrast))) * (1.0 + draw.signed(config.brightness))
        angle = draw.signed(config.hue_rad)[:, :, 0]
        first, second = chroma[:, :, 0], chroma[:, :, 1]
        turned = torch.stack(
            [angle.cos() * first - angle.sin() * second, angle.sin() * first + angle.cos() * second], 2
        )
        chroma = turned * (1.0 + draw.signed(config.saturation))
        return torch.einsum("ij,btjhw->btihw", torch.linalg.inv(to_yiq), torch.cat([luma, chroma], 2))


class _Draw:
    """Random numbers, one a sample: (B, 1, 1, 1, 1)."""

    def __init__(self, count: int, device: torch.device, generator: torch.Generator | None) -> None:
        self._count, self._device, self._generator = count, device, generator

    def uniform(self) -> Tensor:
        """In [0, 1)."""
        made_on = self._device if self._generator is None else self._generator.device
        return torch.rand(self._count, 1, 1, 1, 1, generator=self._generator, device=made_on).to(self._device)

    def up_to(self, most: float) -> Tensor:
        """In [0, most)."""
        return most * self.uniform()

    def signed(self, most: float) -> Tensor:
        """In [-most, most)."""
        return most * (2.0 * self.uniform() - 1.0)

    def normal_like(self, images: Tensor) -> Tensor:
        """Standard normal, of the shape of ``images``."""
        made_on = self._device if self._generator is None else self._generator.device
        return torch.randn(images.shape, generator=self._generator, device=made_on).to(self._device)


def _rotation(vectors: Tensor) -> Tensor:
    """Rotation matrices (B, 3, 3) of rotation vectors (B, 3) [rad]."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    return torch.linalg.matrix_exp(skew)


def _blurred(images: Tensor, sigma_px: Tensor) -> Tensor:
    """Gaussian, with the sample's own standard deviation (B, 1, 1, 1, 1); below 0.1 pixels nothing."""
    count, frames, channels, height, width = images.shape
    offsets = torch.arange(-_BLUR_PX, _BLUR_PX + 1, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma_px.reshape(-1, 1).clamp_min(0.1)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(frames * channels, 0)
    flat = images.reshape(1, -1, height, width)
    flat = F.pad(flat, [_BLUR_PX] * 4, mode="replicate")
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=count * frames * channels)
    return F.conv2d(flat, kernel[:, None, None, :], groups=count * frames * channels).reshape(images.shape)
