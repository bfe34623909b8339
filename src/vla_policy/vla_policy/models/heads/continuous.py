"""Numbers, straight from the context."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from vla_policy.models.heads.base import ActionHead, HeadShape
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.layers.per_robot import PerRobotLinear
from vla_policy.models.layers.tokens import learned
from vla_policy.models.layers.transformer import Transformer, key_mask
from vla_policy.models.registry import HEAD
from vla_policy.models.streams import Context, Target
from vla_policy.presets.spec import PresetError, unknown

ERRORS = ("l1", "mse", "huber")


@HEAD.register("continuous")
class Continuous(ActionHead):
    """tanh(MLP) · scale + bias: bounded numbers, in normalized actions.

    Args:
        shape: set by the model.
        hidden: widths of the MLP.
        error: ``l1`` (ACT, arXiv 2304.13705: more precise than ``mse``), ``mse``, or ``huber``.
        scale: half the range that can be answered.
        bias: the middle of it.
        queries: decoder layers in which one learned query for each step reads the context; 0: its mean answers.
        heads: of their attention.
    """

    def __init__(
        self,
        shape: HeadShape,
        hidden: Sequence[int] = (256, 256),
        error: str = "l1",
        scale: float = 1.0,
        bias: float = 0.0,
        queries: int = 0,
        heads: int = 8,
    ) -> None:
        super().__init__(shape)
        if error not in ERRORS:
            raise unknown(error, ERRORS, "error", "error")
        if not scale > 0:
            raise PresetError(f"scale: expected a number above 0; got {scale}")
        width = shape.context.width
        self.error, self.scale, self.bias = error, scale, bias
        self.queries = learned(shape.horizon, width) if queries else None
        self.decoder = Transformer(width, queries, heads, memory_width=width) if queries else None
        self.mlp = mlp(width, hidden)
        outputs = shape.action if queries else shape.action * shape.horizon
        self.out = PerRobotLinear(hidden[-1] if hidden else width, outputs, shape.robots)

    def forward(self, context: Context) -> Tensor:
        """(B, H, A)."""
        x = context.pooled()
        if self.decoder is not None and self.queries is not None:
            queries = self.queries.expand(len(x), -1, -1)
            x = self.decoder(queries, memory=context.tokens, memory_mask=key_mask(context.mask))
        y = self.out(self.mlp(x), context.robot).reshape(-1, self.shape.horizon, self.shape.action)
        return y.tanh() * self.scale + self.bias

    def loss(self, context: Context, target: Target) -> dict[str, Tensor]:
        losses = {"l1": nn.functional.l1_loss, "mse": nn.functional.mse_loss, "huber": nn.functional.huber_loss}
        return {"action": target.mean(losses[self.error](self(context), target.actions, reduction="none"))}

    def act(self, context: Context, noise: Tensor | None) -> Tensor:
        return self(context)
