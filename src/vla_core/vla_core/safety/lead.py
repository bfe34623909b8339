"""Brings the controller to where the gate takes it to be, when nobody knows exactly where it holds."""

from __future__ import annotations

import numpy as np

from vla_core.safety.checking import Checker
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.stream import Stream
from vla_core.safety.supervision import Supervision
from vla_core.types import FloatArray

RESYNC = 0.05  # [rad or m], an arm found this far from its last command was moved by something else
TICKS = 3  # until something is published, at most
KNOWN = 1e-4  # [rad or m], the controller of an arm found this near to its last command holds it there


class Lead:
    """The first motion out of silence.

    A controller that still holds its last command would jump onto a plan that begins where the arm is; one that was
    started again there, or that lets the arm sag, would jump onto a plan that begins at the last command. A single
    point, in a time that suffices from either, moves neither too fast; the plan begins when that is over.

    sent: whether the controller was ever told anything.
    """

    def __init__(self, config: GateConfig, checker: Checker, stream: Stream, robot: Supervision) -> None:
        self._limits, self._hold_error = config.limits, config.hold_error
        self._checker, self._stream, self._robot = checker, stream, robot
        self._asked = False
        self._until = 0.0
        self._needed_s = 0.0  # of a lead that was not published yet
        self._margin_s = TICKS * config.period_s
        self.sent = False

    def adopt(self, time: float) -> None:
        """Take the arm to be held where it is, unless its controller was told to be elsewhere."""
        measured, place = self._robot.position, self._place()
        if self.sent or measured is None or place is None:
            return
        self._stream.settle(time, place if np.abs(measured - place).max() <= RESYNC else measured)

    def refusal(self, time: float, quiet: bool) -> Verdict | None:
        """Refuses while the arm is not where its controller was sent, and asks to lead the controller there.

        Where the way is not clear, or joint states are wrong and it only seems so, the arm stays.
        quiet: nothing moves, and nothing is being published.
        """
        place = self._place()
        away = quiet and place is not None and np.abs(self._held - place).max() > RESYNC
        if away and not self._asked:
            self._asked, self._until = True, np.inf
        return _elsewhere() if away or time < self._until else None

    def wait_s(self, time: float, quiet: bool) -> float:
        """How long the controller still needs to come to where the next plan begins [s]; 0: it is there."""
        needed_s = self._soonest() if quiet else 0.0
        return needed_s + self._margin_s if needed_s else max(self._stream.settled - time, 0.0)

    def before(self, start: float, time: float) -> None:
        """A plan that begins at ``start`` follows: until then the controller has time."""
        self._needed_s = self._soonest()
        if self._needed_s:
            self._stream.settle(time, self._held, start - time)

    def in_time(self, time: float) -> bool:
        """Whether what is published first leaves the controller its time; if not, no plan is followed."""
        needed_s, self._needed_s = self._needed_s, 0.0
        if not needed_s or self._stream.settled - time >= needed_s:
            return True
        self._stream.settle(time, self._held)
        return False

    def begin(self, time: float) -> None:
        """Lead to where the arm is, when that was asked for and the way is clear."""
        if not self._asked:
            return
        measured, place = self._robot.position, self._place()
        if measured is None or place is None:
            return
        self.drop()
        start = np.where(np.abs(self._held - place) > np.abs(measured - place), self._held, measured)
        duration = self._checker.soonest(start, place)
        if self._checker.clear(self._held, place, duration):
            self._stream.settle(time, place, duration)
            self._until = time + duration

    def drop(self) -> None:
        """What was asked for and not begun is not begun."""
        self._until = 0.0 if self._asked else self._until
        self._asked = False

    def _soonest(self) -> float:
        """How long the controller needs to come to where it was sent last, from wherever it may hold [s]."""
        measured = self._robot.position
        gap = np.zeros(1) if measured is None else np.abs(measured - self._held)
        if self.sent and gap.max() <= KNOWN:
            return 0.0
        gap = gap if self.sent else gap + self._hold_error
        return self._checker.soonest(np.zeros_like(gap), gap) if gap.max() > 0.0 else 0.0

    @property
    def _held(self) -> FloatArray:
        """Where the controller was sent last, (J,)."""
        held: FloatArray = self._stream.committed.states[-1, 0]
        return held

    def _place(self) -> FloatArray | None:
        """Where the arm is, but no further out than a controller may be sent."""
        measured = self._robot.position
        return None if measured is None else np.clip(measured, self._limits.lower, self._limits.upper)


def _elsewhere() -> Verdict:
    detail = (
        "the arm is not where it was last sent; its controller is led there where the way is clear: plan again in a "
        "moment, or bring the arm back and see whether joint states are right"
    )
    return Verdict(Decision.HOLD, "step", "arm_elsewhere", detail, brakes=False)
