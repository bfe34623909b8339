"""A plan begins where the arm is."""

from __future__ import annotations

import numpy as np

from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.types import FloatArray


class StepRule:
    """Refuses a plan whose set-point for now lies far from the measured position."""

    name = "step"
    reason = "step_limit"

    def __init__(self, joint_names: tuple[str, ...], limit: Limit) -> None:
        self._names = joint_names
        self._limit = limit

    def check(self, wanted: FloatArray, measured: FloatArray) -> Verdict | None:
        """HOLD with the joint that would jump; both (J,)."""
        gap = np.abs(wanted - measured)
        joint = int(np.argmax(gap))
        if gap[joint] <= self._limit.value:
            return None
        value = float(gap[joint])
        detail = (
            f"{self._names[joint]} would jump by {value:.4f} from where it is, the limit is {self._limit.value:.4f}; "
            "plan from the measured state"
        )
        return Verdict(Decision.HOLD, self.name, self.reason, detail, value, self._limit.value)
