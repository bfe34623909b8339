"""State of the gate: disarmed at the start, armed by a reset, stopped until the cause is gone."""

from __future__ import annotations

from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.proposal import Trace
from vla_core.safety.status import Counts, State, Status

UNCOUNTED = ("unsure",)  # reasons that are no fault of the plan's content: they never add up to a latched stop


class Latch:
    """Remembers verdicts. It alone knows whether the gate is armed, and why not."""

    def __init__(self) -> None:
        self._armed = False
        self._stop: Verdict | None = None
        self._operator_holds = False
        self._verdict = Verdict(Decision.NONE)
        self._trace = Trace("")
        self._counts = Counts()
        self._refusals = 0

    @property
    def armed(self) -> bool:
        """Whether motion is allowed."""
        return self._armed and self._stop is None

    @property
    def stopped(self) -> bool:
        """Whether a stop is latched."""
        return self._stop is not None

    @property
    def refusals(self) -> int:
        """Plans refused in a row for what they contain."""
        return self._refusals

    def refusal(self) -> Verdict:
        """What a plan is told while the gate is not armed."""
        reason = "stopped" if self.stopped else "disarmed"
        return Verdict(Decision.HOLD, "operator", reason, f"the gate is {reason}; call vla/reset", brakes=False)

    def press(self, pressed: bool) -> None:
        """The operator's button: only pressing stops; releasing merely lets a later reset succeed."""
        self._operator_holds = pressed
        if pressed:
            self.stop(emergency("the topic vla/e_stop says true"))

    def decide(self, verdict: Verdict, trace: Trace, followed: bool = False) -> None:
        """Record a decision on a plan. followed: as far as it was good; that is no refusal, but ends no row either."""
        if self._stop is not None and verdict.decision is not Decision.STOP:
            return  # the reason of the stop stays readable until the reset
        self._verdict, self._trace = verdict, trace
        self._counts.add(verdict.decision)
        if verdict.decision is Decision.HOLD and verdict.brakes and verdict.reason not in UNCOUNTED:
            self._refusals += not followed
        elif verdict.decision in (Decision.PASS, Decision.SLOW):
            self._refusals = 0

    def note(self, verdict: Verdict) -> None:
        """Record a hold that no plan caused."""
        if self._stop is None and verdict.reason != self._verdict.reason:
            self._verdict = verdict
            self._counts.add(verdict.decision)

    def stop(self, verdict: Verdict) -> None:
        """Latch a stop; the first cause is kept, an emergency stop replaces any other."""
        if self._stop is None or (verdict.rule == "operator" and self._stop.rule != "operator"):
            self._stop = verdict
            self._verdict = verdict
            self._counts.add(Decision.STOP)

    def reset(self) -> str:
        """Arm; returns why not, empty when armed."""
        if self._operator_holds:
            return "vla/e_stop still says true; publish false on it first"
        self._stop = None
        self._armed = True
        self._verdict, self._trace = Verdict(Decision.NONE), Trace("")
        self._counts = Counts()
        self._refusals = 0
        return ""

    def disarm(self) -> None:
        """Back to the start; a latched stop stays."""
        self._armed = False

    def status(self, moving: bool, following: bool, scale: float) -> Status:
        """Snapshot; ``moving``: not at rest, ``following``: a plan is being followed."""
        counts = [self._counts.of(d) for d in (Decision.PASS, Decision.SLOW, Decision.HOLD, Decision.STOP)]
        stop = self._stop
        e_stop = stop is not None and stop.rule == "operator"
        return Status(self._state(moving, following), self._verdict, self._trace, scale, e_stop, *counts)

    def _state(self, moving: bool, following: bool) -> State:
        if moving:
            return State.EXECUTING if following and self.armed else State.STOPPING
        if self._stop is not None:
            return State.STOPPED
        return State.HOLDING if self._armed else State.DISARMED


def emergency(cause: str) -> Verdict:
    """The operator's stop."""
    return Verdict(Decision.STOP, "operator", "emergency_stop", f"{cause}; make the place safe, then call vla/reset")
