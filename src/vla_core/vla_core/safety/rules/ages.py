"""Ages: of content by ROS time, of receipt by the steady clock."""

from __future__ import annotations

from vla_core.safety.decision import Decision, Limit, Verdict

FUTURE = Limit(0.1, "s", "stamps ahead of now mean that two machines disagree about the time")
LATER = Limit(120.0, "s", "an arm's command may be for later, but no later than the longest plan lasts")


class ContentAgeRule:
    """Refuses a plan whose oldest camera stamp is too old, ahead of now, not newer than the last, or before the arming.

    It never brakes: a plan that is running stays as good as it was.
    """

    name = "content_age"

    def __init__(self, limit: Limit) -> None:
        self._limit = limit

    def check(self, t0_ns: int, now_ns: int, last_t0_ns: int | None, armed_ns: int) -> Verdict | None:
        """All in ROS time [ns]; ``last_t0_ns`` of the newest plan seen since the arming."""
        age = (now_ns - t0_ns) * 1e-9
        if age > self._limit.value:
            return self._refuse(
                "chunk_stale",
                "the plan rests on old images; see whether cameras, policy and planner keep up",
                age,
                self._limit.value,
            )
        if age < -FUTURE.value:
            return self._refuse(
                "chunk_future", "the plan is stamped ahead of now; synchronize clocks", age, FUTURE.value
            )
        if t0_ns < armed_ns:
            return self._refuse("chunk_before_reset", "the plan was begun before the last reset; plan anew", age, 0.0)
        if last_t0_ns is not None and t0_ns <= last_t0_ns:
            late = (last_t0_ns - t0_ns) * 1e-9
            return self._refuse(
                "chunk_order", "the plan is a duplicate, or came out of order; send each once, in order", late, 0.0
            )
        return None

    def _refuse(self, reason: str, detail: str, value: float, limit: float) -> Verdict:
        return Verdict(Decision.HOLD, self.name, reason, detail, value, limit, brakes=False)


class CommandAgeRule:
    """Refuses a stamped command that was on its way for too long, or is for too far ahead. It never brakes.

    ahead: how far ahead of now a command may be stamped.
    """

    name = "command_age"

    def __init__(self, limit: Limit, ahead: Limit) -> None:
        self._limit, self._ahead = limit, ahead

    def check(self, stamp_ns: int, now_ns: int) -> Verdict | None:
        """Both in ROS time [ns]."""
        age = (now_ns - stamp_ns) * 1e-9
        remedy = "see clocks (use_sim_time) and link, or stamp 0 for now"
        if age > self._limit.value:
            return self._refuse("command_stale", f"stamped {age:.3f} s ago; {remedy}", age, self._limit.value)
        if -age > self._ahead.value:
            return self._refuse("command_future", f"stamped {-age:.3f} s ahead; {remedy}", age, self._ahead.value)
        return None

    def _refuse(self, reason: str, detail: str, value: float, limit: float) -> Verdict:
        return Verdict(Decision.HOLD, self.name, reason, detail, value, limit, brakes=False)


class ReceiptAgeRule:
    """Holds when an input has not arrived for too long by the steady clock, however its stamps look.

    what: name of the input, e.g. ``joint_state``; the reason code is ``<what>_stale``.
    """

    name = "receipt_age"

    def __init__(self, what: str, limit: Limit) -> None:
        self._what = what
        self._limit = limit

    def check(self, received_ns: int | None, now_ns: int) -> Verdict | None:
        """HOLD when the newest receipt, steady clock, is too long ago; None: never received."""
        age = float("inf") if received_ns is None else (now_ns - received_ns) * 1e-9
        if age <= self._limit.value:
            return None
        detail = f"no {self._what} for {age:.3f} s ({self._limit.reason}); see whether the robot's driver sends"
        return Verdict(Decision.HOLD, self.name, f"{self._what}_stale", detail, age, self._limit.value)
