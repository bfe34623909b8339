"""What the blocks hand to each other: streams of tokens into the fusion, one context out of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Stream:
    """Tokens of one origin: ``vision``, ``language``, ``state``, ``robot`` or ``depth``.

    tokens: (B, S, W).
    mask: (B, S) bool, true where a token is.
    frames: frames of history that the tokens are of, in order, S / frames tokens each; 0: of no frame (a task).
    """

    tokens: Tensor
    mask: Tensor
    frames: int = 0


@dataclass(frozen=True, slots=True)
class StreamShape:
    """What is known of a stream when the model is built; ``count`` None: changes from batch to batch."""

    width: int
    count: int | None
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """All that an action head sees.

    tokens: (B, S, W).
    mask: (B, S) bool.
    robot: (B,) int64.
    """

    tokens: Tensor
    mask: Tensor
    robot: Tensor

    def repeated(self, times: int) -> Context:
        """Each sample ``times`` times, one behind the other."""
        if times == 1:
            return self
        tokens, mask, robot = (part.repeat_interleave(times, 0) for part in (self.tokens, self.mask, self.robot))
        return replace(self, tokens=tokens, mask=mask, robot=robot)

    def pooled(self) -> Tensor:
        """(B, W), the mean of the tokens."""
        return masked_mean(self.tokens, self.mask)


@dataclass(frozen=True, slots=True)
class ContextShape:
    """What is known of a context when the model is built."""

    width: int
    count: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """Labels of a head.

    actions: (B, H, A) normalized.
    weight: (B, H, A) float, 0 where there is no label: padding, or a column that the robot does not have.
    skill: (B,) int64, where the batch says it.
    """

    actions: Tensor
    weight: Tensor
    skill: Tensor | None = None

    def repeated(self, times: int) -> Target:
        """Each sample ``times`` times, one behind the other."""
        actions, weight = (part.repeat_interleave(times, 0) for part in (self.actions, self.weight))
        return replace(self, actions=actions, weight=weight)

    def mean(self, error: Tensor) -> Tensor:
        """The mean of ``error`` (B, H, A) over what is labelled."""
        return (error * self.weight).sum() / self.weight.sum().clamp(min=1.0)


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """(B, S, W), (B, S) -> (B, W)."""
    weight = mask.to(tokens.dtype)[:, :, None]
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1.0)
