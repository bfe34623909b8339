"""Joint positions stay inside their limits, between the samples too."""

from __future__ import annotations

import numpy as np

from vla_core.limits import JointLimits
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.trajectory import Trajectory
from vla_core.types import FloatArray

RECOVERY = Limit(0.1, "rad or m", "an arm pushed slightly over a limit by hand or by sag may be led back inside")
_ROUNDING = 1e-7


class PositionRule:
    """Refuses what leaves the position limits; what comes before it may still run.

    An arm that starts a little outside may move back, never further out.
    """

    name = "joint_position"
    reason = "position_limit"

    def __init__(self, limits: JointLimits) -> None:
        self._limits = limits

    def bounds(self, start: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Limits (J,), (J,) for a motion that begins at ``start`` (J,)."""
        lower, upper = self._limits.lower, self._limits.upper
        near = (start > lower - RECOVERY.value) & (start < upper + RECOVERY.value)
        return np.where(near, np.minimum(lower, start), lower), np.where(near, np.maximum(upper, start), upper)

    def check(self, motion: Trajectory) -> Verdict | None:
        """HOLD, good until the knot before the first violation."""
        if len(motion.times) == 1:
            return None
        lower, upper = self.bounds(motion.states[0, 0])
        excess = np.maximum(lower - motion.bounds.lower, motion.bounds.upper - upper)
        if excess.max() <= _ROUNDING:
            return None
        segment = int(np.argmax((excess > _ROUNDING).any(axis=1)))
        joint = int(np.argmax(excess[segment]))
        below = lower[joint] - motion.bounds.lower[segment, joint] >= excess[segment, joint]
        value, limit = (
            (motion.bounds.lower[segment, joint], lower[joint])
            if below
            else (motion.bounds.upper[segment, joint], upper[joint])
        )
        detail = (
            f"{self._limits.joint_names[joint]} would reach {value:.4f} {self._limits.units[joint]} at "
            f"{motion.times[segment]:.3f} s, the limit is {limit:.4f}"
        )
        until = float(motion.times[segment])
        return Verdict(Decision.HOLD, self.name, self.reason, detail, float(value), float(limit), until_s=until)
