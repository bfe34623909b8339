"""Selectors over skill decoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vla_policy.models.heads.base import ActionHead, HeadShape
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.registry import HEAD
from vla_policy.models.streams import Context, Target
from vla_policy.presets.spec import PresetError


@HEAD.register("modular")
class Modular(ActionHead):
    """Which task, then which skill, then that skill's own decoder.

    A mixture of experts (Jacobs et al. 1991) over decoders, as in modular policies (Andreas et al. 2017, arXiv
    1611.01796, section 3). In training every decoder learns in the measure in which it is selected; to act the
    likeliest skill alone answers.

    Args:
        shape: set by the model.
        decoder: block of ``HEAD`` that each skill has one of.
        skills: number of decoders.
        tasks: number of task embeddings that the task selector mixes.
        hidden: of both selectors.
        weight: of the cross-entropy against ``Batch.skill``, where the batch has it.
    """

    def __init__(
        self,
        shape: HeadShape,
        decoder: Mapping[str, Any],
        skills: int = 4,
        tasks: int = 8,
        hidden: int = 256,
        weight: float = 0.1,
    ) -> None:
        super().__init__(shape)
        if skills < 2 or tasks < 1:
            raise PresetError(f"skills {skills} and tasks {tasks}: need at least 2 skills and 1 task")
        width = shape.context.width
        self.task = mlp(width, [hidden], tasks)
        self.tasks = nn.Parameter(torch.randn(tasks, hidden) * 0.02)
        self.skill = mlp(width + hidden, [hidden], skills)
        self.decoders = nn.ModuleList(HEAD.build(decoder, "model.head.decoder", shape) for _ in range(skills))
        self.weight = weight
        if any(decoder.stochastic for decoder in self.decoders):
            self.stochastic = True

    def select(self, context: Context) -> Tensor:
        """(B, skills) logits."""
        seen = context.pooled()
        task = self.task(seen).softmax(-1) @ self.tasks
        return self.skill(torch.cat([seen, task], -1))

    def loss(self, context: Context, target: Target) -> dict[str, Tensor]:
        logits = self.select(context)
        share = logits.softmax(-1)
        total = logits.new_zeros(())
        labelled = target.weight.sum().clamp(min=1.0)
        for index, decoder in enumerate(self.decoders):
            weight = target.weight * share[:, index, None, None]
            # A decoder's loss is a mean over its weights; multiplied by their sum it is its part of the whole.
            part = decoder.loss(context, replace(target, weight=weight))["action"]
            total = total + part * weight.sum().clamp(min=1.0) / labelled
        if target.skill is None:
            return {"action": total}
        selection = F.cross_entropy(logits, target.skill)
        return {"action": total + self.weight * selection, "skill": selection.detach()}

    def act(self, context: Context, noise: Tensor | None) -> Tensor:
        chosen = F.one_hot(self.select(context).argmax(-1), len(self.decoders)).to(context.tokens.dtype)
        answers = torch.stack([decoder.act(context, noise) for decoder in self.decoders], 1)
        return (answers * chosen[:, :, None, None]).sum(1)
