"""Joint jerk limits: what gears and structure take without ringing."""

from __future__ import annotations

from vla_core.safety.rules.derivative import DerivativeRule


class JerkRule(DerivativeRule):
    """Slows down what exceeds a joint's jerk limit."""

    name = "joint_jerk"
    reason = "jerk_limit"
    order = 3
    unit = "rad/s^3 or m/s^3"
