"""A residual MLP over the whole chunk."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vla_policy.models.denoisers.base import Denoiser
from vla_policy.models.heads.base import HeadShape
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.layers.per_robot import PerRobotLinear
from vla_policy.models.layers.sinusoid import sinusoid
from vla_policy.models.registry import DENOISER
from vla_policy.models.streams import Context

TIME = 32


@DENOISER.register("mlp")
class MlpDenoiser(Denoiser):
    """Octo's diffusion head (arXiv 2405.12213, section III-B): residual blocks on chunk, time and mean context.

    Args:
        shape: set by the model.
        hidden: width of the blocks.
        layers: number of the blocks.
        dropout: in training.
    """

    def __init__(self, shape: HeadShape, hidden: int = 256, layers: int = 3, dropout: float = 0.0) -> None:
        super().__init__(shape)
        numbers = shape.horizon * shape.action
        self.time = mlp(TIME, [2 * TIME], TIME, nn.SiLU)
        self.enter = PerRobotLinear(shape.context.width + TIME + numbers, hidden, shape.robots)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(dropout),
                nn.LayerNorm(hidden),
                nn.Linear(hidden, 4 * hidden),
                nn.SiLU(),
                nn.Linear(4 * hidden, hidden),
            )
            for _ in range(layers)
        )
        self.leave = PerRobotLinear(hidden, numbers, shape.robots)

    def forward(self, actions: Tensor, time: Tensor, context: Context) -> Tensor:
        seen = [context.pooled(), self.time(sinusoid(time, TIME)), actions.flatten(1)]
        x = self.enter(torch.cat(seen, -1), context.robot)
        for block in self.blocks:
            x = x + block(x)
        return self.leave(nn.functional.silu(x), context.robot).view_as(actions)
