"""Early fusion: all tokens in one sequence through a joint encoder."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from vla_policy.models.fusion.base import Fusion, common_width, joined, total_count
from vla_policy.models.layers.tokens import learned
from vla_policy.models.layers.transformer import Transformer, key_mask
from vla_policy.models.registry import FUSION
from vla_policy.models.streams import Context, ContextShape, Stream, StreamShape


@FUSION.register("joint")
class JointEncoder(Fusion):
    """A transformer over every stream and, optionally, ``readouts`` of its own.

    Args:
        streams: their shapes, set by the model.
        layers: of the transformer.
        heads: of the attention.
        mlp: hidden width; None: four times the width.
        head_width: of one attention head; None: width / heads.
        readouts: learned tokens that read everything and that nothing reads; they alone are the context then. Octo's
            (arXiv 2405.12213, section III-A). 0: the whole sequence is the context.
        causal: whether a frame sees only itself, earlier frames and the task, as in Octo.
        dropout: in training.
    """

    def __init__(
        self,
        streams: Mapping[str, StreamShape],
        layers: int = 4,
        heads: int = 8,
        mlp: int | None = None,
        head_width: int | None = None,
        readouts: int = 0,
        causal: bool = False,
        dropout: float = 0.0,
    ) -> None:
        width = common_width(streams)
        super().__init__(ContextShape(width, readouts or total_count(streams)))
        self.transformer = Transformer(width, layers, heads, mlp, dropout=dropout, head_width=head_width)
        self.readouts = learned(readouts, width) if readouts else None
        self.causal = causal

    def forward(self, streams: Mapping[str, Stream], robot: Tensor) -> Context:
        tokens, mask = joined(streams)
        allowed = key_mask(mask)
        if self.causal:
            frames = _frames(streams, tokens.device)
            allowed = allowed & (frames[None, :] <= frames[:, None])
        if self.readouts is None:
            return Context(self.transformer(tokens, allowed), mask, robot)
        count = self.readouts.shape[1]
        size = tokens.shape[0]
        sequence = torch.cat([tokens, self.readouts.expand(size, -1, -1)], 1)
        keys = torch.cat([mask, mask.new_ones(size, count)], 1)
        reads = torch.cat([mask.new_zeros(mask.shape[1]), mask.new_ones(count)])
        # What is no readout does not see readouts; readouts see everything.
        allowed = key_mask(keys) & (reads[:, None] | ~reads[None, :])
        if self.causal:
            frames = torch.cat([_frames(streams, tokens.device), torch.full((count,), 10**6, device=tokens.device)])
            allowed = allowed & (frames[None, :] <= frames[:, None])
        read = self.transformer(sequence, allowed)[:, -count:]
        return Context(read, mask.new_ones(size, count), robot)


def _frames(streams: Mapping[str, Stream], device: torch.device) -> Tensor:
    """(S,) the frame of each token; -1 for tokens of the task. State and robot belong to the newest frame."""
    last = max((stream.frames for stream in streams.values()), default=1) - 1
    parts = []
    for name, stream in streams.items():
        count = stream.tokens.shape[1]
        if stream.frames:
            parts.append(torch.arange(stream.frames, device=device).repeat_interleave(count // stream.frames))
        else:
            parts.append(torch.full((count,), -1 if name == "language" else last, device=device))
    return torch.cat(parts)
