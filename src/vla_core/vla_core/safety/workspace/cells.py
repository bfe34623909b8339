"""A motion and all its braking tails, as a surface cut into cells.

A stop begun at t follows q(t) + s w(t) with s from 0 to at most ``stretch`` and w = v + ramp/2 a: ``Brake`` ends every
joint in the same time, so that past its first ramp a stop is straight in joint space. What that leaves out is bounded:
ramp**2/6 a within the first ramp, and s times half the difference of the ramps times a between one ramp and another.
With s = f * stretch, a cell is [t0, t1] x [f0, f1]; f = 0 is the motion itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vla_core.safety.braking import Brake
from vla_core.safety.trajectory import Trajectory
from vla_core.types import FloatArray

CELL_S = 0.06  # first length of a cell


@dataclass(frozen=True, slots=True)
class Cells:
    """N cells. segment: (N,) of the motion. start, end [s], near, far (shares of the stretch): (N,).

    corners: (N, 4, J): at (start, near), (end, near), (start, far), (end, far).
    stray: (N, J) furthest that any state of the cell is from the bilinear patch of its corners.
    left_out: (N, J) the part of ``stray`` that no smaller cell has less of.
    along, across: (N, J) size of the patch, in time and in the direction of a stop.
    """

    segment: Any
    start: FloatArray
    end: FloatArray
    near: FloatArray
    far: FloatArray
    corners: FloatArray
    stray: FloatArray
    left_out: FloatArray
    along: FloatArray
    across: FloatArray

    def __len__(self) -> int:
        return len(self.start)

    def centre(self, index: int) -> FloatArray:
        """(J,) the middle of a cell."""
        middle: FloatArray = self.corners[index].mean(axis=0)
        return middle


class Surface:
    """The motion with its tails; ``tails`` False leaves the motion alone."""

    def __init__(self, motion: Trajectory, brake: Brake, tails: bool = True) -> None:
        self._motion, self._tails = motion, tails
        bounds, ramps = motion.bounds, brake.ramps
        self._acceleration, self._jerk = bounds.acceleration, bounds.jerk
        self._ramp = 0.5 * (max(ramps) + min(ramps))
        stretch = [stop_stretch(brake, ramp, bounds.velocity, bounds.acceleration) for ramp in ramps]
        self._stretch = np.max(stretch, axis=0)
        left_out = [r * r / 6.0 + s * abs(r - self._ramp) / 2.0 for r, s in zip(ramps, stretch, strict=True)]
        self._left_out = np.max(left_out, axis=0) if tails else np.zeros(len(bounds.jerk))

    def whole(self) -> Cells:
        """The first cells: every segment in pieces of at most ``CELL_S``."""
        durations = self._motion.durations
        pieces = np.maximum(np.ceil(durations / CELL_S - 1e-6).astype(int), 1)
        segment = np.repeat(np.arange(len(durations)), pieces)
        first = np.concatenate([[0], np.cumsum(pieces)[:-1]])
        step = (durations / pieces)[segment]
        start = self._motion.times[segment] + (np.arange(len(segment)) - first[segment]) * step
        end = np.concatenate([start[1:], [self._motion.end]])
        zero = np.zeros(len(segment))
        return self.cells(segment, start, end, zero, zero + 1.0 if self._tails else zero)

    def cells(self, segment: Any, start: FloatArray, end: FloatArray, near: FloatArray, far: FloatArray) -> Cells:
        """Cells with their corners."""
        count = len(start)
        states = self._motion.sample(np.concatenate([start, end]))
        stretch = self._stretch[segment][:, None]
        position = states[:, 0]
        onward = (states[:, 1] + 0.5 * self._ramp * states[:, 2]) * np.concatenate([stretch, stretch])
        corners = np.empty((count, 4, position.shape[1]))
        for place, share in ((0, near), (2, far)):
            shares = share[:, None]
            corners[:, place] = position[:count] + shares * onward[:count]
            corners[:, place + 1] = position[count:] + shares * onward[count:]
        h = (end - start)[:, None]
        acceleration, jerk = self._acceleration[segment], self._jerk[segment]
        # A curve is off its chord by h**2/8 of the bound of its second derivative, or by h/2 of that of its first.
        tail = far[:, None] * stretch * jerk * (h * h / 8.0 + 0.25 * self._ramp * h)
        left_out = acceleration * self._left_out[segment][:, None]
        stray = acceleration * (h * h / 8.0) + left_out + tail
        along = np.maximum(np.abs(corners[:, 1] - corners[:, 0]), np.abs(corners[:, 3] - corners[:, 2]))
        across = np.maximum(np.abs(corners[:, 2] - corners[:, 0]), np.abs(corners[:, 3] - corners[:, 1]))
        return Cells(segment, start, end, near, far, corners, stray, left_out, along, across)


def stop_stretch(brake: Brake, ramp: float, velocity: FloatArray, acceleration: FloatArray) -> FloatArray:
    """Half of the longest stop with ``ramp`` from velocities and accelerations (S, J) within these magnitudes: (S,)."""
    needed = (velocity + 0.5 * ramp * acceleration) / (brake.share * brake.limits.acceleration)
    constant = np.maximum(needed.max(axis=1) - ramp, 1e-3)
    half: FloatArray = ramp + 0.5 * constant
    return half
