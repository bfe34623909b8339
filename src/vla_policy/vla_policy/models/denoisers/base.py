"""What every denoiser is."""

from __future__ import annotations

from torch import Tensor, nn

from vla_policy.models.heads.base import HeadShape
from vla_policy.models.streams import Context


class Denoiser(nn.Module):
    """Base of the denoisers; ``forward(actions, time, context)`` gives (B, H, A).

    actions: (B, H, A) with noise in them.
    time: (B,) how far the noise has got, 0 to 1.
    """

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, actions: Tensor, time: Tensor, context: Context) -> Tensor:
        raise NotImplementedError
