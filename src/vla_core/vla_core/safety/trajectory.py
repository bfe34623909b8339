"""A joint motion as the controller will interpolate it: quintics between knots."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

import numpy as np

from vla_core.safety.quintic import Extremes, extremes, segment_ends, state_at, states_at
from vla_core.types import FloatArray, read_only

RESOLUTION_S = 1e-6  # knots nearer than this fall together, or fly apart, once their times are moved


class Trajectory:
    """Knots of position, velocity and acceleration, with the quintic through them in between.

    times: (M,) strictly increasing [s], M >= 1.
    states: (M, 3, J): position [rad or m], velocity, acceleration.
    Before the first knot it stays there; after the last it rests at its position.
    room: (P,) by how much at least each pair of a collision model clears what it must [m]; None: not looked at.
    """

    room: FloatArray | None = None

    def __init__(self, times: FloatArray, states: FloatArray) -> None:
        if times.ndim != 1 or len(times) < 1 or states.ndim != 3 or states.shape[:2] != (len(times), 3):
            raise ValueError(f"times {times.shape} and states {states.shape} do not fit")
        if not (times[1:] > times[:-1]).all():  # so that NaN fails too
            raise ValueError("times must strictly increase")
        self.times = read_only(times)
        self.states = read_only(states)
        self._starts: list[float] = self.times.tolist()

    @classmethod
    def at_rest(cls, time: float, position: FloatArray) -> Trajectory:
        """Standing still at ``position`` (J,)."""
        return cls(np.array([time]), resting_state(position)[None])

    @property
    def start(self) -> float:
        """Time of the first knot [s]."""
        return self._starts[0]

    @property
    def end(self) -> float:
        """Time of the last knot [s]."""
        return self._starts[-1]

    @property
    def joints(self) -> int:
        """Number of joints J."""
        return int(self.states.shape[2])

    @cached_property
    def ends_at_rest(self) -> bool:
        """Whether velocity and acceleration of the last knot are zero."""
        return not self.states[-1, 1:].any()

    @cached_property
    def durations(self) -> FloatArray:
        """(M-1,) [s]."""
        lengths: FloatArray = self.times[1:] - self.times[:-1]
        return lengths

    @cached_property
    def _ends(self) -> FloatArray:
        """Ends (M-1, 6, J) of the segments."""
        return segment_ends(self.times, self.states)

    @cached_property
    def bounds(self) -> Extremes:
        """Tight bounds of every segment."""
        return extremes(self.times, self.states)

    def state(self, time: float) -> FloatArray:
        """(3, J) at ``time`` [s]."""
        index = bisect_right(self._starts, time) - 1
        if time <= self.start or time == self.end:
            knot: FloatArray = self.states[max(index, 0)]
            return knot
        if index == len(self._starts) - 1:
            return resting_state(self.states[-1, 0])
        duration = self._starts[index + 1] - self._starts[index]
        return state_at(self._ends[index], duration, (time - self._starts[index]) / duration)

    def sample(self, times: FloatArray) -> FloatArray:
        """(K, 3, J) at ``times`` (K,), all inside [start, end]."""
        if len(self.times) == 1:
            return read_only(np.repeat(self.states, len(times), axis=0))
        index = np.minimum(np.searchsorted(self.times, times, side="right") - 1, len(self.times) - 2)
        fraction = (times - self.times[index]) / self.durations[index]
        return states_at(self._ends[index], self.durations[index], fraction)

    def part(self, start: float, end: float, gap: float = 0.0) -> Trajectory:
        """The motion within [start, end], with knots at both, dropping knots nearer than ``gap`` to them.

        A dropped knot leaves a quintic that only approximates the two it replaces; so do not drop without checking.
        """
        if end - start < RESOLUTION_S:
            return Trajectory(np.array([start]), self.state(start)[None])
        gap = max(gap, RESOLUTION_S)
        inside = (self.times > start + gap) & (self.times < end - gap)
        times = np.concatenate([[start], self.times[inside], [end]])
        states = np.concatenate([self.state(start)[None], self.states[inside], self.state(end)[None]])
        return Trajectory(times, states)

    def then(self, other: Trajectory) -> Trajectory:
        """The motion up to the first knot of ``other``, which replaces everything from there on."""
        keep = self.times < other.start - RESOLUTION_S
        return Trajectory(
            np.concatenate([self.times[keep], other.times]), np.concatenate([self.states[keep], other.states])
        )

    def retimed(self, origin: float, start: float, scale: float) -> Trajectory:
        """The same path with time stretched by 1/scale; what was at ``origin`` comes at ``start``."""
        factors = np.array([1.0, scale, scale * scale])[:, None]
        return Trajectory(start + (self.times - origin) / scale, self.states * factors)


def resting_state(position: FloatArray) -> FloatArray:
    """(3, J) at ``position`` (J,) with velocity and acceleration zero."""
    state = np.zeros((3, len(position)))
    state[0] = position
    return state
