"""Physical <-> normalized numbers, by statistics that the model carries in its weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vla_policy.presets.spec import PresetError


class Normalization(nn.Module):
    """normalized = (x - offset) / scale, per robot and dimension; the identity until ``set`` is called.

    The same rule as ``vla_core.normalization``: mean and std, or the middle and half of a range, by whoever calls
    ``set``. A dimension without spread (scale 0) normalizes to 0 and comes back as its offset; no epsilon anywhere.
    """

    def __init__(self, robots: int, dimensions: int) -> None:
        super().__init__()
        self.register_buffer("offset", torch.zeros(robots, dimensions))
        self.register_buffer("scale", torch.ones(robots, dimensions))

    def set(self, offset: Tensor, scale: Tensor, robot: int = 0) -> None:
        """Statistics of one robot, each (D,) with D its own number of dimensions.

        Raises:
            PresetError: wrong length, not finite, or a scale below 0.
        """
        for name, value in (("offset", offset), ("scale", scale)):
            if value.ndim != 1 or len(value) > self.offset.shape[1]:
                raise PresetError(f"{name}: expected at most {self.offset.shape[1]} numbers; got {tuple(value.shape)}")
            if not torch.isfinite(value).all():
                raise PresetError(f"{name}: {value.tolist()} holds a number that is not finite; compute it again")
        if (scale < 0).any():
            raise PresetError(f"scale: {scale.tolist()} holds a number below 0; a spread is 0 or more")
        self.offset[robot, : len(offset)] = offset.to(self.offset)
        self.scale[robot, : len(scale)] = scale.to(self.scale)

    def normalize(self, x: Tensor, robot: Tensor) -> Tensor:
        """x (B, D) or (B, H, D), robot (B,)."""
        offset, scale = self._of(x, robot)
        inverse = torch.where(scale == 0, torch.zeros_like(scale), 1 / scale)
        return (x - offset) * inverse

    def unnormalize(self, x: Tensor, robot: Tensor) -> Tensor:
        """x (B, D) or (B, H, D), robot (B,)."""
        offset, scale = self._of(x, robot)
        return x * scale + offset

    def _of(self, x: Tensor, robot: Tensor) -> tuple[Tensor, Tensor]:
        offset, scale = self.offset[robot], self.scale[robot]
        return (offset, scale) if x.ndim == 2 else (offset[:, None], scale[:, None])
