"""Feature-wise linear modulation (Perez et al. 2018, arXiv 1709.07871)."""

from __future__ import annotations

from torch import Tensor, nn


class FiLM(nn.Module):
    """x · (1 + gain) + shift, both linear in the condition and zero at first.

    Starting at the identity keeps a pretrained image encoder intact (RT-1, arXiv 2212.06817, section 5.1).
    """

    def __init__(self, condition: int, channels: int, zero: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(condition, 2 * channels)
        if zero:
            nn.init.zeros_(self.linear.weight)
            nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (B, channels, ...) or, with the channels last, (B, S, channels) of ndim 3; condition (B, condition)."""
        gain, shift = self.linear(condition).chunk(2, -1)
        if x.ndim == 4:
            return x * (1 + gain[:, :, None, None]) + shift[:, :, None, None]
        return x * (1 + gain[:, None]) + shift[:, None]
