"""Everything the gate of a mobile base is told at load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from vla_core.errors import LimitsError
from vla_core.safety.clock import ClockConfig
from vla_core.safety.decision import Limit
from vla_core.safety.ramp import Ramp
from vla_core.safety.rules.twist import AXES
from vla_core.safety.upstream import UpstreamConfig

_LINEAR = 3  # the first axes are linear, the others angular


@dataclass(frozen=True, slots=True)
class TwistConfig:
    """Limits of a base; checked as a whole when made.

    linear, angular: speed, acceleration, jerk of the velocity's vector; each axis of several takes its share.
    timeout_s: how long a twist is good for when nothing follows. zeros_s: how long zeros are sent before silence.
    promised_stop_s: from a decision to rest, from any state within the limits.
    upstream: what is asked of a planner.
    """

    linear: Limit
    angular: Limit
    linear_acceleration: Limit
    angular_acceleration: Limit
    linear_jerk: Limit
    angular_jerk: Limit
    frame_id: str = "base_link"
    axes: Sequence[str] = ("linear.x", "angular.z")
    timeout_s: float = 0.3
    zeros_s: float = 0.5
    period_s: float = 0.01
    promised_stop_s: float = 0.4
    source_grace_s: float = 0.2
    refusals_to_stop: int = 10
    clock: ClockConfig = field(default_factory=ClockConfig)
    upstream: UpstreamConfig = field(default_factory=UpstreamConfig)

    def __post_init__(self) -> None:
        for ramp, speed in zip(self._distinct, (self.linear, self.angular), strict=True):
            total = self.period_s + ramp.longest_stop(speed.value)
            if total > self.promised_stop_s:
                raise LimitsError(
                    f"the promised time to rest {self.promised_stop_s:.3f} s cannot be kept: reaction "
                    f"{self.period_s:.3f} s + the longest ramp from {speed.value} {speed.unit} with "
                    f"{ramp.acceleration:.3f} {speed.unit}^2 and {ramp.jerk:.3f} {speed.unit}^3 = {total:.3f} s; lower "
                    f"the speed to {ramp.fastest(self.promised_stop_s - self.period_s):.3f} {speed.unit}, raise "
                    f"acceleration or jerk, or promise {total:.3f} s"
                )

    @property
    def _distinct(self) -> tuple[Ramp, Ramp]:
        """Of a linear and of an angular axis."""
        powers = (self.linear_acceleration, self.linear_jerk), (self.angular_acceleration, self.angular_jerk)
        counts = [sum(axis in self.axes for axis in part) for part in (AXES[:_LINEAR], AXES[_LINEAR:])]
        linear, angular = (
            Ramp(acceleration.value / math.sqrt(max(count, 1)), jerk.value / math.sqrt(max(count, 1)))
            for (acceleration, jerk), count in zip(powers, counts, strict=True)
        )
        return linear, angular

    @property
    def together(self) -> tuple[tuple[slice, float], ...]:
        """Parts of a twist of which the base can follow more than one axis, and the limit of their vector."""
        parts = (slice(0, _LINEAR), self.linear.value), (slice(_LINEAR, len(AXES)), self.angular.value)
        return tuple((part, limit) for part, limit in parts if sum(axis in self.axes for axis in AXES[part]) > 1)

    @property
    def ramps(self) -> tuple[Ramp, ...]:
        """How each of the six axes follows its target; together they keep the limits of the vectors."""
        linear, angular = self._distinct
        return (linear,) * _LINEAR + (angular,) * (len(AXES) - _LINEAR)
