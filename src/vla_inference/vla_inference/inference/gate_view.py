"""What inference_node knows about the safety monitor. No ROS: the node copies SafetyStatus into it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class GateState(enum.IntEnum):
    """The numbers of vla_msgs/msg/SafetyStatus.state."""

    DISARMED = 0
    HOLDING = 1
    EXECUTING = 2
    STOPPING = 3
    STOPPED = 4


class GateDecision(enum.IntEnum):
    """The numbers of vla_msgs/msg/SafetyStatus.decision."""

    NONE = 0
    PASS = 1
    SLOW = 2
    HOLD = 3
    STOP = 4


@dataclass(frozen=True, slots=True)
class GateReport:
    """One SafetyStatus: ``received_ns`` on the steady clock, the rest as the message says."""

    state: GateState
    decision: GateDecision
    reason: str
    detail: str
    chunk_id: int
    received_ns: int


class GateView:
    """The newest word of the safety monitor and what follows from it for planning.

    timeout_s: steady time after which a silent monitor counts as dead.
    required: False lets inference_node work without a monitor, for tests and recordings.
    """

    def __init__(self, timeout_s: float, required: bool = True) -> None:
        self._timeout_ns = round(timeout_s * 1e9)
        self._required = required
        self._report: GateReport | None = None

    @property
    def report(self) -> GateReport | None:
        """The newest status, None before the first."""
        return self._report

    @property
    def state_name(self) -> str:
        """For people: ``UNKNOWN`` before the first status."""
        return "UNKNOWN" if self._report is None else self._report.state.name

    def update(self, report: GateReport) -> None:
        """A SafetyStatus has come in."""
        self._report = report

    def objection(self, now_ns: int) -> str | None:
        """Why nothing can be executed now, with the remedy; None when the monitor is armed. ``now_ns``: steady."""
        report = self._report
        if report is None:
            if not self._required:
                return None
            return "the safety monitor is not heard on vla/safety_status; start it and arm it with vla/reset"
        if self._required and now_ns - report.received_ns > self._timeout_ns:
            silent_s = (now_ns - report.received_ns) * 1e-9
            return f"the safety monitor has been silent for {silent_s:.1f} s; restart it and arm it with vla/reset"
        if report.state == GateState.DISARMED:
            return "the safety monitor is disarmed; arm it with vla/reset"
        if report.state == GateState.STOPPED:
            cause = f": {report.reason}: {report.detail}" if report.reason else ""
            remedy = "" if "vla/reset" in cause else "; remove the cause, then call vla/reset"
            return f"the safety monitor latched a stop{cause}{remedy}"
        return None

    def refused_chunk(self, chunk_id: int) -> GateReport | None:
        """The status that says chunk ``chunk_id`` or a later one was not executed as planned (SLOW, HOLD or STOP)."""
        report = self._report
        if report is None or report.decision <= GateDecision.PASS or report.chunk_id < chunk_id:
            return None
        return report
