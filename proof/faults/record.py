"""What was heard during one fault, by the steady clock of the runner."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from vla_core.types import FloatArray


@dataclass(frozen=True, slots=True)
class Sample:
    """One ground truth state. steady_ns: receipt. stamp_ns: the robot's own time, 0 when it has none. (J,) each."""

    steady_ns: int
    stamp_ns: int
    position: FloatArray
    velocity: FloatArray

    @property
    def speed(self) -> float:
        """Of the fastest joint [rad/s]."""
        return float(np.abs(self.velocity).max())


@dataclass(frozen=True, slots=True)
class Said:
    """One status of the monitor."""

    steady_ns: int
    state: int
    reason: str


@dataclass(slots=True)
class Log:
    """Filled by the callbacks, read by the judge. excess: largest that the simulator itself has reported.

    known_excess: the part of it from before the last ``clear``; the simulator only ever reports the largest.
    """

    samples: list[Sample] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    excess: float = 0.0
    known_excess: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Forget all but the newest of each."""
        with self.lock:
            del self.samples[:-1]
            del self.said[:-1]
            self.known_excess = self.excess

    @property
    def new_excess(self) -> float:
        """What the simulator has reported since the last ``clear``; 0 when nothing beyond what was known."""
        return self.excess if self.excess > self.known_excess else 0.0

    @property
    def speed(self) -> float:
        """Of the newest sample; 0 before the first."""
        return self.samples[-1].speed if self.samples else 0.0

    @property
    def state(self) -> int | None:
        """The newest state of the monitor."""
        return self.said[-1].state if self.said else None
