"""No fresh valid plan for too long: one rule for every way in which whatever plans can die, hang or fall silent."""

from __future__ import annotations

from collections.abc import Callable

from vla_core.safety.decision import Decision, Limit, Verdict

TIMEOUT = Limit(0.5, "s", "five periods of a planner at 10 Hz: slow planners work, a dead one is noticed")
AGAIN = Limit(1.0, "s", "planning that failed twice within a second is not steady, it flutters")
PROOF = Limit(5.0, "chunks", "as many in time make a quarter of a second of steady planning at 20 Hz")
WAY = Limit(0.01, "rad or m", "with less way to go than a hair at the tool a plan has ended; nothing is lost")


class DeadManRule:
    """Brakes for a plan of chunks that no fresh one follows in ``timeout``.

    Time is the stream's own, and steady time at the least real-time factor: whichever is older. So a frozen /clock
    cannot hide that planning is dead, and a slow simulation is waited for.
    After two such brakes within AGAIN, motion resumes only after PROOF fresh chunks in a row that came in time. Silence
    longer than AGAIN was an end, and what follows is a new beginning.
    """

    name = "dead_man"
    reason = "plan_overdue"

    def __init__(self, timeout: Limit, min_rate: float) -> None:
        self._timeout, self._min_rate = timeout, min_rate
        self._fed: tuple[int, float] | None = None  # steady [ns] and stream [s] time of the last chunk installed
        self._seen: tuple[int, float] | None = None  # of the last that came, installed or not
        self._seen_t0_ns: int | None = None
        self._failed: tuple[int, float] | None = None
        self._proofs = self._needed = 0

    def feed(self, now_ns: int, time: float) -> None:
        """A fresh chunk was installed; ``now_ns``: steady clock, ``time``: stream time [s]."""
        self._fed = (now_ns, time)

    def release(self) -> None:
        """No plan of chunks runs any more."""
        self._fed = None

    def forget(self) -> None:
        """A new beginning."""
        self._fed = self._seen = self._seen_t0_ns = self._failed = None
        self._proofs = self._needed = 0

    def check(self, moves: Callable[[], bool], now_ns: int, time: float) -> Verdict | None:
        """HOLD once when the plan that runs is overdue; ``moves``: whether it has way to go."""
        age = self._age(self._fed, now_ns, time)
        if self._fed is None or age <= self._timeout.value or not moves():
            return None
        if self._age(self._failed, now_ns, time) <= AGAIN.value:
            self._proofs, self._needed = 0, round(PROOF.value)
        self._failed, self._fed = (now_ns, time), None
        detail = f"no fresh plan for {age:.3f} s; see whether policy, cameras and inference_node live"
        return Verdict(Decision.HOLD, self.name, self.reason, detail, age, self._timeout.value)

    def admit(self, t0_ns: int, now_ns: int, time: float) -> Verdict | None:
        """HOLD for a fresh chunk, known by its ``t0_ns``, as long as planning has to prove itself steady."""
        if t0_ns != self._seen_t0_ns:
            gap = self._age(self._seen, now_ns, time)
            silence = min(gap, self._age(self._failed, now_ns, time))
            self._needed = 0 if silence > AGAIN.value else self._needed
            self._proofs = self._proofs + 1 if gap <= self._timeout.value else 1
            self._seen, self._seen_t0_ns = (now_ns, time), t0_ns
        if self._proofs >= self._needed:
            self._needed = 0
            return None
        detail = f"plans came too late twice within {AGAIN.value} s; chunk {self._proofs} of {self._needed} in time"
        return Verdict(
            Decision.HOLD, self.name, "plan_unsteady", detail, float(self._proofs), float(self._needed), brakes=False
        )

    def _age(self, since: tuple[int, float] | None, now_ns: int, time: float) -> float:
        if since is None:
            return float("inf")
        return max(time - since[1], (now_ns - since[0]) * 1e-9 * self._min_rate)
