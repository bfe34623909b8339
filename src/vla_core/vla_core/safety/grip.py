"""The gripper's set-point: follows the plan no faster than its limit, and stays where it is otherwise."""

from __future__ import annotations

import numpy as np

from vla_core.limits import JointLimits
from vla_core.types import FloatArray


class Grip:
    """Holding keeps the grip: without a plan the last set-point stands, whatever happens to the arm."""

    def __init__(self, limits: JointLimits) -> None:
        (self._lower,), (self._upper,) = limits.lower.tolist(), limits.upper.tolist()
        (self._speed,) = limits.velocity.tolist()
        self._plan: tuple[FloatArray, FloatArray] | None = None  # times, positions
        self.value: float | None = None  # [m], None until first commanded

    def install(self, times: FloatArray, positions: FloatArray, measured: float | None) -> None:
        """Follow ``positions`` (N,) [m] at stream ``times`` (N,).

        The first motion ever starts from ``measured``; None: nobody measures it, then from its own first set-point.
        """
        positions = np.clip(positions, self._lower, self._upper)
        self._plan = (times, positions)
        if self.value is None:
            self.value = float(positions[0] if measured is None else np.clip(measured, self._lower, self._upper))

    def way_left(self, time: float) -> float:
        """How far the plan still goes from the set-point now [m]; 0 without a plan."""
        if self._plan is None:
            return 0.0
        assert self.value is not None
        times, positions = self._plan
        return float(np.abs(positions[times > time] - self.value).max(initial=0.0))

    def freeze(self) -> None:
        """Give the plan up and keep the grip."""
        self._plan = None

    def advance(self, time: float, elapsed: float) -> float | None:
        """Set-point [m] at stream ``time``, ``elapsed`` seconds after the last one; None: never commanded."""
        if self._plan is not None:
            assert self.value is not None
            target = float(np.interp(time, *self._plan))
            step = self._speed * max(elapsed, 0.0)
            self.value += min(max(target - self.value, -step), step)
        return self.value
