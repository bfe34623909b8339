"""What every fusion is."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vla_policy.models.streams import ContextShape, Stream, StreamShape
from vla_policy.presets.spec import PresetError


class Fusion(nn.Module):
    """Base of the fusions; ``forward(streams, robot)`` gives the context of the action head.

    Attributes:
        shape: of the context.
    """

    def __init__(self, shape: ContextShape) -> None:
        super().__init__()
        self.shape = shape


def common_width(streams: Mapping[str, StreamShape]) -> int:
    """The one width of all streams.

    Raises:
        PresetError: they differ.
    """
    widths = {name: shape.width for name, shape in streams.items()}
    if len(set(widths.values())) > 1:
        listed = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise PresetError(f"needs streams of one width, these are: {listed}; set the model's width")
    return next(iter(widths.values()))


def total_count(streams: Mapping[str, StreamShape]) -> int | None:
    """Tokens of all streams together; None where one of them changes."""
    counts = [shape.count for shape in streams.values()]
    return None if None in counts else sum(count for count in counts if count is not None)


def joined(streams: Mapping[str, Stream]) -> tuple[Tensor, Tensor]:
    """All tokens in one row: (B, S, W), (B, S)."""
    tokens = torch.cat([stream.tokens for stream in streams.values()], 1)
    return tokens, torch.cat([stream.mask for stream in streams.values()], 1)
