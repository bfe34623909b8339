"""Drives a gate as the monitor's threads do, on a fake clock, and writes down what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from proof.fuzz.journal import Escape, Journal, Rest
from proof.fuzz.polynomials import FloatArray
from vla_core.safety.clock import Now
from vla_core.safety.decision import Verdict
from vla_core.safety.latch import emergency
from vla_core.safety.status import Status

T = TypeVar("T")
MS = 1_000_000
PERIOD_NS = 10 * MS
ROS_AHEAD_NS = 7_000_000_000_000
NOTICED = 8  # command periods that a cut link lasts at least: a shorter one is not noticed
REACH_S = 0.3  # of a message before its braking tail
STALL_S = 0.15  # of the shipped configuration, see docs/safety.md


@dataclass(slots=True)
class World:
    """What is wrong with the world at present.

    noise: [rad] on joint states. sag: (J,) [rad] below what is commanded. held: (J,) where the arm is held.
    states: "fresh", "none", "nan". cut: nothing passes either way. clock: rate of ROS time. jitter_ns: of ticks.
    check_ms: longest check.
    """

    noise: float = 0.0
    sag: FloatArray | float = 0.0
    held: FloatArray | None = None
    states: str = "fresh"
    cut: bool = False
    clock: float = 1.0
    jitter_ns: int = 1 * MS
    check_ms: float = 6.0


class Gate(Protocol):
    """What the gates of arms and bases share."""

    def press(self, pressed: bool) -> None: ...
    def stop(self, verdict: Verdict) -> None: ...
    def reset(self, now: Now) -> str: ...
    def disarm(self) -> None: ...
    def moving(self, now: Now) -> bool: ...
    def status(self) -> Status: ...


class Driver:
    """A gate, and a clock that moves only when told.

    promised_s: from a decision to rest. quiet_s: how long a gate at rest goes on publishing.
    """

    def __init__(
        self, gate: Gate, journal: Journal, rng: np.random.Generator, promised_s: float, quiet_s: float
    ) -> None:
        self._any_gate, self._promised_s, self._quiet_s = gate, promised_s, quiet_s
        self.rng, self.world, self.journal = rng, World(), journal
        self.now_ns = 1_000_000_000
        self._ros = float(self.now_ns + ROS_AHEAD_NS)
        self._tick_ns = self.now_ns + PERIOD_NS
        self._last_tick_ns = self.now_ns
        self.armed = False
        self.last_ros_armed = 0
        self._latched: Rest | None = None
        self._idle: Rest | None = None  # armed, and nothing fresh was offered yet
        self._unheard: Rest | None = None
        self._stalled: Rest | None = None

    def step(self) -> None:
        """What the monitor does once a command period."""
        raise NotImplementedError

    # --- time

    @property
    def ros_ns(self) -> int:
        """ROS time now."""
        return round(self._ros)

    @property
    def now(self) -> Now:
        """By both clocks."""
        return Now(self.now_ns, self.ros_ns)

    def pass_time(self, ns: int) -> None:
        """Let ``ns`` pass; the ticks in between happen."""
        until = self.now_ns + ns
        while self._tick_ns <= until:
            self._advance(self._tick_ns)
            self._tick()
        self._advance(until)

    def wait(self, ticks: int) -> None:
        """``ticks`` command periods."""
        for _ in range(ticks):
            self._advance(self._tick_ns)
            self._tick()

    def pause(self, seconds: float) -> None:
        """The monitor does not run, the rest of the world does."""
        self.journal.events["pause"] += 1
        self._advance(self.now_ns + round(seconds * 1e9))
        self._tick_ns = max(self._tick_ns, self.now_ns)

    def _advance(self, to_ns: int) -> None:
        self._ros += (to_ns - self.now_ns) * self.world.clock
        self.now_ns = to_ns

    def _tick(self) -> None:
        late = (self.now_ns - self._last_tick_ns - PERIOD_NS) * 1e-9
        for rest in (self._latched, self._unheard, self._stalled):
            if rest is not None and late > 0.0 and self._last_tick_ns <= rest.due_ns:
                rest.allowed_s += late
        self._last_tick_ns = self.now_ns
        self._tick_ns = self.now_ns + PERIOD_NS + int(self.rng.integers(-1, 2)) * self.world.jitter_ns
        self.step()
        self._watch_clock()
        self.notice_stop()

    def _watch_clock(self) -> None:
        if self.world.clock == 0.0 and self._stalled is None:
            self._stalled = Rest("ROS time stands still", self.now_ns, STALL_S + self._stop_s + 0.01)
            self.journal.rests.append(self._stalled)
        elif self.world.clock != 0.0 and self._stalled is not None:
            self._stalled.until_ns, self._stalled = self.now_ns, None

    @property
    def _stop_s(self) -> float:
        """From a decision to rest. What one tick decides, and the jitter of the next."""
        return self._promised_s + 2 * self.world.jitter_ns * 1e-9

    # --- for what arrives

    def arrive(self, fresh: bool) -> None:
        """Something is offered, at some instant before the next tick. fresh: it may move an arm that was reset."""
        self._advance(self.now_ns + int(self.rng.random() * (self._tick_ns - self.now_ns)))
        if fresh and self._idle is not None:
            self._idle.until_ns, self._idle = self.now_ns, None

    def record(self, generator: str, verdict: Verdict | None) -> None:
        """The answer to an offer; None: the gate failed."""
        decision, reason = ("failed", "") if verdict is None else (verdict.decision.name, verdict.reason)
        self.journal.offers[generator, decision, reason] += 1
        self.notice_stop()

    def guarded(self, act: Callable[[], T]) -> T | None:
        """A gate that raises is a gate that failed."""
        try:
            return act()
        except Exception as error:
            self.journal.failures.append(Escape("exception", self.now_ns, f"{type(error).__name__}: {error}"))
            return None

    # --- the operator, and faults that latch

    def emergency_stop(self) -> None:
        """By the service."""
        self.journal.events["emergency stop"] += 1
        self._any_gate.stop(emergency("generated"))
        self._latch("an emergency stop")

    def press(self, pressed: bool) -> None:
        """By the topic."""
        self.journal.events["button pressed" if pressed else "button released"] += 1
        self._any_gate.press(pressed)
        if pressed:
            self._latch("the button")

    def disarm(self) -> None:
        """As on deactivation."""
        self.journal.events["disarm"] += 1
        self._any_gate.disarm()
        self._latch("disarming")

    def clock_back(self, seconds: float) -> None:
        """ROS time jumps back."""
        self.journal.events["clock back"] += 1
        self._ros -= seconds * 1e9
        self._clock_moved()
        if self.armed:
            self._latch("ROS time went back")
            assert self._latched is not None
            self._latched.since_ns = max(self._latched.since_ns, self._tick_ns)  # the next tick sees it

    def clock_jump(self, seconds: float) -> None:
        """ROS time jumps ahead."""
        self.journal.events["clock jump"] += 1
        self._ros += seconds * 1e9
        self._clock_moved()

    def _clock_moved(self) -> None:
        """Whatever it shows, it does not stand still."""
        if self._stalled is not None:
            self._stalled.until_ns, self._stalled = self.now_ns, None

    def reset(self) -> bool:
        """Whether it armed."""
        self.journal.events["reset"] += 1
        refused = self._any_gate.reset(self.now)
        if refused:
            return False
        self.armed, self.last_ros_armed = True, self.ros_ns
        if self.journal.first_armed_ns is None:
            self.journal.first_armed_ns = self.now_ns
        for rest in (self._latched, self._idle):
            if rest is not None:
                rest.until_ns = self.now_ns
        self._latched = None
        self._idle = Rest("a reset, before anything fresh was commanded", self.now_ns, 0.0)
        self.journal.rests.append(self._idle)
        return True

    def _latch(self, cause: str) -> None:
        self.armed = False
        if self._latched is None:
            late = max(self._tick_ns - self.now_ns - PERIOD_NS, 0) * 1e-9
            late += REACH_S if self.world.cut else 0.0  # whoever hears nothing more carries out what it had
            self._latched = Rest(cause, self.now_ns, self._stop_s + late, None, True, self._quiet_s + 0.05)
            self.journal.rests.append(self._latched)

    def notice_stop(self) -> None:
        """The gate says that it stopped by itself: from now on its promises about a stop hold."""
        if self.armed and self._any_gate.status().count_stop:
            self.journal.events["stopped by itself"] += 1
            self._latch("a stop of its own")

    def settle(self) -> None:
        """To the end: everything is well again, nothing is commanded, a plan that still runs is stopped."""
        if self.world.cut:
            self.wait(NOTICED)
        self.world = World()
        self.wait(40)
        if self._any_gate.moving(self.now):
            self.emergency_stop()
        self.wait(round(70 + 1.2 * 100 * self._quiet_s))
        self.journal.rests.append(Rest("the end of all plans", self.now_ns, 0.0, None, True, 0.0))
        self.wait(10)
        self.journal.end_ns = self.now_ns
