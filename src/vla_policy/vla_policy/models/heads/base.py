"""What every action head is."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from vla_policy.models.streams import Context, ContextShape, Target


@dataclass(frozen=True, slots=True)
class HeadShape:
    """What the model tells its head."""

    context: ContextShape
    horizon: int
    action: int
    """Columns of an action."""
    robots: int


class ActionHead(nn.Module):
    """Base of the action heads, in normalized actions.

    Attributes:
        stochastic: whether ``act`` starts from noise.
    """

    stochastic = False

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape

    def loss(self, context: Context, target: Target) -> dict[str, Tensor]:
        """Scalars by name; ``action`` is what is minimized, others are only reported."""
        raise NotImplementedError

    def act(self, context: Context, noise: Tensor | None) -> Tensor:
        """(B, H, A). noise: (B, H, A), standard normal, for stochastic heads; None for the others."""
        raise NotImplementedError
