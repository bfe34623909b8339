"""Exponential back-off: how long to wait after how many failures in a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays ``first_s``, ``first_s * factor``, … up to ``max_s``.

    healthy_s: how long something must have run without failure for its earlier failures to be forgotten [s].
    """

    first_s: float = 0.5
    factor: float = 2.0
    max_s: float = 30.0
    healthy_s: float = 30.0

    def __post_init__(self) -> None:
        if not (self.first_s > 0 and self.factor >= 1 and self.max_s >= self.first_s and self.healthy_s >= 0):
            raise ValueError(f"back-off needs 0 < first_s <= max_s, factor >= 1, healthy_s >= 0; got {self}")

    def delay_s(self, failures: int) -> float:
        """Wait [s] after the ``failures``-th failure in a row, counted from 1."""
        if failures < 1:
            raise ValueError(f"failures are counted from 1; got {failures}")
        # Bounded exponent: a float overflows after some thousand failures.
        return min(self.max_s, self.first_s * self.factor ** min(failures - 1, 64))
