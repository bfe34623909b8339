"""Drives an arm's gate as the monitor's threads do, on a fake clock, and writes down what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from proof.fuzz.controller import Controller
from proof.fuzz.journal import Escape, Journal, Rest
from proof.fuzz.offers import Offer
from proof.fuzz.polynomials import FloatArray
from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.gate import ArmGate, Command
from vla_core.safety.proposal import Refused, Trace

T = TypeVar("T")
MS = 1_000_000
PERIOD_NS = 10 * MS
ROS_AHEAD_NS = 7_000_000_000_000
LEADS_S = (0.015, 0.03, 0.06, 0.12)  # as the monitor: a check that took longer than its lead is repeated
SHORT = 4  # as the monitor: commands of up to this many points are answered at once
STALE_S, STALL_S, QUIET_S = 0.1, 0.15, 0.5  # of the shipped configuration, see docs/safety.md


@dataclass(slots=True)
class World:
    """What is wrong with the world at present. noise: [rad] on joint states. sag: (J,) [rad] below what is commanded.
    held: (J,) where the arm is held. states: "fresh", "none", "nan". clock: rate of ROS time. jitter_ns: of ticks.
    check_ms: longest check.
    """

    noise: float = 0.0
    sag: FloatArray | float = 0.0
    held: FloatArray | None = None
    states: str = "fresh"
    clock: float = 1.0
    jitter_ns: int = 1 * MS
    check_ms: float = 6.0


class ArmDriver:
    """A gate, an ideal controller behind it, and a clock that moves only when told."""

    def __init__(self, gate: ArmGate, home: FloatArray, rng: np.random.Generator, grip: float | None = 0.02) -> None:
        self.gate, self.rng, self.world = gate, rng, World()
        self.controller = Controller(home)
        self.journal = Journal(home)
        self.now_ns = 1_000_000_000
        self._ros = float(self.now_ns + ROS_AHEAD_NS)
        self._tick_ns = self.now_ns + PERIOD_NS
        self._last_tick_ns = self.now_ns
        self._grip = grip
        self._measured = home
        self.armed = False
        self.last_ros_armed = 0
        self._latched: Rest | None = None
        self._idle: Rest | None = None  # armed, and nothing fresh was offered yet
        self._unheard: Rest | None = None
        self._stalled: Rest | None = None
        self.wait(1)

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
        self._hear()
        command = self._guarded(lambda: self.gate.tick(self.now))
        self._publish(command)
        self._watch_clock()
        self._notice_stop()

    # --- what is measured

    def _hear(self) -> None:
        """A joint state, if one comes."""
        state = self.controller.state(self.now_ns)
        self.journal.samples.append((self.now_ns, state))
        if self.world.states == "none":
            self._miss()
            return
        position = state[0] - self.world.sag if self.world.held is None else self.world.held
        if self.world.noise:
            position = position + self.rng.uniform(-1.0, 1.0, len(position)) * self.world.noise
        if self.world.states == "nan":
            position = position.copy()
            position[int(self.rng.integers(len(position)))] = self.rng.choice([np.nan, np.inf, -np.inf])
            self._miss()
        else:
            if self._unheard is not None:
                self._unheard.until_ns, self._unheard = self.now_ns, None
            self._measured = position
        self.gate.measure(position, state[1] * (self.world.held is None), self._grip, self.now)

    def _miss(self) -> None:
        if self._unheard is None:
            allowed = STALE_S + self._stop_s
            self._unheard = Rest("joint states stop", self.now_ns - PERIOD_NS, allowed)
            self.journal.rests.append(self._unheard)

    def _watch_clock(self) -> None:
        if self.world.clock == 0.0 and self._stalled is None:
            self._stalled = Rest("ROS time stands still", self.now_ns, STALL_S + self._stop_s + 0.01)
            self.journal.rests.append(self._stalled)
        elif self.world.clock != 0.0 and self._stalled is not None:
            self._stalled.until_ns, self._stalled = self.now_ns, None

    @property
    def _stop_s(self) -> float:
        """From a decision to rest. What one tick decides, and the jitter of the next."""
        return self.gate.config.promised_stop_s + 2 * self.world.jitter_ns * 1e-9

    # --- commands

    def offer(self, offer: Offer) -> None:
        """A command arrives, at some instant before the next tick."""
        self._advance(self.now_ns + int(self.rng.random() * (self._tick_ns - self.now_ns)))
        fresh = offer.chunk_id == 0 or offer.stamp_ns >= self.last_ros_armed
        if self.armed and fresh and self._idle is not None:
            self._idle.until_ns, self._idle = self.now_ns, None
        verdict = self._guarded(lambda: self._decide(offer))
        decision, reason = ("failed", "") if verdict is None else (verdict.decision.name, verdict.reason)
        self.journal.offers[offer.generator, decision, reason] += 1
        self._notice_stop()

    def _decide(self, offer: Offer) -> Verdict:
        trace = Trace(offer.source, offer.chunk_id, 1)
        try:
            proposal = offer.proposal()
        except Refused as refused:
            return self.gate.refuse(refused.verdict, trace, self.now)
        if offer.chunk_id == 0 and len(offer.times_s) <= SHORT:
            verdict = self.gate.submit(proposal, self.now)
            if verdict.decision in (Decision.PASS, Decision.SLOW):
                self._publish(self.gate.command(self.now))
            return verdict
        for lead_s in LEADS_S:
            prepared = self.gate.check(proposal, self.now, lead_s)
            self.pass_time(int(self.rng.uniform(0.5, self.world.check_ms) * MS))  # the stream goes on beside the check
            if self.rng.random() < 0.004:
                self.emergency_stop()
            answer = self.gate.install(prepared, self.now)
            if answer is not None:
                return answer
        slow = Verdict(Decision.HOLD, "source", "check_overrun", "too slow", brakes=False)
        return self.gate.refuse(slow, trace, self.now)

    def _publish(self, command: Command | None) -> None:
        if command is None:
            return
        times_ns = tuple(_nanoseconds(time) for time in command.message.times)
        states = np.array(command.message.states, dtype=np.float64)
        message = self.controller.receive(self.now_ns, times_ns, states, command.gripper, self._measured)
        self.journal.messages.append(message)

    def _guarded(self, act: Callable[[], T]) -> T | None:
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
        self.gate.emergency_stop("generated")
        self._latch("an emergency stop")

    def press(self, pressed: bool) -> None:
        """By the topic."""
        self.journal.events["button pressed" if pressed else "button released"] += 1
        self.gate.press(pressed)
        if pressed:
            self._latch("the button")

    def disarm(self) -> None:
        """As on deactivation."""
        self.journal.events["disarm"] += 1
        self.gate.disarm()
        self._latch("disarming")

    def clock_back(self, seconds: float) -> None:
        """ROS time jumps back."""
        self.journal.events["clock back"] += 1
        self._ros -= seconds * 1e9
        if self.armed:
            self._latch("ROS time went back")
            assert self._latched is not None
            self._latched.since_ns = max(self._latched.since_ns, self._tick_ns)  # the next tick sees it

    def clock_jump(self, seconds: float) -> None:
        """ROS time jumps ahead."""
        self.journal.events["clock jump"] += 1
        self._ros += seconds * 1e9

    def hand_guided(self, position: FloatArray) -> None:
        """While stopped, somebody moves the arm, and its controller is started again there."""
        last = self.journal.messages[-1].at_ns if self.journal.messages else 0
        if self.armed or self.now_ns - last < 50 * MS:  # nobody is that quick while it still says where it holds
            return
        self.journal.events["moved by hand"] += 1
        self.controller.activate(position)
        self.journal.activations.append((self.now_ns, position))

    def reset(self) -> bool:
        """Whether it armed."""
        self.journal.events["reset"] += 1
        refused = self.gate.reset(self.now)
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
            self._latched = Rest(cause, self.now_ns, self._stop_s + late, None, True, QUIET_S + 0.05)
            self.journal.rests.append(self._latched)

    def _notice_stop(self) -> None:
        """The gate says that it stopped by itself: from now on its promises about a stop hold."""
        if self.armed and self.gate.status().count_stop:
            self.journal.events["stopped by itself"] += 1
            self._latch("a stop of its own")

    def settle(self) -> None:
        """To the end: everything is well again, nothing is commanded, a plan that still runs is stopped."""
        self.world = World()
        self.wait(40)
        if self.gate.moving(self.now):
            self.emergency_stop()
        self.wait(120)
        self.journal.rests.append(Rest("the end of all plans", self.now_ns, 0.0, None, True, 0.0))
        self.wait(10)
        self.journal.end_ns = self.now_ns


def _nanoseconds(seconds: float) -> int:
    """As the monitor writes a time_from_start; a time that is not finite becomes one that no message allows."""
    return round(seconds * 1e9) if np.isfinite(seconds) else -1
