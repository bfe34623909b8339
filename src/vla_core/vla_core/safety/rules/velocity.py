"""Joint velocity limits: what the drives and the robot's own supervision allow."""

from __future__ import annotations

from vla_core.safety.rules.derivative import DerivativeRule


class VelocityRule(DerivativeRule):
    """Slows down what exceeds a joint's velocity limit."""

    name = "joint_velocity"
    reason = "velocity_limit"
    order = 1
    unit = "rad/s or m/s"
