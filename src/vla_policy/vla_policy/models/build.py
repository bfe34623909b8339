"""Presets become models."""

from __future__ import annotations

from dataclasses import dataclass

import torch

import vla_policy.models.bodies
import vla_policy.models.denoisers
import vla_policy.models.fusion
import vla_policy.models.heads
import vla_policy.models.language
import vla_policy.models.vision  # noqa: F401  (each fills its registry)
from vla_policy.models.policy import Policy
from vla_policy.presets import Preset


@dataclass(frozen=True, slots=True)
class ParameterCount:
    """trained: parameters with gradients. frozen: those of encoders that stay as they are."""

    trained: int
    frozen: int


def build_policy(preset: Preset) -> Policy:
    """The model of ``preset``, weights random unless its blocks say ``pretrained``; in evaluation mode.

    Raises:
        PresetError: an unknown block or option, or blocks that do not fit together.
    """
    return Policy(preset).eval()


def count_parameters(preset: Preset) -> ParameterCount:
    """Parameters of a preset, counted on the meta device: nothing is allocated, so any size goes."""
    with torch.device("meta"):
        policy = Policy(preset)
    numbers = [(parameter.requires_grad, parameter.numel()) for parameter in policy.parameters()]
    trained = sum(number for gradient, number in numbers if gradient)
    return ParameterCount(trained, sum(number for _, number in numbers) - trained)
