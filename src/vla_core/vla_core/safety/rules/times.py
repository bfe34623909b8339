"""Times of a plan rise, and the plan is neither too dense nor too long to be a plan."""

from __future__ import annotations

import numpy as np

from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.proposal import Proposal

SPACING = Limit(1e-3, "s", "points closer than a controller's period cannot be told apart")
LENGTH = Limit(120.0, "s", "a longer plan is a unit mistake: milliseconds sent as seconds")


class TimesRule:
    """Refuses times that repeat, fall, are negative, or reach absurdly far."""

    name = "times"
    reason = "times_order"

    def check(self, proposal: Proposal) -> Verdict | None:
        """HOLD with the first offending time."""
        times = proposal.times_s
        if times[0] < 0.0:
            return self._refuse("time_from_start of point 0 is negative", float(times[0]), 0.0)
        steps = np.diff(times)
        if len(steps) and steps.min() < SPACING.value:
            k = int(np.argmin(steps))
            detail = f"point {k + 1} comes {steps[k]:.6f} s after point {k}; times must strictly increase"
            return self._refuse(detail, float(steps[k]), SPACING.value)
        if times[-1] > LENGTH.value:
            return self._refuse("the plan is too long; times are in seconds", float(times[-1]), LENGTH.value)
        return None

    def _refuse(self, detail: str, value: float, limit: float) -> Verdict:
        return Verdict(Decision.HOLD, self.name, self.reason, detail, value, limit)
