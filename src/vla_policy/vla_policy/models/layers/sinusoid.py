"""A number as sines and cosines."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sinusoid(x: Tensor, width: int, shortest: float = 4e-3, longest: float = 4.0) -> Tensor:
    """(B,) -> (B, width): sines and cosines whose periods go from ``shortest`` to ``longest`` in equal ratios.

    Time in [0, 1] as pi0 encodes it (arXiv 2410.24164, appendix B).
    """
    ratio = torch.linspace(0.0, 1.0, width // 2, device=x.device)
    angle = x[:, None] * (2 * math.pi / (shortest * (longest / shortest) ** ratio))
    return torch.cat([angle.sin(), angle.cos()], -1)
