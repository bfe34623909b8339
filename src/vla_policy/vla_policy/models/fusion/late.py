"""Late fusion: every stream is summed up alone, and the sums are combined."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vla_policy.models.fusion.base import Fusion, common_width
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.layers.tokens import learned
from vla_policy.models.layers.transformer import Attention, key_mask
from vla_policy.models.registry import FUSION
from vla_policy.models.streams import Context, ContextShape, Stream, StreamShape, masked_mean
from vla_policy.presets.spec import unknown

COMBINATIONS = ("learned", "attended")


@FUSION.register("late")
class Late(Fusion):
    """One vector for each stream, then one context token.

    Args:
        streams: their shapes, set by the model.
        combine: ``learned``: a softmax over one learned weight for each stream; ``attended``: a learned query attends
            to the streams, so that the weights depend on what they say.
        heads: of the attention.
        hidden: of the MLP of each stream before, and of the one after.
    """

    def __init__(
        self, streams: Mapping[str, StreamShape], combine: str = "attended", heads: int = 8, hidden: int = 512
    ) -> None:
        if combine not in COMBINATIONS:
            raise unknown(combine, COMBINATIONS, "combine", "combination")
        width = common_width(streams)
        super().__init__(ContextShape(width, 1))
        self.before = nn.ModuleDict({name: mlp(width, [hidden], width) for name in streams})
        self.weights = nn.Parameter(torch.zeros(len(streams))) if combine == "learned" else None
        self.query = learned(1, width) if combine == "attended" else None
        self.attention = Attention(width, heads) if combine == "attended" else None
        self.after = nn.Sequential(nn.LayerNorm(width), mlp(width, [hidden], width))

    def forward(self, streams: Mapping[str, Stream], robot: Tensor) -> Context:
        sums = [self.before[name](masked_mean(stream.tokens, stream.mask)) for name, stream in streams.items()]
        stacked = torch.stack(sums, 1)
        if self.weights is not None:
            one = (stacked * self.weights.softmax(0)[None, :, None]).sum(1, keepdim=True)
        elif self.attention is not None and self.query is not None:
            everything = torch.ones(stacked.shape[:2], dtype=torch.bool, device=stacked.device)
            one = self.attention(self.query.expand(len(stacked), -1, -1), stacked, key_mask(everything))
        token = one + self.after(one)
        return Context(token, torch.ones(token.shape[:2], dtype=torch.bool, device=token.device), robot)
