"""A transformer over the steps of the chunk that reads the context."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vla_policy.models.denoisers.base import Denoiser
from vla_policy.models.heads.base import HeadShape
from vla_policy.models.layers.per_robot import PerRobotLinear
from vla_policy.models.layers.sinusoid import sinusoid
from vla_policy.models.layers.tokens import learned
from vla_policy.models.layers.transformer import Transformer, key_mask
from vla_policy.models.registry import DENOISER
from vla_policy.models.streams import Context


@DENOISER.register("transformer")
class TransformerDenoiser(Denoiser):
    """An action expert: one token for each step, cross-attention to the context.

    Noisy action and time enter as in pi0 (arXiv 2410.24164, appendix B); the expert reads the context by
    cross-attention, as in Diffusion Policy's transformer (arXiv 2303.04137, section 3.2).

    Args:
        shape: set by the model.
        width: of its tokens.
        layers: of the transformer.
        heads: of its attention.
        mlp: hidden width; None: four times the width.
        dropout: in training.
    """

    def __init__(
        self,
        shape: HeadShape,
        width: int = 256,
        layers: int = 4,
        heads: int = 8,
        mlp: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(shape)
        self.width = width
        self.enter = PerRobotLinear(shape.action, width, shape.robots)
        self.mix = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width))
        self.steps = learned(shape.horizon, width)
        self.transformer = Transformer(width, layers, heads, mlp, shape.context.width, dropout)
        self.leave = PerRobotLinear(width, shape.action, shape.robots)

    def forward(self, actions: Tensor, time: Tensor, context: Context) -> Tensor:
        x = self.enter(actions, context.robot)
        when = sinusoid(time, self.width)[:, None].expand_as(x)
        x = self.mix(torch.cat([x, when], -1)) + self.steps
        x = self.transformer(x, memory=context.tokens, memory_mask=key_mask(context.mask))
        return self.leave(x, context.robot)
