"""Normalized numbers as bins: the endpoint grid of ``vla_core.tokenizers`` in torch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vla_policy.models.streams import Target
from vla_policy.presets.spec import PresetError, unknown

DECODES = ("argmax", "expected")


class Bins(nn.Module):
    """``bins`` values from ``low`` to ``high``, both included, the same distance apart.

    The tokenizer ``endpoint_grid`` of a bundle's contract with the same three numbers decodes the same values.
    Labels outside go to the nearest end, as training on quantile ranges means it.
    """

    def __init__(self, bins: int = 256, low: float = -1.0, high: float = 1.0, decode: str = "argmax") -> None:
        super().__init__()
        if bins < 2 or not low < high:
            raise PresetError(f"bins {bins} from {low} to {high}: need at least 2, and low below high")
        if decode not in DECODES:
            raise unknown(decode, DECODES, "decode", "way to decode")
        self.bins, self.low, self.high, self.how = bins, low, high, decode
        self.register_buffer("values", torch.linspace(low, high, bins), persistent=False)

    def encode(self, actions: Tensor) -> Tensor:
        """(...) -> (...) int64."""
        unit = (actions.clamp(self.low, self.high) - self.low) / (self.high - self.low)
        return (unit * (self.bins - 1)).round().long()

    def decode(self, logits: Tensor) -> Tensor:
        """(..., bins) -> (...)."""
        if self.how == "argmax":
            return self.values[logits.argmax(-1)]
        return logits.softmax(-1) @ self.values

    def loss(self, logits: Tensor, target: Target, smoothing: float = 0.0) -> dict[str, Tensor]:
        """Cross-entropy of logits (B, H, A, bins), and the share of labels that argmax hits."""
        labels = self.encode(target.actions)
        error = F.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none", label_smoothing=smoothing)
        hits = (logits.argmax(-1) == labels).to(error.dtype)
        return {"action": target.mean(error.view_as(target.actions)), "accuracy": target.mean(hits).detach()}
