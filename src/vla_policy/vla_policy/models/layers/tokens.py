"""Learned tokens."""

from __future__ import annotations

import torch
from torch import nn


def learned(count: int, width: int) -> nn.Parameter:
    """(1, count, width) learned tokens, small at first."""
    return nn.Parameter(torch.randn(1, count, width) * 0.02)
