"""The time line that commands are streamed on, and the guard over the clock that stamps come from.

The stream's own time only ever advances, paced by the steady clock. In simulation it goes at the measured real-time
factor, because the simulated controller does; when /clock stalls it goes on at the steady pace, so that a stop is
carried through.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from vla_core.safety.decision import Decision, Limit, Verdict

RATE_WINDOW_NS = 400_000_000
FASTEST = 4.0  # simulated seconds per second that are still a clock and not a jump
OFFSET_GAIN = 0.05


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
        self._still_ns = 0
        self._time = 0.0
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
        return self._time if self._last is None else self._time + (steady_ns - self._last.steady_ns) * 1e-9 * self._rate

    def of_stamp(self, ros_ns: int) -> float:
        """Stream time of a ROS stamp [s]."""
        return ros_ns * 1e-9 - self._offset

    def advance(self, now: Now) -> Verdict | None:
        """Move on to ``now`` and judge the ROS clock."""
        if self._last is None:
            self._last = now
            self._anchor(now)
            return None
        steady = (now.steady_ns - self._last.steady_ns) * 1e-9
        ros = (now.ros_ns - self._last.ros_ns) * 1e-9
        self._still_ns = 0 if ros != 0.0 else self._still_ns + now.steady_ns - self._last.steady_ns
        self._last = now
        fault = self._jump(steady, ros) or self._stall()
        if self._config.simulated and fault is None:
            self._measure_rate(now)
        elif fault is not None:
            self._rate = 1.0
            self._window.clear()
        self._time += steady * self._rate
        if fault is None:
            self._offset += OFFSET_GAIN * (now.ros_ns * 1e-9 - self._time - self._offset)
        elif fault.reason != "clock_stalled":
            self._anchor(now)
        return fault

    def _anchor(self, now: Now) -> None:
        self._offset = now.ros_ns * 1e-9 - self._time

    def _jump(self, steady: float, ros: float) -> Verdict | None:
        jump = self._config.jump
        if ros < -1e-3:
            detail = f"ROS time went back by {-ros:.3f} s; every stamp is void, reset when the clock is right"
            return Verdict(Decision.STOP, "clock", "clock_back", detail, -ros, 0.0)
        fastest = FASTEST if self._config.simulated else 1.0
        ahead = ros - fastest * steady
        if ahead > jump.value:
            detail = f"ROS time jumped ahead by {ahead:.3f} s; {jump.reason}"
            return Verdict(Decision.HOLD, "clock", "clock_jump", detail, ahead, jump.value)
        return None

    def _stall(self) -> Verdict | None:
        still, limit = self._still_ns * 1e-9, self._config.deadline(self._config.stall.value)
        if still <= limit:
            return None
        detail = f"ROS time has stood still for {still:.3f} s; is the simulator paused?"
        return Verdict(Decision.HOLD, "clock", "clock_stalled", detail, still, limit)

    def _measure_rate(self, now: Now) -> None:
        window = self._window
        window.append(now)
        while now.steady_ns - window[0].steady_ns > RATE_WINDOW_NS:
            window.popleft()
        span = now.steady_ns - window[0].steady_ns
        if span > RATE_WINDOW_NS // 2:
            measured = (now.ros_ns - window[0].ros_ns) / span
            self._rate = min(max(measured, 0.5 * self._config.min_rate), FASTEST)
