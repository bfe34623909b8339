"""What the chunks of a planner say about the planner: whether it lives, sees, and is sure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from vla_core.safety.clock import ClockConfig, Now
from vla_core.safety.decision import Limit, Verdict
from vla_core.safety.proposal import Evidence, Trace
from vla_core.safety.rules.ages import CommandAgeRule, ContentAgeRule
from vla_core.safety.rules.dead_man import TIMEOUT, DeadManRule
from vla_core.safety.rules.evidence import AGE, EvidenceConfig, EvidenceRule
from vla_core.safety.rules.unsure import MIN_SPEED_SCALE, RESUME_SPEED_SCALE, UnsureRule
from vla_core.types import FloatArray

COMMAND_AGE = Limit(0.5, "s", "a commander that is half a second late commands what was, not what is")
# A plan refused for one of these does not date the plans after it: it may come again, or its stamp is wrong.
UNDATED = ("nonfinite", "chunk_future", "command_future")


@dataclass(frozen=True, slots=True)
class UpstreamConfig:
    """What is asked of a planner; the same for arms and bases."""

    content_age: Limit = AGE
    command_age: Limit = COMMAND_AGE
    plan_timeout: Limit = TIMEOUT
    min_speed_scale: float = MIN_SPEED_SCALE
    resume_speed_scale: float = RESUME_SPEED_SCALE
    evidence: EvidenceConfig = field(default_factory=EvidenceConfig)


class Stated(Protocol):
    """What proposals of arms and bases have in common."""

    @property
    def trace(self) -> Trace: ...
    @property
    def t0_ns(self) -> int | None: ...
    @property
    def speed_scale(self) -> float: ...
    @property
    def evidence(self) -> Evidence: ...


class Upstream:
    """The rules about a planner, and what they remember of its chunks.

    command_ahead: how far ahead of now a command of anyone else may be stamped.
    """

    def __init__(self, config: UpstreamConfig, clock: ClockConfig, command_ahead: Limit) -> None:
        stall = config.evidence.stall
        scaled = Limit(clock.deadline(stall.value), stall.unit, stall.reason)
        evidence = replace(config.evidence, age=config.content_age, stall=scaled)
        self._age = ContentAgeRule(config.content_age)
        self._command_age = CommandAgeRule(config.command_age, command_ahead)
        self._evidence = EvidenceRule(evidence)
        self._unsure = UnsureRule(config.min_speed_scale, config.resume_speed_scale)
        self._dead_man = DeadManRule(config.plan_timeout, clock.min_rate)
        self._armed_ros_ns = 0
        self._last_t0_ns: int | None = None

    def forget(self, ros_ns: int) -> None:
        """Armed at ``ros_ns``: nothing from before counts."""
        self._armed_ros_ns, self._last_t0_ns = ros_ns, None
        self._evidence.forget()
        self._unsure.forget()
        self._dead_man.forget()

    def aged(self, proposal: Stated, now: Now) -> Verdict | None:
        """Whether ``proposal`` is too old, or out of order. Never brakes."""
        if proposal.t0_ns is None:
            return None
        if not proposal.trace.of_chunk:
            return self._command_age.check(proposal.t0_ns, now.ros_ns)
        return self._age.check(proposal.t0_ns, now.ros_ns, self._last_t0_ns, self._armed_ros_ns)

    def judge(
        self, proposal: Stated, place: Callable[[int], FloatArray | None], now: Now, time: float
    ) -> Verdict | None:
        """Whether the planner behind a chunk of good age sees, is sure, and is steady; ``place`` by ROS time."""
        if not proposal.trace.of_chunk or proposal.t0_ns is None:
            return None
        return (
            self._evidence.check(proposal.evidence, place, now)
            or self._unsure.check(proposal.speed_scale)
            or self._dead_man.admit(proposal.t0_ns, now.steady_ns, time)
        )

    def decided(self, proposal: Stated, verdict: Verdict) -> None:
        """``verdict`` is the answer to ``proposal``: later ones must be newer."""
        if proposal.t0_ns is not None and proposal.trace.of_chunk and verdict.reason not in UNDATED:
            self._last_t0_ns = max(proposal.t0_ns, self._last_t0_ns or proposal.t0_ns)

    def installed(self, trace: Trace, now_ns: int, time: float) -> None:
        """A plan runs from now on."""
        if trace.of_chunk:
            self._dead_man.feed(now_ns, time)
        else:
            self._dead_man.release()

    def given_up(self) -> None:
        """No plan runs any more."""
        self._dead_man.release()

    def overdue(self, moves: Callable[[], bool], now_ns: int, time: float) -> Verdict | None:
        """HOLD when the plan that runs is of chunks, has way to go, and no fresh one came in time."""
        return self._dead_man.check(moves, now_ns, time)
