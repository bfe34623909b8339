"""Gripper commands stay inside the gripper's range."""

from __future__ import annotations

from vla_core.limits import JointLimits
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.types import FloatArray

OVERSHOOT = Limit(1e-3, "m", "a learned gripper value wanders about its end stop; a millimetre is clipped, not refused")


class GripperRule:
    """Refuses a plan whose gripper positions leave the range."""

    name = "gripper"
    reason = "gripper_range"

    def __init__(self, limits: JointLimits) -> None:
        (self._lower,), (self._upper,) = limits.lower.tolist(), limits.upper.tolist()

    def check(self, positions: FloatArray) -> Verdict | None:
        """HOLD with the value furthest outside; ``positions`` (N,) [m]."""
        low, high = float(positions.min()), float(positions.max())
        below, above = self._lower - low, high - self._upper
        if max(below, above) <= OVERSHOOT.value:
            return None
        value, limit = (low, self._lower) if below > above else (high, self._upper)
        detail = f"gripper position {value:.4f} m is outside {self._lower:.4f} to {self._upper:.4f} m"
        return Verdict(Decision.HOLD, self.name, self.reason, detail, value, limit)
