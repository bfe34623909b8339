"""An arm's gate with an ideal controller behind it, driven as the monitor drives it."""

from __future__ import annotations

import numpy as np

from proof.fuzz.controller import Controller
from proof.fuzz.driver import MS, PERIOD_NS, REACH_S, Driver
from proof.fuzz.journal import Journal, Rest
from proof.fuzz.offers import Offer
from proof.fuzz.polynomials import FloatArray
from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.gate import ArmGate, Command
from vla_core.safety.proposal import Refused, Trace

LEADS_S = (0.015, 0.03, 0.06, 0.12)  # as the monitor: a check that took longer than its lead is repeated
SHORT = 4  # as the monitor: commands of up to this many points are answered at once
STALE_S, QUIET_S = 0.05, 0.5  # of the shipped configuration, see docs/safety.md


class ArmDriver(Driver):
    """Commands in; messages, and what a controller makes of them, into the journal."""

    def __init__(self, gate: ArmGate, home: FloatArray, rng: np.random.Generator, grip: float | None = 0.02) -> None:
        super().__init__(gate, Journal(home), rng, gate.config.promised_stop_s, QUIET_S)
        self.gate = gate
        self.controller = Controller(home)
        self._grip, self._measured = grip, home
        self._cut_ns = 0  # when a message was lost last
        self.wait(1)

    def step(self) -> None:
        """A joint state comes, then the gate's tick."""
        self._hear()
        self._publish(self.guarded(lambda: self.gate.tick(self.now)))

    # --- what is measured

    def _hear(self) -> None:
        """A joint state, if one comes."""
        state = self.controller.state(self.now_ns)
        self.journal.samples.append((self.now_ns, state))
        if self.world.states == "none" or self.world.cut:
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
            allowed = REACH_S + self._promised_s if self.world.cut else STALE_S + self._stop_s
            self._unheard = Rest("joint states stop", self.now_ns - PERIOD_NS, allowed)
            self.journal.rests.append(self._unheard)

    # --- commands

    def offer(self, offer: Offer) -> None:
        """A command arrives."""
        self.arrive(offer.chunk_id == 0 or offer.stamp_ns >= self.last_ros_armed)
        self.record(offer.generator, self.guarded(lambda: self._decide(offer)))

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
        if self.world.cut:
            self._cut_ns = self.now_ns
            return
        times_ns = tuple(_nanoseconds(time) for time in command.message.times)
        states = np.array(command.message.states, dtype=np.float64)
        message = self.controller.receive(self.now_ns, times_ns, states, command.gripper, self._measured)
        self.journal.messages.append(message)

    @property
    def adrift(self) -> bool:
        """Whether the controller was started again, or nothing got through, since a message did: where it is, the gate
        has joint states alone to tell.
        """
        last = self.journal.messages[-1].at_ns if self.journal.messages else 0
        return self._cut_ns > last or (bool(self.journal.activations) and self.journal.activations[-1][0] > last)

    def hand_guided(self, position: FloatArray) -> None:
        """While stopped, somebody moves the arm, and its controller is started again there."""
        last = self.journal.messages[-1].at_ns if self.journal.messages else 0
        if self.armed or self.now_ns - last < 50 * MS:  # nobody is that quick while it still says where it holds
            return
        self.journal.events["moved by hand"] += 1
        position = position if self.world.held is None else self.world.held  # a controller starts where the arm is
        self.controller.activate(position)
        self.journal.activations.append((self.now_ns, position))


def _nanoseconds(seconds: float) -> int:
    """As the monitor writes a time_from_start; a time that is not finite becomes one that no message allows."""
    return round(seconds * 1e9) if np.isfinite(seconds) else -1
