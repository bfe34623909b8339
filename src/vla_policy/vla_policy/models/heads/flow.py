"""Flow matching over chunks of actions, with an action expert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vla_policy.models.heads.base import ActionHead, HeadShape
from vla_policy.models.registry import DENOISER, HEAD
from vla_policy.models.streams import Context, Target
from vla_policy.presets.spec import PresetError


@HEAD.register("flow")
class Flow(ActionHead):
    """A straight line from noise (time 1) to the actions (time 0), whose velocity the expert learns.

    Lipman et al. 2023, arXiv 2210.02747; time drawn and integrated as in pi0 (arXiv 2410.24164, section IV and
    appendix B).

    Args:
        shape: set by the model.
        expert: block of ``DENOISER``, e.g. ``{type: transformer}``.
        steps: of Euler's method when acting.
        draws: of noise and time for each sample of a batch in training.
    """

    stochastic = True

    def __init__(self, shape: HeadShape, expert: Mapping[str, Any], steps: int = 10, draws: int = 1) -> None:
        super().__init__(shape)
        if steps < 1 or draws < 1:
            raise PresetError(f"steps {steps} and draws {draws} must be 1 or more")
        self.expert = DENOISER.build(expert, "model.head.expert", shape)
        self.steps = steps
        self.draws = draws

    def loss(self, context: Context, target: Target) -> dict[str, Tensor]:
        context, target = context.repeated(self.draws), target.repeated(self.draws)
        noise = torch.randn_like(target.actions)
        time = beta_time(len(noise), noise.device)
        part = time[:, None, None]
        velocity = self.expert(part * noise + (1 - part) * target.actions, time, context)
        return {"action": target.mean((velocity - (noise - target.actions)) ** 2)}

    def act(self, context: Context, noise: Tensor | None) -> Tensor:
        if noise is None:
            raise ValueError("a stochastic head is given its noise")
        x = noise
        for step in range(self.steps):
            time = torch.full((x.shape[0],), 1 - step / self.steps, device=x.device)
            x = x - self.expert(x, time, context) / self.steps
        return x


def beta_time(count: int, device: torch.device) -> Tensor:
    """(count,) times in (0, 1], more of them near the noise: Beta(1.5, 1), which is u^(1/1.5) for uniform u."""
    return torch.rand(count, device=device) ** (1 / 1.5) * 0.999 + 0.001
