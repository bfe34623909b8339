"""Joint states that come, freshly stamped, and say the same while the arm is sent elsewhere."""

from __future__ import annotations

import numpy as np

from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.types import FloatArray

MOTION = Limit(0.05, "rad or m", "more than the lag of a healthy arm, which a moving encoder would have shown")
REPEATS = Limit(5.0, "joint states", "an arm that turns round stands still for one or two, not for five")


class FrozenRule:
    """Stops when joint states repeat themselves although the command moves on: a dead driver, or a blocked arm.

    Sooner than tracking would, because the last digit of a moving joint never stands still. Joint states that do not
    come at all are for another rule; so is an arm at rest, whose measured position may repeat for ever.
    """

    name = "frozen"
    reason = "joint_state_frozen"

    def __init__(self) -> None:
        self._position: FloatArray | None = None
        self._commanded: FloatArray | None = None
        self._repeats = 0

    def measure(self, position: FloatArray) -> None:
        """A joint state has come: (J,), finite."""
        if self._position is not None and np.array_equal(position, self._position):
            self._repeats += 1
            return
        self._position, self._commanded, self._repeats = position, None, 0

    def check(self, commanded: FloatArray) -> Verdict | None:
        """STOP when ``commanded`` (J,) has moved on since the measured position last changed."""
        if self._commanded is None or self._repeats == 0:
            self._commanded = commanded
            return None
        moved = float(np.abs(commanded - self._commanded).max())
        if self._repeats < REPEATS.value or moved <= MOTION.value:
            return None
        detail = (
            f"the last {self._repeats + 1} joint states are the same, while the command moved by {moved:.4f}; "
            "see whether the driver is alive or the arm is blocked, then reset"
        )
        return Verdict(Decision.STOP, self.name, self.reason, detail, moved, MOTION.value)
