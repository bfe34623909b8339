"""A softmax over bins for each number, straight from the context."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vla_policy.models.heads.base import ActionHead, HeadShape
from vla_policy.models.heads.bins import Bins
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.layers.per_robot import PerRobotLinear
from vla_policy.models.registry import HEAD
from vla_policy.models.streams import Context, Target
from vla_policy.presets.spec import PresetError, unknown

READS = ("pooled", "tokens")


@HEAD.register("discrete")
class Discrete(ActionHead):
    """Bins of every number of the chunk (RT-1, arXiv 2212.06817, section 5.1: 256 for each dimension).

    Args:
        shape: set by the model.
        read: ``pooled``: the mean of the context answers everything; ``tokens``: the context has one token for each
            number of the chunk, in order.
        hidden: widths of an MLP before.
        bins: of one number.
        low: of the bins, in normalized actions.
        high: of the bins, in normalized actions.
        decode: ``argmax`` or ``expected``.
    """

    def __init__(
        self,
        shape: HeadShape,
        read: str = "pooled",
        hidden: Sequence[int] = (),
        bins: int = 256,
        low: float = -1.0,
        high: float = 1.0,
        decode: str = "argmax",
    ) -> None:
        super().__init__(shape)
        if read not in READS:
            raise unknown(read, READS, "read", "way to read")
        numbers = shape.horizon * shape.action
        if read == "tokens" and shape.context.count != numbers:
            raise PresetError(
                f"read: tokens needs {numbers} context tokens, horizon times dimensions; the fusion gives "
                f"{shape.context.count}: set its readouts to {numbers}"
            )
        self.read = read
        self.mlp = mlp(shape.context.width, hidden)
        width = hidden[-1] if hidden else shape.context.width
        self.logits = PerRobotLinear(width, bins if read == "tokens" else bins * numbers, shape.robots)
        self.bins = Bins(bins, low, high, decode)

    def forward(self, context: Context) -> Tensor:
        """(B, H, A, bins) logits."""
        x = self.mlp(context.tokens if self.read == "tokens" else context.pooled())
        return self.logits(x, context.robot).reshape(-1, self.shape.horizon, self.shape.action, self.bins.bins)

    def loss(self, context: Context, target: Target) -> dict[str, Tensor]:
        return self.bins.loss(self(context), target)

    def act(self, context: Context, noise: Tensor | None) -> Tensor:
        return self.bins.decode(self(context))
