"""What the synchronizer answers: an observation, or everything that keeps it from making one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vla_core.types import Observation

STATE_STREAM = "state"
"""Name of the joint-state stream in problems; cameras go by ``camera <name>``."""


class Reason(StrEnum):
    """Why a stream cannot be used."""

    MISSING = "missing"
    """Nothing has come in."""
    STALE = "stale"
    """The newest sample is older than allowed."""
    FUTURE = "future"
    """The newest sample is stamped later than now: two clocks disagree."""
    SKEWED = "skewed"
    """No samples of all streams lie close enough together."""
    BACK_STEP = "back_step"
    """Stamps went back behind what was already acted on."""
    INVALID = "invalid"
    """The sample itself is wrong: NaN, a joint name missing, a wrong image size."""


@dataclass(frozen=True, slots=True)
class SyncProblem:
    """One stream, why it cannot be used, and the numbers behind it."""

    stream: str
    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{self.stream} {self.reason}: {self.detail}"


@dataclass(frozen=True, slots=True)
class SyncCheck:
    """``t0_ns`` of the observation that could be made now, ROS time; None with at least one problem."""

    t0_ns: int | None
    problems: tuple[SyncProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Either an observation and no problems, or no observation and at least one problem."""

    observation: Observation | None
    problems: tuple[SyncProblem, ...] = ()

    def __str__(self) -> str:
        return "; ".join(str(problem) for problem in self.problems) or "ok"
