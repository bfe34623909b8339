"""An independent judge of what a gate publishes: an ideal controller that measures every limit.

It shares no code with ``vla_core.safety``: quintics come from a linear system in the monomial basis, and are sampled
densely instead of bounded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vla_core.limits import JointLimits
from vla_core.types import FloatArray

_SAMPLES = 60
NAMES = ("position", "velocity", "acceleration", "jerk")


class JudgingController:
    """Does what a joint_trajectory_controller does with each message, and records the worst excess over limits.

    worst: name -> largest excess as a fraction of the limit (position: absolute), over everything it would execute.
    """

    def __init__(self, limits: JointLimits, position: Sequence[float] | FloatArray) -> None:
        self._limits = limits
        start = np.asarray(position, dtype=np.float64)
        self._segments: list[tuple[float, float, FloatArray]] = []  # start, end, coefficients (6, J)
        self._rest = np.stack([start, np.zeros_like(start), np.zeros_like(start)])
        self.worst = dict.fromkeys(NAMES, 0.0)
        self.messages = 0

    def state(self, time: float) -> FloatArray:
        """Desired position, velocity, acceleration (3, J) at ``time`` [s]."""
        for start, end, coefficients in self._segments:
            if time <= end:
                return _derivatives(coefficients, np.array([max(time - start, 0.0)]))[:3, 0]
        return self._rest

    def receive(self, time: float, times: FloatArray, states: FloatArray) -> None:
        """A message at ``time``: ``times`` (K,) from now [s], ``states`` (K, 3, J).

        Raises:
            AssertionError: it does not end at rest, or its times do not increase.
        """
        assert np.isfinite(times).all() and np.isfinite(states).all(), "a message holds a value that is not finite"
        assert times[0] > 0.0 and (np.diff(times) > 0.0).all(), f"times {times} do not increase"
        assert not states[-1, 1:].any(), f"a message ends in motion: {states[-1, 1:]}"
        before, now = self.state(time), time
        self._segments = []
        for offset, after in zip(times, states, strict=True):
            h = time + float(offset) - now
            self._segments.append((now, now + h, _quintic(before, after, h)))
            before, now = after, now + h
        self._rest = np.stack([states[-1, 0], np.zeros_like(states[-1, 0]), np.zeros_like(states[-1, 0])])
        self.messages += 1
        self._measure()

    def _measure(self) -> None:
        limits = self._limits
        for start, end, coefficients in self._segments:
            values = _derivatives(coefficients, np.linspace(0.0, end - start, _SAMPLES))
            over = float(np.maximum(limits.lower - values[0], values[0] - limits.upper).max())
            self.worst["position"] = max(self.worst["position"], over)
            for name, curve in zip(NAMES[1:], values[1:], strict=True):
                excess = float((np.abs(curve) / getattr(limits, name)).max()) - 1.0
                self.worst[name] = max(self.worst[name], excess)


def _quintic(before: FloatArray, after: FloatArray, h: float) -> FloatArray:
    """Monomial coefficients (6, J) of the quintic between two states (3, J), ``h`` seconds apart."""
    rows = []
    for t in (0.0, h):
        rows.append([t**k for k in range(6)])
        rows.append([k * t ** (k - 1) if k else 0.0 for k in range(6)])
        rows.append([k * (k - 1) * t ** (k - 2) if k > 1 else 0.0 for k in range(6)])
    return np.linalg.solve(np.array(rows), np.concatenate([before, after]))


def _derivatives(coefficients: FloatArray, t: FloatArray) -> FloatArray:
    """(4, K, J): position to jerk at ``t`` (K,)."""
    curves = []
    for _ in range(4):
        curves.append(np.stack([t**k for k in range(len(coefficients))], axis=1) @ coefficients)
        coefficients = coefficients[1:] * np.arange(1.0, len(coefficients))[:, None]
    return np.stack(curves)
