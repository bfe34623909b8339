"""Everything is finite. Runs before any minimum, maximum or clip, which let NaN through."""

from __future__ import annotations

import numpy as np

from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.proposal import Proposal

_FIELDS = ("times_s", "positions", "velocities", "accelerations", "gripper_positions")


class FiniteRule:
    """Refuses NaN and infinity anywhere in a proposal."""

    name = "finite"
    reason = "nonfinite"

    def check(self, proposal: Proposal) -> Verdict | None:
        """HOLD with the first field and place that is not finite."""
        for field in _FIELDS:
            values = getattr(proposal, field)
            if values is not None and not np.isfinite(values).all():
                place = np.argwhere(~np.isfinite(values))[0]
                return self._refuse(f"{field}{place.tolist()}", float(values[tuple(place)]))
        if not np.isfinite(proposal.speed_scale):
            return self._refuse("speed_scale", proposal.speed_scale)
        return None

    def _refuse(self, where: str, value: float) -> Verdict:
        detail = f"{where} is {value}; a command must be finite, find what divides by zero or diverges"
        return Verdict(Decision.HOLD, self.name, self.reason, detail, value)
