"""Patches of a small strided CNN: for depth images, and as the light stem of Octo."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from vla_policy.models.registry import VISION
from vla_policy.models.vision.base import HALF, VisionEncoder
from vla_policy.presets.spec import PresetError


class ConvPatches(nn.Module):
    """(B, inputs, height, width) -> (B, S, outputs), one token for each patch.

    Strided 3x3 convolutions with group normalization, then patches of what is left (Xiao et al. 2021, arXiv
    2106.14881, "Early convolutions help transformers see better"; Octo's SmallStem16).
    """

    def __init__(self, inputs: int, stem: Sequence[int], patch: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels in stem:
            groups = min(32, channels)
            layers += [nn.Conv2d(inputs, channels, 3, 2, 1), nn.GroupNorm(groups, channels), nn.ReLU()]
            inputs = channels
        self.stem = nn.Sequential(*layers)
        size = max(1, patch // 2 ** len(stem))
        self.embed = nn.Conv2d(inputs, outputs, size, size)

    def forward(self, images: Tensor) -> Tensor:
        return self.embed(self.stem(images)).flatten(2).transpose(1, 2)


@VISION.register("conv_patches")
class ConvStem(VisionEncoder):
    """Octo's image tokenizer: a light stem, so that the transformer does the work (arXiv 2405.12213, section III-A).

    Args:
        height: of the images, set by the camera.
        width: of the images, set by the camera.
        condition: width of the sentence, which it ignores.
        stem: channels of the strided convolutions.
        patch: side of a patch [pixels].
        channels: of a token.
    """

    def __init__(
        self,
        height: int,
        width: int,
        condition: int | None,
        stem: Sequence[int] = (32, 96, 192, 384),
        patch: int = 16,
        channels: int = 512,
    ) -> None:
        if height % patch or width % patch:
            raise PresetError(f"patch: {height}x{width} pixels are no whole number of patches of {patch}")
        super().__init__(channels, (height // patch) * (width // patch), HALF)
        self.patches = ConvPatches(3, stem, patch, channels)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.patches(self.colours(images))
