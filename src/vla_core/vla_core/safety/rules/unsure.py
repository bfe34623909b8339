"""A policy that says that it is unsure is not followed at all, below a limit."""

from __future__ import annotations

from vla_core.errors import LimitsError
from vla_core.safety.decision import Decision, Verdict

MIN_SPEED_SCALE = 0.2
RESUME_SPEED_SCALE = 0.35


class UnsureRule:
    """Holds for a plan whose ``speed_scale`` is below ``least``, then until one asks for ``resume`` at least.

    Slower, then hold: what is between 1 and ``least`` is executed that much slower. The gap between the two keeps a
    policy at the edge from stopping and starting the robot.
    """

    name = "unsure"
    reason = "unsure"

    def __init__(self, least: float, resume: float) -> None:
        if not 0.0 < least <= resume <= 1.0:
            raise LimitsError(
                f"min_speed_scale {least} and resume_speed_scale {resume} must be in (0, 1], the second not below"
            )
        self._least, self._resume = least, resume
        self._holds = False

    def forget(self) -> None:
        """A new beginning."""
        self._holds = False

    def check(self, speed_scale: float) -> Verdict | None:
        """HOLD while unsure. What is no speed at all is for other rules to refuse."""
        if not 0.0 < speed_scale <= 1.0:  # also true for NaN
            return None
        limit = self._resume if self._holds else self._least
        self._holds = speed_scale < limit
        if not self._holds:
            return None
        detail = f"the policy is unsure: it asks for {speed_scale:.2f} of the speed, below {limit:.2f} the robot holds"
        return Verdict(Decision.HOLD, self.name, self.reason, detail, speed_scale, limit)
