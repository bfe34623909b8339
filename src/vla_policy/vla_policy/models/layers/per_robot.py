"""Projections of which every robot has its own, as its numbers are its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PerRobotLinear(nn.Module):
    """One linear layer for each robot (as the embodiment-specific projectors of GR00T N1, arXiv 2503.14734, sec. 2.1).

    With one robot it is a plain linear layer. With several all are computed and each sample keeps its own, which is
    cheap for the last layer of a head, and exports.
    """

    def __init__(self, inputs: int, outputs: int, robots: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for _ in range(robots))

    def forward(self, x: Tensor, robot: Tensor) -> Tensor:
        """x (B, ..., inputs), robot (B,) -> (B, ..., outputs)."""
        result = self.layers[0](x)
        shape = (-1,) + (1,) * (x.ndim - 1)
        for index, layer in enumerate(self.layers[1:], start=1):
            result = torch.where((robot == index).reshape(shape), layer(x), result)
        return result
