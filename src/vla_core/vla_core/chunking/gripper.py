"""The gripper's set-points along a plan: the newest chunk's, inside range and speed where limits are known."""

from __future__ import annotations

import numpy as np

from vla_core.errors import LimitsError
from vla_core.limits import JointLimits
from vla_core.types import FloatArray


class GripperTrack:
    """Set-points [m] at consecutive knots, held before the first and after the last.

    Chunks are not averaged here: half open is no mean of open and closed.
    """

    def __init__(self, limits: JointLimits | None, step_s: float, fraction: float) -> None:
        if limits is not None and len(limits) != 1:
            raise LimitsError(f"gripper limits must be of one joint, got {limits.joint_names}")
        self._range = None if limits is None else (float(limits.lower[0]), float(limits.upper[0]))
        self._step = np.inf if limits is None else float(limits.velocity[0]) * fraction * step_s
        self._first = 0
        self._values: list[float] = []

    def reset(self, position: float | None, knot: int) -> None:
        """The gripper is at ``position`` [m]; None: not known, the first set-point is taken as it comes."""
        self._first, self._values = knot, [] if position is None else [position]

    def splice(self, knot: int, wish: FloatArray, keep: int) -> None:
        """Follow ``wish`` (n,) from the knot after ``knot`` on; set-points before ``keep`` are dropped."""
        here = float(wish[0]) if not self._values else self._at(knot)
        past = [self._at(k) for k in range(min(keep, knot), knot + 1)] if self._values else [here]
        self._first = knot + 1 - len(past)
        for target in wish if self._range is None else np.clip(wish, *self._range):
            here += float(np.clip(target - here, -self._step, self._step))
            past.append(here)
        self._values = past

    def window(self, first: int, count: int) -> FloatArray:
        """(count,) set-points of the knots ``first`` …; there must be some."""
        return np.array([self._at(knot) for knot in range(first, first + count)])

    def _at(self, knot: int) -> float:
        return self._values[min(max(knot - self._first, 0), len(self._values) - 1)]
