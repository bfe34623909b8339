"""What can be chosen of a training, checked when it is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from vla_policy.cloning.errors import TrainError, not_among

PRECISIONS = ("no", "bf16", "fp16")
NORMALIZATIONS = ("quantile", "min_max", "mean_std")
LORA_PARTS = ("vision", "language")
BALANCED = "balanced"
CHANGEABLE = ("log_every", "save_every", "tensorboard")
"""Options that may change when a run goes on: they do not touch the weights."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """One training; everything but ``CHANGEABLE`` decides the weights.

    steps: of the optimizer. batch: samples a step and process. rate: of learning, at its highest, reached after
    ``warmup`` steps, falling as a cosine to a twentieth. clip: largest norm of the gradient. precision: mixed, by
    accelerate. checkpointing: activations are computed again in the backward pass instead of kept. lora_rank: 0: every
    parameter is trained; otherwise low-rank adapters in the encoders ``lora_parts`` (Hu et al. 2021, arXiv
    2106.09685), which are merged at the end. augment: images. task_weights: task -> how often it is drawn, relative
    to its share of the frames; ``{"balanced": 1}``: every task as often as any other. actions: column of the dataset
    that holds them; None: ``labels.chunk`` where there is one that is long enough, else ``action``. discount: of a
    step, for value heads. diverged_above: multiple of the lowest smoothed loss; diverged_after: steps in a row beyond
    it that stop the run.
    """

    steps: int = 10_000
    batch: int = 64
    rate: float = 3e-4
    warmup: int = 200
    weight_decay: float = 1e-4
    clip: float = 1.0
    seed: int = 0
    precision: str = "no"
    checkpointing: bool = False
    lora_rank: int = 0
    lora_parts: tuple[str, ...] = LORA_PARTS
    augment: bool = False
    task_weights: Mapping[str, float] = field(default_factory=dict)
    actions: str | None = None
    normalization: str = "quantile"
    discount: float = 0.98
    diverged_above: float = 10.0
    diverged_after: int = 200
    log_every: int = 10
    save_every: int = 500
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """TrainError for a value that makes no sense."""
        for name in ("steps", "batch", "diverged_after", "log_every", "save_every"):
            _at_least(name, getattr(self, name), 1)
        for name in ("warmup", "weight_decay", "seed", "lora_rank"):
            _at_least(name, getattr(self, name), 0)
        for name in ("rate", "clip"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise TrainError(f"{name}: {value} is no number above 0; leave it out for the usual one")
        if not (math.isfinite(self.diverged_above) and self.diverged_above > 1):
            raise TrainError(f"diverged_above: {self.diverged_above} is no number above 1; 10 is usual")
        if not 0 < self.discount <= 1:
            raise TrainError(f"discount: {self.discount} is not above 0 and at most 1; 0.98 is usual")
        if self.warmup >= self.steps:
            raise TrainError(f"warmup: {self.warmup} steps of {self.steps}; give fewer, or more --steps")
        if self.precision not in PRECISIONS:
            raise not_among("precision", self.precision, PRECISIONS)
        if self.normalization not in NORMALIZATIONS:
            raise not_among("normalization", self.normalization, NORMALIZATIONS)
        for part in self.lora_parts:
            if part not in LORA_PARTS:
                raise not_among("lora_parts", part, LORA_PARTS)
        for task, weight in self.task_weights.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise TrainError(f"task_weights: {task} has the weight {weight}; give a number from 0 on")


def _at_least(name: str, value: float, least: int) -> None:
    if not (math.isfinite(value) and value >= least):
        raise TrainError(f"{name}: {value} is below {least}, or no number; give {least} or more")
