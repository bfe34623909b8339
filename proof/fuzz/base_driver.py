"""A base's gate, driven as the monitor drives it."""

from __future__ import annotations

import numpy as np

from proof.fuzz.driver import Driver
from proof.fuzz.journal import Journal
from proof.fuzz.offers import TwistOffer
from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.twist_gate import TwistCommand, TwistGate

QUIET_S = 0.5  # zeros after the end, see docs/safety.md


class BaseDriver(Driver):
    """Twists in; what the base is told into the journal."""

    def __init__(self, gate: TwistGate, rng: np.random.Generator) -> None:
        super().__init__(gate, Journal(np.zeros(6)), rng, gate.config.promised_stop_s, QUIET_S)
        self.gate = gate
        self.wait(1)

    @property
    def told(self) -> np.ndarray:
        """The newest twist (6,) [m/s, rad/s]."""
        return self.journal.twists[-1][1] if self.journal.twists else np.zeros(6)

    def step(self) -> None:
        """The gate's tick."""
        self._publish(self.guarded(lambda: self.gate.tick(self.now)))

    def offer(self, offer: TwistOffer) -> None:
        """Twists arrive."""
        self.arrive(offer.stamp_ns is None or not offer.chunk_id or offer.stamp_ns >= self.last_ros_armed)
        self.record(offer.generator, self.guarded(lambda: self._decide(offer)))

    def _decide(self, offer: TwistOffer) -> Verdict:
        verdict = self.gate.submit(offer.proposal(), self.now)
        if not offer.chunk_id and verdict.decision in (Decision.PASS, Decision.SLOW):
            self._publish(self.gate.command(self.now))
        return verdict

    def _publish(self, command: TwistCommand | None) -> None:
        if command is not None:
            self.journal.twists.append((self.now_ns, np.array(command.twist, dtype=np.float64)))
