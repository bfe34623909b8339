"""What every image encoder is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vla_policy.presets.spec import PresetError

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


class VisionEncoder(nn.Module):
    """Base of the image encoders; ``forward(images, condition)`` gives (B, count, width).

    images: (B, 3, height, width) in [0, 1]; each encoder subtracts the mean and divides by the deviation that its
        weights were made for.
    condition: (B, C) of the sentence, for encoders that language modulates; others ignore it.

    Attributes:
        width: of a token.
        count: tokens of one image.
        positioned: whether a token says where in the image it is from.
        conditioned: whether ``condition`` matters.
    """

    positioned = False
    conditioned = False

    def __init__(self, width: int, count: int, colours: tuple[Sequence[float], Sequence[float]] = IMAGENET) -> None:
        super().__init__()
        self.width = width
        self.count = count
        # Constants of the encoder, not of its training: kept out of checkpoints.
        self.register_buffer("mean", torch.tensor(colours[0])[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(colours[1])[:, None, None], persistent=False)

    def colours(self, images: Tensor) -> Tensor:
        """Images in [0, 1] in the range that the weights expect."""
        return (images - self.mean) / self.deviation


def square(height: int, width: int) -> int:
    """The side of a square image.

    Raises:
        PresetError: it is none.
    """
    if height != width:
        raise PresetError(f"takes square images; the camera has {height}x{width}; crop or resize to a square")
    return height
