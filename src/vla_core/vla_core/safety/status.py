"""What the gate reports about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.proposal import Trace


class State(IntEnum):
    """The values are those of ``SafetyStatus``."""

    DISARMED = 0
    HOLDING = 1
    EXECUTING = 2
    STOPPING = 3
    STOPPED = 4


@dataclass(slots=True)
class Counts:
    """Decisions since the last arming."""

    by_decision: dict[Decision, int] = field(default_factory=dict)

    def add(self, decision: Decision) -> None:
        """One more of ``decision``."""
        self.by_decision[decision] = self.of(decision) + 1

    def of(self, decision: Decision) -> int:
        """How many there were."""
        return self.by_decision.get(decision, 0)


@dataclass(frozen=True, slots=True)
class Status:
    """A snapshot. ``verdict`` is the newest decision, on ``trace``; ``scale`` the speed in force."""

    state: State
    verdict: Verdict
    trace: Trace
    scale: float
    e_stop: bool
    count_pass: int
    count_slow: int
    count_hold: int
    count_stop: int
