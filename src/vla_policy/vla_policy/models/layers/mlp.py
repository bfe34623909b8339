"""Multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def mlp(
    inputs: int, hidden: Sequence[int], outputs: int | None = None, activation: type[nn.Module] = nn.GELU
) -> nn.Sequential:
    """Linear and activation for each of ``hidden``, then a linear layer to ``outputs`` unless it is None."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), activation()]
        inputs = width
    if outputs is not None:
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)
