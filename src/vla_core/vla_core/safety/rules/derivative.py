"""What velocity, acceleration and jerk rules have in common: stretching time cures them."""

from __future__ import annotations

import numpy as np

from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.trajectory import Trajectory
from vla_core.types import FloatArray

TOLERANCE = 1e-6  # relative; a planner may go to the limit itself


class DerivativeRule:
    """Slows down a motion whose derivative exceeds its limit anywhere, bounded over every segment.

    Stretching time by 1/k multiplies the ``order``-th derivative by k**order, so the cure is exact.
    """

    name = ""
    reason = ""
    order = 0
    unit = ""

    def __init__(self, joint_names: tuple[str, ...], limit: FloatArray) -> None:
        self._names = joint_names
        self._limit = limit

    def check(self, motion: Trajectory) -> Verdict | None:
        """SLOW by the scale that just cures it."""
        if len(motion.times) == 1:
            return None
        peaks = motion.bounds.magnitude(self.order).max(axis=0)
        ratio = peaks / self._limit
        joint = int(np.argmax(ratio))
        if ratio[joint] <= 1.0 + TOLERANCE:
            return None
        value, limit = float(peaks[joint]), float(self._limit[joint])
        detail = f"{self._names[joint]} would reach {value:.4f} {self.unit}, the limit is {limit:.4f}"
        scale = float(ratio[joint]) ** (-1.0 / self.order)
        return Verdict(Decision.SLOW, self.name, self.reason, detail, value, limit, scale=scale)
