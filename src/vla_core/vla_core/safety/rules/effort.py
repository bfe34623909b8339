"""Measured efforts stay below the limits of the joints, where both are stated."""

from __future__ import annotations

import numpy as np

from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.types import FloatArray

PATIENCE = Limit(0.2, "s", "longer than the peak of an acceleration or of setting something down")


class EffortRule:
    """Stops an arm that pushes harder than its limits for longer than ``patience``: it collides, or is jammed.

    limit: (J,) [N m or N]; infinite: that joint states none. share: of those limits that is allowed, (0, 1].
    """

    name = "effort"
    reason = "effort_limit"

    def __init__(self, joint_names: tuple[str, ...], limit: FloatArray, share: float, patience: Limit) -> None:
        self._names = joint_names
        self._limit = share * limit
        self._patience = patience
        self._since_ns: int | None = None

    def check(self, effort: FloatArray, now_ns: int) -> Verdict | None:
        """STOP when it lasts; ``effort`` (J,) [N m or N], finite; ``now_ns`` by the steady clock."""
        ratio = np.abs(effort) / self._limit
        joint = int(np.argmax(ratio))
        if ratio[joint] <= 1.0:
            self._since_ns = None
            return None
        if self._since_ns is None:
            self._since_ns = now_ns
        if (now_ns - self._since_ns) * 1e-9 <= self._patience.value:
            return None
        value, limit = abs(float(effort[joint])), float(self._limit[joint])
        detail = (
            f"{self._names[joint]} pushes with {value:.2f}, the limit is {limit:.2f}; "
            "see what holds the arm or what it carries, then reset"
        )
        return Verdict(Decision.STOP, self.name, self.reason, detail, value, limit)
