"""Velocities that follow a target with bounded acceleration and jerk, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vla_core.types import FloatArray


@dataclass(frozen=True, slots=True)
class Ramp:
    """An S-curve of velocity, the fastest there is. acceleration, jerk: magnitudes, its unit per s and per s^2."""

    acceleration: float
    jerk: float

    def follow(self, velocity: float, acceleration: float, target: float, elapsed: float) -> tuple[float, float]:
        """Velocity and acceleration ``elapsed`` seconds later, on the way to rest in acceleration at ``target``.

        Three phases: jerk towards a peak acceleration, that acceleration, jerk back to none. The peak is what just
        reaches the target, at most the limit. It never goes past the target, unless it already must.
        """
        jerk = self.jerk
        # Where it would end if the acceleration were taken away at once decides the direction.
        coasted = velocity + 0.5 * acceleration * abs(acceleration) / jerk
        sign = math.copysign(1.0, target - coasted)
        begun, way = sign * acceleration, sign * (target - velocity)
        peak = min(math.sqrt(max(jerk * way + 0.5 * begun * begun, 0.0)), self.acceleration)
        rise, fall = max((peak - begun) / jerk, 0.0), peak / jerk
        flat = 0.0
        if peak > 0.0:
            flat = max((way - 0.5 * (begun + peak) * rise - 0.5 * peak * fall) / peak, 0.0)
        if elapsed >= rise + flat + fall:
            return target, 0.0
        if elapsed < rise:
            done, now = (begun + 0.5 * jerk * elapsed) * elapsed, begun + jerk * elapsed
        elif elapsed < rise + flat:
            done, now = 0.5 * (begun + peak) * rise + peak * (elapsed - rise), peak
        else:
            left = rise + flat + fall - elapsed
            done, now = way - 0.5 * jerk * left * left, jerk * left
        return velocity + sign * done, sign * now

    def reach(self, velocity: float, acceleration: float) -> float:
        """The highest speed on the way to rest: now, or once the acceleration has been taken away."""
        return max(abs(velocity), abs(velocity + 0.5 * acceleration * abs(acceleration) / self.jerk))

    def longest_stop(self, speed: float) -> float:
        """The longest time to rest from any state that this ramp reaches below ``speed`` [s].

        First the acceleration that still drives it is taken away; it goes no faster than ``speed`` then.
        """
        if speed >= self.acceleration**2 / self.jerk:
            braking = speed / self.acceleration + self.acceleration / self.jerk
        else:
            braking = 2.0 * math.sqrt(speed / self.jerk)
        return braking + min(self.acceleration / self.jerk, math.sqrt(2.0 * speed / self.jerk))

    def fastest(self, within_s: float) -> float:
        """The highest speed that comes to rest ``within_s`` [s] from any state; 0 when none does."""
        low, high = 0.0, self.acceleration * max(within_s, 0.0)
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.longest_stop(middle) <= within_s else (low, middle)
        return low


def within(target: FloatArray, reach: FloatArray, limit: float) -> FloatArray:
    """What axes may head for (N,) towards ``target`` (N,), that the vector of them never gets longer than ``limit``.

    Some get faster while others still get slower. None heads further beyond its ``reach`` (N,), the highest speed it
    must still come to, than all may together: s of its way, with sum((reach + s * way)^2) = limit^2.
    """
    way = np.maximum(np.abs(target) - reach, 0.0)
    if float(np.square(reach + way).sum()) <= limit * limit:
        return target
    a, b, c = float(way @ way), float(reach @ way), float(reach @ reach) - limit * limit
    if a == 0.0:
        return target
    share = max((math.sqrt(max(b * b - a * c, 0.0)) - b) / a, 0.0)
    return np.where(way > 0.0, np.copysign(reach + share * way, target), target)
