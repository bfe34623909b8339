"""What every body is."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from vla_policy.models.batch import Batch
from vla_policy.models.streams import Target
from vla_policy.presets.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answers.

    actions: (B, H, A).
    done: (B,) probability that the task is completed; None without a ``completion`` head.
    value: (B,) expected return; None without a ``value`` head.
    """

    actions: Tensor
    done: Tensor | None = None
    value: Tensor | None = None


class Body(nn.Module):
    """Base of the bodies. In its batches ``state`` is normalized and ``robot`` is given.

    Attributes:
        stochastic: whether ``predict`` starts from noise.
        silent: parts of the names of parameters that no loss reaches, though they are trained in the model's paper;
            training on several devices has to be told of them.
        not_exported: why it cannot become ONNX; empty: it can.
    """

    stochastic = False
    silent: tuple[str, ...] = ()
    not_exported = ""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec

    def loss(self, batch: Batch, target: Target) -> tuple[Tensor, dict[str, Tensor]]:
        """What is minimized, and its parts by name."""
        raise NotImplementedError

    def predict(self, batch: Batch, noise: Tensor | None) -> Prediction:
        """Normalized actions. noise: (B, H, A) standard normal where the body is stochastic."""
        raise NotImplementedError

    def after_step(self) -> None:
        """What has to happen after each step of the optimizer: nothing, for most."""

    def set_frozen(self) -> None:
        """Puts what is frozen back into evaluation, whatever mode the rest is in."""
        for module in self.modules():
            if getattr(module, "frozen", False):
                module.eval()
