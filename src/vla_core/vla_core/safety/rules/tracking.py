"""The arm does what it is told."""

from __future__ import annotations

import numpy as np

from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.types import FloatArray


class TrackingRule:
    """Stops an arm whose measured position leaves the commanded one for longer than ``patience``.

    It collides, is held, its drive is off, somebody else commands it, or its joint states are frozen.
    """

    name = "tracking"
    reason = "tracking_error"

    def __init__(self, joint_names: tuple[str, ...], limit: Limit, patience: Limit) -> None:
        self._names = joint_names
        self._limit = limit
        self._patience = patience
        self._since_ns: int | None = None

    def check(self, commanded: FloatArray, measured: FloatArray, now_ns: int) -> Verdict | None:
        """STOP when the error lasts; ``now_ns`` by the steady clock."""
        error = np.abs(commanded - measured)
        joint = int(np.argmax(error))
        if error[joint] <= self._limit.value:
            self._since_ns = None
            return None
        if self._since_ns is None:
            self._since_ns = now_ns
        if (now_ns - self._since_ns) * 1e-9 < self._patience.value:
            return None
        value = float(error[joint])
        detail = (
            f"{self._names[joint]} is {value:.4f} from its command, the limit is {self._limit.value:.4f}; "
            "see what holds the arm, then reset"
        )
        return Verdict(Decision.STOP, self.name, self.reason, detail, value, self._limit.value)
