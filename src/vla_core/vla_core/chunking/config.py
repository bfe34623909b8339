"""How chunks become one smooth motion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    """Settings of a chunk scheduler. Times in seconds.

    mode: ``ensemble`` averages the chunks that overlap; ``receding`` obeys the newest alone.
    ensemble_decay: m of ACT's weights exp(-m i), i = periods since the oldest chunk (Zhao et al. 2023, section 4.2).
        Positive trusts the oldest most, as ACT does with 0.01; negative the newest; 0 averages.
    max_members: most chunks that are averaged.
    splice_lead_s: the splice lies this long after now, rounded up to a knot, so that the plan arrives before it.
    knot_s: spacing of the points of a plan.
    brake_s: the last motion is retimed to come to rest within this time, ending at the last action.
    max_horizon_s: actions due later than this after t0 are left to the next chunk.
    limit_fraction: plans stay inside this part of the velocity, acceleration and jerk limits.
    cruise_fraction: actions that ask for more than this part of the velocity limit are slowed to it.
    position_margin: distance kept from the position limits [rad or m], where the joint's range allows it.
    smoothing_s: time constants, rising; the first is used unless it breaks limits, then whichever follows best.
    """

    mode: Literal["ensemble", "receding"] = "ensemble"
    ensemble_decay: float = -0.5
    max_members: int = 8
    splice_lead_s: float = 0.02
    knot_s: float = 0.02
    brake_s: float = 0.2
    max_horizon_s: float = 2.0
    limit_fraction: float = 0.95
    cruise_fraction: float = 0.8
    position_margin: float = 0.01
    smoothing_s: tuple[float, ...] = (0.05, 0.07, 0.1, 0.15, 0.22, 0.32)

    def __post_init__(self) -> None:
        if self.mode not in ("ensemble", "receding"):
            raise ValueError(f"mode is {self.mode!r}, must be 'ensemble' or 'receding'")
        if not math.isfinite(self.ensemble_decay) or self.max_members < 1:
            raise ValueError("ensemble_decay must be finite and max_members at least 1")
        if not 0.0 < self.cruise_fraction < self.limit_fraction <= 1.0:
            raise ValueError("0 < cruise_fraction < limit_fraction <= 1 must hold")
        if not (self.knot_s >= 0.001 and self.splice_lead_s >= 0.0 and self.position_margin >= 0.0):
            raise ValueError("knot_s must be at least 1 ms, splice_lead_s and position_margin not negative")
        if not (self.brake_s > 0.0 and 0.0 < self.max_horizon_s <= 10.0):
            raise ValueError("brake_s must be positive and max_horizon_s in (0, 10] s")
        if not self.smoothing_s or list(self.smoothing_s) != sorted(self.smoothing_s) or self.smoothing_s[0] <= 0.0:
            raise ValueError(f"smoothing_s is {self.smoothing_s}, must be rising positive times")

    @property
    def knot_ns(self) -> int:
        """Spacing of the knots [ns]."""
        return round(self.knot_s * NS_PER_S)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A chunk that was not used, and why.

    reason: stable code: ``no_state``, ``late``, ``out_of_order``, ``from_future`` or ``clock_went_back``.
    detail: one sentence with the values.
    """

    reason: str
    detail: str
