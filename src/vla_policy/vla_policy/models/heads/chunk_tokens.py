"""A whole chunk of action tokens at once, by learned queries."""

from __future__ import annotations

from torch import Tensor

from vla_policy.models.heads.base import ActionHead, HeadShape
from vla_policy.models.heads.bins import Bins
from vla_policy.models.layers.per_robot import PerRobotLinear
from vla_policy.models.layers.tokens import learned
from vla_policy.models.layers.transformer import Transformer, key_mask
from vla_policy.models.registry import HEAD
from vla_policy.models.streams import Context, Target
from vla_policy.presets.spec import PresetError, unknown

QUERIES = ("step", "number")


@HEAD.register("chunk_tokens")
class ChunkTokens(ActionHead):
    """A transformer decoder whose learned queries read the context; each answers with bins.

    Queries as in DETR (arXiv 2005.12872) and ACT (arXiv 2304.13705, section IV); 256 bins as in RT-1.

    Args:
        shape: set by the model.
        queries: ``step``: one for each step of the chunk, which answers all dimensions; ``number``: one for each
            step and dimension.
        layers: of the decoder.
        heads: of its attention.
        width: of its tokens; None: of the context.
        mlp: hidden width; None: four times the width.
        bins: of one number.
        low: of the bins, in normalized actions.
        high: of the bins, in normalized actions.
        decode: ``argmax``, or ``expected``: the mean under the softmax.
        smoothing: of the labels.
        dropout: in training.
    """

    def __init__(
        self,
        shape: HeadShape,
        queries: str = "step",
        layers: int = 4,
        heads: int = 8,
        width: int | None = None,
        mlp: int | None = None,
        bins: int = 256,
        low: float = -1.0,
        high: float = 1.0,
        decode: str = "argmax",
        smoothing: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(shape)
        if queries not in QUERIES:
            raise unknown(queries, QUERIES, "queries", "kind of queries")
        if not 0 <= smoothing < 1:
            raise PresetError(f"smoothing: expected a number from 0 to below 1; got {smoothing}")
        width = width or shape.context.width
        count = shape.horizon * (shape.action if queries == "number" else 1)
        self.queries = learned(count, width)
        self.decoder = Transformer(width, layers, heads, mlp, shape.context.width, dropout)
        answers = bins if queries == "number" else bins * shape.action
        self.logits = PerRobotLinear(width, answers, shape.robots)
        self.bins = Bins(bins, low, high, decode)
        self.smoothing = smoothing

    def forward(self, context: Context) -> Tensor:
        """(B, H, A, bins) logits."""
        queries = self.queries.expand(context.tokens.shape[0], -1, -1)
        x = self.decoder(queries, memory=context.tokens, memory_mask=key_mask(context.mask))
        return self.logits(x, context.robot).reshape(-1, self.shape.horizon, self.shape.action, self.bins.bins)

    def loss(self, context: Context, target: Target) -> dict[str, Tensor]:
        return self.bins.loss(self(context), target, self.smoothing)

    def act(self, context: Context, noise: Tensor | None) -> Tensor:
        return self.bins.decode(self(context))
