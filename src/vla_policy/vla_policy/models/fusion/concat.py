"""One vector after the other: the sentence's mean, and every token of the streams whose number is fixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vla_policy.models.fusion.base import Fusion
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.registry import FUSION
from vla_policy.models.streams import Context, ContextShape, Stream, StreamShape, masked_mean


@FUSION.register("concat")
class Concat(Fusion):
    """All streams in one vector, one context token (Diffusion Policy, arXiv 2303.04137, section 3.2: observations).

    Args:
        streams: their shapes, set by the model; widths may differ.
        hidden: widths of an MLP after it; empty: the vector as it is.
    """

    def __init__(self, streams: Mapping[str, StreamShape], hidden: Sequence[int] = ()) -> None:
        width = sum(shape.width * (shape.count or 1) for shape in streams.values())
        super().__init__(ContextShape(hidden[-1] if hidden else width, 1))
        self.counts = {name: shape.count for name, shape in streams.items()}
        self.mlp = mlp(width, hidden) if hidden else nn.Identity()

    def forward(self, streams: Mapping[str, Stream], robot: Tensor) -> Context:
        parts = [
            masked_mean(stream.tokens, stream.mask) if self.counts[name] is None else stream.tokens.flatten(1)
            for name, stream in streams.items()
        ]
        token = self.mlp(torch.cat(parts, -1))[:, None]
        return Context(token, torch.ones(token.shape[:2], dtype=torch.bool, device=token.device), robot)
