"""Two image encoders side by side: DINOv2 for where things are, SigLIP for what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vla_policy.models.registry import VISION
from vla_policy.models.vision.base import VisionEncoder
from vla_policy.presets.spec import PresetError


@VISION.register("dinov2_siglip")
class FusedVision(VisionEncoder):
    """Patch tokens of DINOv2 and SigLIP, concatenated channel by channel.

    Prismatic VLMs (Karamcheti et al. 2024, arXiv 2402.07865, section 4.2), as OpenVLA uses it (arXiv 2406.09246).

    Args:
        dinov2: options of the ``dinov2`` encoder.
        siglip: options of the ``siglip`` encoder; the same patches.
    """

    positioned = True

    def __init__(
        self,
        height: int,
        width: int,
        condition: int | None,
        dinov2: Mapping[str, Any] | None = None,
        siglip: Mapping[str, Any] | None = None,
    ) -> None:
        given = (height, width, condition)
        first = VISION.build({"type": "dinov2", "summary": False, **(dinov2 or {})}, "dinov2", *given)
        second = VISION.build({"type": "siglip", **(siglip or {})}, "siglip", *given)
        if first.count != second.count:
            raise PresetError(f"dinov2 has {first.count} patches and siglip {second.count}; give both one patch_size")
        super().__init__(first.width + second.width, first.count)
        self.dinov2 = first
        self.siglip = second

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.cat([self.dinov2(images), self.siglip(images)], -1)
