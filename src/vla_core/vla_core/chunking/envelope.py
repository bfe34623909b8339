"""The limits as bounds on the differences of control points, and the largest admissible step towards a wish."""

from __future__ import annotations

import numpy as np

from vla_core.limits import JointLimits
from vla_core.types import FloatArray

ROUNDING = 1e-9  # relative slack, so that a value computed to lie on its bound counts as inside


class Envelope:
    """Bounds on position and its first three derivatives of J joints, at every instant of a spline."""

    def __init__(self, limits: JointLimits, knot_s: float, fraction: float, position_margin: float) -> None:
        margin = np.minimum(position_margin, 0.05 * (limits.upper - limits.lower))
        self.lower = limits.lower + margin
        self.upper = limits.upper - margin
        rates = (limits.velocity * knot_s, limits.acceleration * knot_s**2, limits.jerk * knot_s**3)
        # Order 0 is position itself, order k the k-th difference of the control points.
        self._high = [self.upper, *(fraction * rate for rate in rates)]
        self._low = [self.lower, *(-fraction * rate for rate in rates)]

    def admits(self, controls: FloatArray) -> bool:
        """Whether ``controls`` (…, n, J) lie inside."""
        for order, (low, high) in enumerate(zip(self._low, self._high, strict=True)):
            values = np.diff(controls, order, axis=-2) if order else controls
            if (values > high * (1 + ROUNDING) + ROUNDING).any() or (values < low - ROUNDING).any():
                return False
        return True

    def share(self, anchor: FloatArray, wish: FloatArray) -> FloatArray:
        """Largest step in [0, 1] from ``anchor`` (n, J) towards ``wish`` (R, n, J) that stays inside: (R, J).

        The set is convex: where the anchor is inside, so is the result. Where the anchor itself is outside, the result
        goes no further out.
        """
        share = np.ones((wish.shape[0], wish.shape[2]))
        base, step = anchor, wish - anchor
        for order, (low, high) in enumerate(zip(self._low, self._high, strict=True)):
            if order:
                base, step = np.diff(base, axis=-2), np.diff(step, axis=-2)
            room = np.where(step > 0.0, np.maximum(high, base) - base, base - np.minimum(low, base))
            size = np.abs(step)
            blocked = size > room + ROUNDING
            if blocked.any():
                ratio = np.divide(room, size, out=np.ones_like(size), where=blocked)
                np.minimum(share, ratio.min(axis=-2), out=share)
        return share
