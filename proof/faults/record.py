"""What was heard during one fault, by the steady clock of the runner."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

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

    def save(self, path: Path) -> None:
        """For looking closer: samples and statuses as arrays (.npz)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        samples, said = list(self.samples), list(self.said)
        np.savez_compressed(
            path,
            steady_ns=np.array([sample.steady_ns for sample in samples], dtype=np.int64),
            stamp_ns=np.array([sample.stamp_ns for sample in samples], dtype=np.int64),
            position=np.array([sample.position for sample in samples]),
            velocity=np.array([sample.velocity for sample in samples]),
            said_ns=np.array([status.steady_ns for status in said], dtype=np.int64),
            state=np.array([status.state for status in said]),
            reason=np.array([status.reason for status in said]),
        )

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
