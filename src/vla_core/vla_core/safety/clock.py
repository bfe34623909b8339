"""The time line that commands are streamed on, and the guard over the clock that stamps come from.

The stream's own time only ever advances, paced by the steady clock. In simulation it goes at the measured real-time
factor, because the simulated controller does. While /clock and the joint states both stand still, so does the
simulation, and the stream waits for it: else the arm would have to catch up, faster than it may. When /clock alone
stalls, or for too long, the stream goes on at the steady pace, so that a stop is carried through.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from vla_core.safety.decision import Decision, Limit, Verdict

RATE_WINDOW_NS = 400_000_000
FASTEST = 4.0  # simulated seconds per second that are still a clock and not a jump
OFFSET_GAIN = 0.05
BACK = Limit(1e-3, "s", "stamps are rounded; nothing else makes time go back")
CREEP = Limit(
    0.1, "of the minimum real-time factor", "ten times slower than declared, however it trembles, is no clock"
)
STANDS_S = 0.025  # five ticks of a 200 Hz /clock


@dataclass(frozen=True, slots=True)
class Now:
    """One instant by both clocks [ns]: steady, and ROS (simulated under use_sim_time)."""

    steady_ns: int
    ros_ns: int


STALL = Limit(0.15, "s", "thirty ticks of a 200 Hz /clock")
JUMP = Limit(0.5, "s", "larger than any time-synchronization slew or /clock hiccup")


@dataclass(frozen=True, slots=True)
class ClockConfig:
    """simulated: use_sim_time. min_rate: declared minimum real-time factor, (0, 1]; 1 without simulation.

    stall: how long /clock may stand still at factor 1. jump: how far ROS time may leave the steady clock at once.
    """

    simulated: bool = False
    min_rate: float = 1.0
    stall: Limit = STALL
    jump: Limit = JUMP

    def __post_init__(self) -> None:
        if not 0.0 < self.min_rate <= 1.0:
            raise ValueError(f"min_rate {self.min_rate} must be in (0, 1]")

    def deadline(self, seconds: float) -> float:
        """A deadline of ``seconds`` as the steady clock sees it at the minimum real-time factor."""
        return seconds / self.min_rate


class StreamClock:
    """Stream time [s], and whether the ROS clock is to be trusted."""

    def __init__(self, config: ClockConfig) -> None:
        self._config = config
        self._last: Now | None = None
        self._window: deque[Now] = deque()
        self._rate = 1.0
        self._still_s = 0.0
        self._highest_ns: int  # of ROS time since the last step back
        self._mark: Now  # where the pace is being measured from
        self._pace: Verdict | None = None
        self._time = 0.0
        self.stands = False  # the simulation stands still, or has not yet come to where the stream waits for it
        self._lead = 0.0  # how far the stream went on before that was known [s]
        self._offset = 0.0  # ROS time minus stream time [s], smoothed

    @property
    def time(self) -> float:
        """Stream time of the last ``advance`` [s]."""
        return self._time

    @property
    def rate(self) -> float:
        """Stream seconds per steady second."""
        return self._rate

    def ahead(self, steady_ns: int) -> float:
        """Stream time at ``steady_ns``, without observing the clocks [s]."""
        if self._last is None or self.stands:
            return self._time
        return self._time + (steady_ns - self._last.steady_ns) * 1e-9 * self._rate

    def of_stamp(self, ros_ns: int) -> float:
        """Stream time of a ROS stamp [s]."""
        return ros_ns * 1e-9 - self._offset

    def start(self, now: Now) -> None:
        """Set the clocks against each other, if nothing has yet: no stamp means anything before."""
        if self._last is None:
            self._last = self._mark = now
            self._highest_ns = now.ros_ns
            self._anchor(now)

    def advance(self, now: Now, robot_silent: bool = False) -> Verdict | None:
        """Move on to ``now`` and judge the ROS clock. ``robot_silent``: no joint state has come for some periods."""
        self.start(now)
        assert self._last is not None
        steady = (now.steady_ns - self._last.steady_ns) * 1e-9
        ros = (now.ros_ns - self._last.ros_ns) * 1e-9
        self._still_s = 0.0 if ros != 0.0 else self._still_s + steady
        self._last = now
        fault = self._back(now) or self._jump(steady, ros) or self._stall()
        if fault is not None:
            self._mark, self._pace = now, None
        else:
            fault = self._paced(now)
        if self._config.simulated and fault is None:
            self._measure_rate(now)
        else:
            self._rate = 1.0
            self._window.clear()
        self._time += self._passed(steady * self._rate, ros, robot_silent, fault)
        if fault is None:
            self._offset += OFFSET_GAIN * (now.ros_ns * 1e-9 - self._time - self._offset)
        elif fault.reason != "clock_stalled":
            self._anchor(now)
        return fault

    def _passed(self, planned: float, ros: float, robot_silent: bool, fault: Verdict | None) -> float:
        """How much of the ``planned`` stream time passes: none while a simulation stands still [s]."""
        if fault is not None or not self._config.simulated:
            self.stands, self._lead = False, 0.0
            return planned
        if ros == 0.0:
            self.stands = robot_silent and self._still_s > STANDS_S
            if not self.stands:
                self._lead += planned
                return planned
            self._window.clear()  # the pace of a simulation is that at which it runs
            return 0.0
        paid = min(self._lead, planned) if self.stands else 0.0
        self._lead = self._lead - paid if self.stands else 0.0
        self.stands = self._lead > 0.0
        return planned - paid

    def _anchor(self, now: Now) -> None:
        self._offset = now.ros_ns * 1e-9 - self._time

    def _back(self, now: Now) -> Verdict | None:
        """Behind where it has been, in one step or in many."""
        back, self._highest_ns = (self._highest_ns - now.ros_ns) * 1e-9, max(self._highest_ns, now.ros_ns)
        if back <= BACK.value:
            return None
        self._highest_ns = now.ros_ns
        detail = f"ROS time went back by {back:.3f} s; every stamp is void, reset when the clock is right"
        return Verdict(Decision.STOP, "clock", "clock_back", detail, back, 0.0)

    def _jump(self, steady: float, ros: float) -> Verdict | None:
        jump = self._config.jump
        fastest = FASTEST if self._config.simulated else 1.0
        ahead = ros - fastest * steady
        if ahead > jump.value:
            detail = f"ROS time jumped ahead by {ahead:.3f} s; {jump.reason}"
            return Verdict(Decision.HOLD, "clock", "clock_jump", detail, ahead, jump.value)
        return None

    def _stall(self) -> Verdict | None:
        still, limit = self._still_s, self._config.deadline(self._config.stall.value)
        if still <= limit:
            return None
        detail = f"ROS time has stood still for {still:.3f} s; is the simulator paused?"
        return Verdict(Decision.HOLD, "clock", "clock_stalled", detail, still, limit)

    def _paced(self, now: Now) -> Verdict | None:
        """What single steps do not show: a clock that trembles on the spot, or runs ahead in small steps.

        Judged once in each deadline of a stall, and the judgement stands until the next.
        """
        span = (now.steady_ns - self._mark.steady_ns) * 1e-9
        deadline = self._config.deadline(self._config.stall.value)
        if span <= deadline:
            return self._pace
        ros, self._mark = (now.ros_ns - self._mark.ros_ns) * 1e-9, now
        slowest = CREEP.value * self._config.min_rate * span
        if ros < slowest:
            detail = f"ROS time has advanced by only {ros:.4f} s in {span:.3f} s; is the simulator overloaded?"
            self._pace = Verdict(Decision.HOLD, "clock", "clock_stalled", detail, ros, slowest)
        else:
            self._pace = self._jump(span, ros)
        return self._pace

    def _measure_rate(self, now: Now) -> None:
        window = self._window
        window.append(now)
        while now.steady_ns - window[0].steady_ns > RATE_WINDOW_NS:
            window.popleft()
        span = now.steady_ns - window[0].steady_ns
        if span > RATE_WINDOW_NS // 2:
            measured = (now.ros_ns - window[0].ros_ns) / span
            self._rate = min(max(measured, 0.5 * self._config.min_rate), FASTEST)
