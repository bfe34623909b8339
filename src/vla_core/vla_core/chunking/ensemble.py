"""Overlapping chunks as one reference: temporal ensembling by stamp (ACT; Zhao et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_core.chunking.config import NS_PER_S
from vla_core.types import FloatArray


@dataclass(frozen=True, slots=True)
class Member:
    """A chunk as a curve: cubic Hermite pieces through its waypoints.

    t0_ns: ROS time of the observation behind the chunk; times_s: (K,) [s] since then.
    values: (K, D) waypoints; slopes: (K, D) their rates [1/s].
    """

    t0_ns: int
    times_s: FloatArray
    values: FloatArray
    slopes: FloatArray

    @classmethod
    def through(cls, t0_ns: int, times_s: FloatArray, values: FloatArray, slopes: FloatArray | None = None) -> Member:
        """Through ``values``; where slopes are not given they are those of parabolas through three neighbours."""
        if slopes is None:
            slopes = np.zeros_like(values) if len(times_s) < 2 else np.gradient(values, times_s, axis=0)
        return cls(t0_ns, times_s, values, slopes)

    @property
    def period_s(self) -> float:
        """Mean spacing of the waypoints [s]."""
        spans = max(len(self.times_s) - 1, 1)
        return float(self.times_s[-1] - self.times_s[0]) / spans or 1.0

    def end_ns(self, max_horizon_s: float) -> int:
        """ROS time of the last action that counts."""
        return self.t0_ns + round(min(float(self.times_s[-1]), max_horizon_s) * NS_PER_S)

    def at(self, times_s: FloatArray) -> FloatArray:
        """(T, D) values at ``times_s`` since t0, held before the first and after the last waypoint."""
        own = self.times_s
        if len(own) < 2:
            return np.repeat(self.values, len(times_s), axis=0)
        times = np.clip(times_s, own[0], own[-1])
        left = np.clip(np.searchsorted(own, times, side="right") - 1, 0, len(own) - 2)
        span = own[left + 1] - own[left]
        u = (times - own[left]) / span
        rise = (u * u * (3.0 - 2.0 * u))[:, None]
        leave, arrive = (span * u * (1.0 - u) ** 2)[:, None], (span * u * u * (u - 1.0))[:, None]
        start, end = self.values[left], self.values[left + 1]
        return start + rise * (end - start) + leave * self.slopes[left] + arrive * self.slopes[left + 1]

    def weight(self, times_s: FloatArray) -> FloatArray:
        """(T,) 1 where the chunk speaks, falling to 0 over its last period, so that a mean has no step at its end."""
        fade = (self.times_s[-1] - times_s) / self.period_s
        weight: FloatArray = np.clip(fade, 0.0, 1.0)
        return weight


def ensemble(members: Sequence[Member], at_ns: int, offsets_s: FloatArray, decay: float) -> FloatArray:
    """(T, D) weighted mean of ``members`` at ``at_ns + offsets_s``, the newest member last in the list.

    The newest never fades: beyond its end it alone speaks, and holds.

    ``decay`` is m in ACT's weights exp(-m i), i being the periods by which a member is younger than the oldest.
    """
    newest = members[-1]
    if len(members) == 1:
        return newest.at(offsets_s + (at_ns - newest.t0_ns) / NS_PER_S)
    total = newest.at(offsets_s + (at_ns - newest.t0_ns) / NS_PER_S)
    weights = np.ones(len(offsets_s))
    for member in members[:-1]:
        times_s = offsets_s + (at_ns - member.t0_ns) / NS_PER_S
        age = (newest.t0_ns - member.t0_ns) / NS_PER_S / newest.period_s
        weight = np.exp(decay * age) * member.weight(times_s)
        total += weight[:, None] * member.at(times_s)
        weights += weight
    return total / weights[:, None]


def retimed_to_rest(offsets_s: FloatArray, end_s: float, brake_s: float) -> FloatArray:
    """The instants at which to read a reference that ends at ``end_s``, so that it comes to rest there on its own path.

    Time passes at rate 1 until ``end_s - brake_s / 2`` and then slows evenly to a stop, ``brake_s`` later, at
    ``end_s``: the path is kept and nothing is extrapolated.
    """
    into = np.clip(offsets_s - (end_s - brake_s / 2), 0.0, brake_s)
    return np.minimum(offsets_s, end_s - brake_s / 2) + into - into**2 / (2 * brake_s)
