"""What a model is given: observations, and in training the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """B samples. Numbers are physical (rad, m, s); models normalize inside, by the statistics that they carry.

    B samples, N frames of history (newest last), T tokens, D state and A action columns (the most of any robot of the
    preset; columns that a robot does not have hold 0 and count nowhere), H actions of a chunk.

    images: camera name -> (B, N, 3, height, width) float in [0, 1], RGB.
    text_ids, text_mask: (B, T) int64 and bool, true where a token is; from ``make_tokenizer(preset.model.text)``.
    state: (B, D) of the newest frame; None where the preset's ``state`` is ``none``.
    depth: camera name -> (B, N, 1, height, width) [m], for cameras with ``depth``.
    robot: (B,) int64, which of the preset's ``robots``; None: the first.

    Labels, for ``loss`` alone:

    actions: (B, H, A), in the robot's action space and kind: what ``act`` shall answer.
    padding: (B, H) bool, true where the episode had ended and ``actions`` says nothing (LeRobot's ``action_is_pad``).
    done: (B,) float in [0, 1], whether the task is completed; for ``completion`` heads.
    value: (B,) float, the discounted return from here; for ``value`` heads.
    skill: (B,) int64, which skill the sample shows; for ``modular`` heads. Optional: without it the selector learns
        from the actions alone.
    reward: (B,) float in [0, 1], for ``q`` heads: earned by the chunk.
    following: the batch as it is after the chunk, for ``q`` heads; its ``actions`` are not read.
    """

    images: Mapping[str, Tensor]
    text_ids: Tensor
    text_mask: Tensor
    state: Tensor | None = None
    depth: Mapping[str, Tensor] = field(default_factory=dict)
    robot: Tensor | None = None
    actions: Tensor | None = None
    padding: Tensor | None = None
    done: Tensor | None = None
    value: Tensor | None = None
    skill: Tensor | None = None
    reward: Tensor | None = None
    following: Batch | None = None

    @property
    def size(self) -> int:
        """B."""
        return int(self.text_ids.shape[0])

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.text_ids.device

    def to(self, device: torch.device | str) -> Batch:
        """The same on ``device``."""
        return self._each(lambda tensor: tensor.to(device))

    def __getitem__(self, index: slice | Tensor) -> Batch:
        """Some of the samples."""
        return self._each(lambda tensor: tensor[index])

    def _each(self, change: Any) -> Batch:
        def changed(value: Any) -> Any:
            if isinstance(value, Batch):
                return value._each(change)
            if isinstance(value, Mapping):
                return {name: change(tensor) for name, tensor in value.items()}
            return None if value is None else change(value)

        return replace(self, **{one.name: changed(getattr(self, one.name)) for one in fields(self)})
