"""Joint acceleration limits: what the drives can give without losing the path."""

from __future__ import annotations

from vla_core.safety.rules.derivative import DerivativeRule


class AccelerationRule(DerivativeRule):
    """Slows down what exceeds a joint's acceleration limit."""

    name = "joint_acceleration"
    reason = "acceleration_limit"
    order = 2
    unit = "rad/s^2 or m/s^2"
