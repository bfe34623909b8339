"""Heads beside the actions: is the task completed, and how well is it going."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vla_policy.models.batch import Batch
from vla_policy.models.bodies.base import Prediction
from vla_policy.models.layers.mlp import mlp
from vla_policy.models.streams import Context
from vla_policy.presets.spec import PresetError, mapping


class Auxiliary(nn.Module):
    """``completion``: probability of ``Batch.done``; ``value``: ``Batch.value``; each an MLP on the mean context.

    Args:
        width: of the context.
        blocks: by name, each with ``weight`` in the loss and ``hidden`` width.
    """

    def __init__(self, width: int, blocks: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        self.weights: dict[str, float] = {}
        self.heads = nn.ModuleDict()
        for name, block in blocks.items():
            options = mapping(block, f"model.auxiliary.{name}", ("weight", "hidden"))
            self.weights[name] = float(options.get("weight", 0.1))
            self.heads[name] = mlp(width, [int(options.get("hidden", 256))], 1)

    def loss(self, context: Context, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum, and each part.

        Raises:
            PresetError: the batch lacks the label of a head.
        """
        total = context.tokens.new_zeros(())
        parts: dict[str, Tensor] = {}
        for name, head in self.heads.items():
            field = "done" if name == "completion" else "value"
            label = getattr(batch, field)
            if label is None:
                raise PresetError(f"auxiliary.{name}: the batch has no '{field}'; give it, or remove the head")
            answer = head(context.pooled()).squeeze(-1)
            error = F.binary_cross_entropy_with_logits if name == "completion" else F.mse_loss
            parts[name] = error(answer, label)
            total = total + self.weights[name] * parts[name]
        return total, parts

    def predict(self, context: Context, actions: Tensor) -> Prediction:
        """``actions`` with what these heads say."""
        answers = {name: head(context.pooled()).squeeze(-1) for name, head in self.heads.items()}
        done = answers.get("completion")
        return Prediction(actions, None if done is None else torch.sigmoid(done), answers.get("value"))
