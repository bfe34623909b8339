"""What happened in one sequence: all that the oracle is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from proof.fuzz.controller import Published
from proof.fuzz.polynomials import FloatArray


@dataclass(frozen=True, slots=True)
class Escape:
    """One broken promise. at_ns: steady time in its sequence. value, limit: in the promise's unit."""

    promise: str
    at_ns: int
    detail: str
    value: float = float("nan")
    limit: float = float("nan")


@dataclass(slots=True)
class Rest:
    """A cause to be at rest, from ``since_ns`` until ``until_ns`` (None: to the end), allowing ``allowed_s`` to brake.

    keeps_grip: the gripper's set-point does not change from ``since_ns`` on.
    silent_after_s: nothing at all is published this long after the arm must be at rest; None: no such promise.
    """

    cause: str
    since_ns: int
    allowed_s: float
    until_ns: int | None = None
    keeps_grip: bool = False
    silent_after_s: float | None = None

    @property
    def due_ns(self) -> int:
        """When it must be at rest."""
        return self.since_ns + round(self.allowed_s * 1e9)


@dataclass(slots=True)
class Journal:
    """Of one sequence. offers: number of commands by (generator, decision, reason)."""

    home: FloatArray
    messages: list[Published] = field(default_factory=list)
    twists: list[tuple[int, FloatArray]] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    offers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[int, FloatArray]] = field(default_factory=list)
    activations: list[tuple[int, FloatArray]] = field(default_factory=list)
    failures: list[Escape] = field(default_factory=list)
    first_armed_ns: int | None = None
    end_ns: int = 0

    @property
    def commands(self) -> int:
        """How many were offered."""
        return self.offers.total()
