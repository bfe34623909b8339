"""The gripper's set-point: follows the plan no faster than its limit, and stays where it is otherwise."""

from __future__ import annotations

import numpy as np

from vla_core.limits import JointLimits
from vla_core.types import FloatArray


class Grip:
    """Holding keeps the grip: without a plan the last set-point stands, whatever happens to the arm."""

    def __init__(self, limits: JointLimits) -> None:
        self._lower, self._upper = float(limits.lower[0]), float(limits.upper[0])
        self._speed = float(limits.velocity[0])
        self._times: FloatArray | None = None
        self._positions: FloatArray | None = None
        self.value: float | None = None  # [m], None until first commanded

    def install(self, times: FloatArray, positions: FloatArray, measured: float | None) -> None:
        """Follow ``positions`` (N,) [m] at stream ``times`` (N,).

        The first motion ever starts from ``measured``; None: nobody measures it, then from its own first set-point.
        """
        self._times, self._positions = times, np.clip(positions, self._lower, self._upper)
        if self.value is None:
            start = float(self._positions[0]) if measured is None else measured
            self.value = min(max(start, self._lower), self._upper)

    def way_left(self, time: float) -> float:
        """How far the plan still goes from the set-point now [m]; 0 without a plan."""
        if self._times is None or self._positions is None or self.value is None:
            return 0.0
        rest = self._positions[self._times > time]
        return float(np.abs(rest - self.value).max()) if len(rest) else 0.0

    def freeze(self) -> None:
        """Give the plan up and keep the grip."""
        self._times = self._positions = None

    def advance(self, time: float, elapsed: float) -> float | None:
        """Set-point [m] at stream ``time``, ``elapsed`` seconds after the last one; None: never commanded."""
        if self._times is not None and self._positions is not None and self.value is not None:
            target = float(np.interp(time, self._times, self._positions))
            step = self._speed * max(elapsed, 0.0)
            self.value += min(max(target - self.value, -step), step)
        return self.value
