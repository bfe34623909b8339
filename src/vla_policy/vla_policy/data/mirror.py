"""The same scene in a mirror: images, joints, places, words and tasks together.

Images must not be flipped alone: a flipped picture with "push it left" beside it teaches the wrong side. What is
mirrored here is the plane y = 0 of base_link, in which the arm, its cameras and the table are symmetrical. Works on
numpy arrays and torch tensors alike. Twice mirrored is as before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import pi
from typing import Any, Final, TypeVar

import numpy as np

from vla_sim.spec import ALL_TASKS, require_choice

Array = TypeVar("Array", bound=Any)
"""A numpy array or a torch tensor."""

SIGNS: Final = (-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0)  # joint1..joint7, gripper
OFFSETS: Final = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, pi / 2, 0.0)  # [rad]; the hand is mounted turned by -pi / 4
_SIDES: Final = {"left": "right", "right": "left"}
_WORD: Final = re.compile(r"\b(left|right)(?=(?:wards?)?\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sample:
    """What belongs together in training. Leading axes as one likes.

    images: camera -> (..., H, W, 3), or (..., 3, H, W) with ``channels_first``. state: (..., 8) joint1..joint7 [rad],
    gripper [m]. actions: (..., 8) the same, absolute, or ``relative`` to the state but for the gripper. positions:
    (..., 3) in base_link [m]. sentence, task: one for all.
    """

    images: Mapping[str, Any]
    state: Any
    actions: Any
    positions: Any
    sentence: str
    task: str
    relative: bool = False
    channels_first: bool = False

    def mirrored(self) -> Sample:
        """The same in the mirror. SceneError for an unknown task."""
        axis = -1 if self.channels_first else -2
        return Sample(
            {camera: flipped(images, axis) for camera, images in self.images.items()},
            mirrored_joints(self.state),
            mirrored_increments(self.actions) if self.relative else mirrored_joints(self.actions),
            mirrored_position(self.positions),
            mirrored_sentence(self.sentence),
            mirrored_task(self.task),
            self.relative,
            self.channels_first,
        )


def flipped(images: Array, axis: int) -> Array:
    """Left and right exchanged; ``axis``: that of the width."""
    return np.flip(images, axis) if isinstance(images, np.ndarray) else images.flip(axis)


def mirrored_joints(values: Array) -> Array:
    """Absolute positions (..., 8): the arm that is the mirror image of the one at ``values``."""
    return values * _like(SIGNS, values) + _like(OFFSETS, values)


def mirrored_increments(values: Array) -> Array:
    """Joint increments or velocities (..., 8), the gripper as it is."""
    return values * _like(SIGNS, values)


def mirrored_position(values: Array) -> Array:
    """Points (..., 3) in base_link."""
    return values * _like((1.0, -1.0, 1.0), values)


def mirrored_sentence(text: str) -> str:
    """Left for right and right for left, also within leftwards; "bright" is no side."""
    return _WORD.sub(lambda found: _cased(_SIDES[found[0].lower()], found[0]), text)


def mirrored_task(task: str) -> str:
    """The task in the mirror. SceneError for an unknown one."""
    require_choice("task", task, ALL_TASKS)
    return {"push_left": "push_right", "push_right": "push_left"}.get(task, task)


def _cased(word: str, like: str) -> str:
    return word.upper() if like.isupper() else word.capitalize() if like[0].isupper() else word


def _like(numbers: tuple[float, ...], values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return np.array(numbers, dtype=values.dtype)
    return values.new_tensor(numbers)
