"""A one-dimensional U-Net over time: the CNN of Diffusion Policy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from vla_policy.models.denoisers.base import Denoiser
from vla_policy.models.heads.base import HeadShape
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.layers.per_robot import PerRobotLinear
from vla_policy.models.layers.sinusoid import sinusoid
from vla_policy.models.registry import DENOISER
from vla_policy.models.streams import Context
from vla_policy.presets.spec import PresetError


class ConditionalBlock(nn.Module):
    """Two convolutions over time; gain and shift out of the condition between them; residual."""

    def __init__(self, inputs: int, outputs: int, condition: int, kernel: int, groups: int) -> None:
        super().__init__()

        def convolution(channels: int) -> nn.Sequential:
            conv = nn.Conv1d(channels, outputs, kernel, padding=kernel // 2)
            return nn.Sequential(conv, nn.GroupNorm(groups, outputs), nn.Mish())

        self.first = convolution(inputs)
        self.second = convolution(outputs)
        self.modulate = nn.Sequential(nn.Mish(), nn.Linear(condition, 2 * outputs))
        self.residual = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (B, inputs, H), condition (B, C) -> (B, outputs, H)."""
        gain, shift = self.modulate(condition)[:, :, None].chunk(2, 1)
        return self.second(self.first(x) * (1 + gain) + shift) + self.residual(x)


@DENOISER.register("unet")
class UNet(Denoiser):
    """Diffusion Policy's convolutional network (Chi et al. 2023, arXiv 2303.04137, section 3.1).

    Args:
        shape: set by the model.
        channels: of each level; each level but the last halves the time.
        time: width of the time's encoding.
        kernel: of the convolutions, odd.
        groups: of the group normalization.
    """

    def __init__(
        self,
        shape: HeadShape,
        channels: Sequence[int] = (512, 1024, 2048),
        time: int = 128,
        kernel: int = 5,
        groups: int = 8,
    ) -> None:
        super().__init__(shape)
        if shape.context.count is None:
            raise PresetError("unet needs a context of a fixed number of tokens; use the fusion concat or late")
        halvings = 2 ** (len(channels) - 1)
        if shape.horizon % halvings:
            raise PresetError(
                f"the horizon {shape.horizon} is no multiple of {halvings}, as {len(channels)} levels need"
            )
        condition = time + shape.context.width * shape.context.count
        self.width = time
        self.time = mlp(time, [4 * time], time, nn.Mish)

        def block(inputs: int, outputs: int) -> ConditionalBlock:
            return ConditionalBlock(inputs, outputs, condition, kernel, groups)

        self.enter = PerRobotLinear(shape.action, shape.action, shape.robots) if shape.robots > 1 else None
        sizes = [shape.action, *channels]
        pairs = list(pairwise(sizes))
        last = channels[-1]
        self.down = nn.ModuleList(nn.ModuleList([block(a, b), block(b, b)]) for a, b in pairs)
        self.downsample = nn.ModuleList(nn.Conv1d(b, b, 3, 2, 1) for _, b in pairs[:-1])
        self.middle = nn.ModuleList([block(last, last), block(last, last)])
        self.up = nn.ModuleList(nn.ModuleList([block(2 * b, a), block(a, a)]) for a, b in reversed(pairs[1:]))
        self.upsample = nn.ModuleList(nn.ConvTranspose1d(a, a, 4, 2, 1) for a, _ in reversed(pairs[1:]))
        first = channels[0]
        self.smooth = nn.Sequential(
            nn.Conv1d(first, first, kernel, padding=kernel // 2), nn.GroupNorm(groups, first), nn.Mish()
        )
        self.leave = PerRobotLinear(first, shape.action, shape.robots)

    def forward(self, actions: Tensor, time: Tensor, context: Context) -> Tensor:
        condition = torch.cat([self.time(sinusoid(time, self.width)), context.tokens.flatten(1)], -1)
        x = actions if self.enter is None else self.enter(actions, context.robot)
        x = x.transpose(1, 2)
        skipped = []
        for level, (one, two) in enumerate(self.down):
            x = two(one(x, condition), condition)
            skipped.append(x)
            if level < len(self.downsample):
                x = self.downsample[level](x)
        for block in self.middle:
            x = block(x, condition)
        for (one, two), upsample in zip(self.up, self.upsample):
            x = upsample(two(one(torch.cat([x, skipped.pop()], 1), condition), condition))
        return self.leave(self.smooth(x).transpose(1, 2), context.robot)
