"""Quintic Hermite segments in Bernstein form.

A joint_trajectory_controller that is given positions, velocities and accelerations interpolates with the quintic
through both ends. Its Bernstein control points bound the curve and, by differencing, all its derivatives: the
bounds never underestimate what happens between two samples (G. Farin, Curves and Surfaces for CAGD, ch. 5).

Shapes: ``...`` is any batch, M knots, J joints; a state is (3, J): position, velocity, acceleration. ``ends`` of a
segment are (6, J): position, velocity * h, acceleration * h**2 at its start, then at its end, h its duration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vla_core.types import FloatArray

_PIECES = 8  # pieces of the fine bounds, which overestimate by about 1/64 of the curve's second difference

# ends -> Bernstein control points
_HERMITE: FloatArray = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 1 / 5, 0.0, 0.0, 0.0, 0.0],
        [1.0, 2 / 5, 1 / 20, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, -2 / 5, 1 / 20],
        [0.0, 0.0, 0.0, 1.0, -1 / 5, 0.0],
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
    ]
)


def segment_ends(times: FloatArray, states: FloatArray) -> FloatArray:
    """Ends (..., M-1, 6, J) of the segments between ``states`` (..., M, 3, J) at ``times`` (..., M) [s]."""
    h = (times[..., 1:] - times[..., :-1])[..., None]
    ends = np.empty((*h.shape[:-1], 6, states.shape[-1]))
    ends[..., :3, :] = states[..., :-1, :, :]
    ends[..., 3:, :] = states[..., 1:, :, :]
    ends[..., 1::3, :] *= h[..., None]
    ends[..., 2::3, :] *= (h * h)[..., None]
    return ends


# rows: powers of the fraction u, columns: ends; the quintic Hermite basis
_BASIS: FloatArray = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.5, 0.0, 0.0, 0.0],
        [-10.0, -6.0, -1.5, 10.0, -4.0, 0.5],
        [15.0, 8.0, 1.5, -15.0, 7.0, -1.0],
        [-6.0, -3.0, -0.5, 6.0, -3.0, 0.5],
    ]
)


def state_at(ends: FloatArray, duration: float, u: float) -> FloatArray:
    """State (3, J) at fraction ``u`` in [0, 1] of the segment with ``ends`` (6, J) and ``duration`` [s]."""
    u2, u3, u4 = u * u, u**3, u**4
    one, two = 1.0 / duration, 1.0 / (duration * duration)
    powers = np.array(
        [
            [1.0, u, u2, u3, u4, u4 * u],
            [0.0, one, 2.0 * u * one, 3.0 * u2 * one, 4.0 * u3 * one, 5.0 * u4 * one],
            [0.0, 0.0, 2.0 * two, 6.0 * u * two, 12.0 * u2 * two, 20.0 * u3 * two],
        ]
    )
    state: FloatArray = powers @ _BASIS @ ends
    return state


def states_at(ends: FloatArray, durations: FloatArray, u: FloatArray) -> FloatArray:
    """States (K, 3, J) at fractions ``u`` (K,) of K segments with ``ends`` (K, 6, J) and ``durations`` (K,) [s]."""
    orders = np.arange(6.0)
    powers = np.zeros((len(u), 3, 6))
    powers[:, 0] = u[:, None] ** orders
    powers[:, 1, 1:] = orders[1:] * powers[:, 0, :-1]
    powers[:, 2, 2:] = orders[2:] * powers[:, 1, 1:-1]
    powers[:, 1] /= durations[:, None]
    powers[:, 2] /= (durations * durations)[:, None]
    states: FloatArray = powers @ _BASIS @ ends
    return states


def probe(u: FloatArray, order: int) -> FloatArray:
    """(K, 6) matrix from ends to the ``order``-th derivative, times duration**order, at fractions ``u`` (K,)."""
    powers = np.zeros((len(u), 6))
    for k in range(order, 6):
        powers[:, k] = math.perm(k, order) * u ** (k - order)
    matrix: FloatArray = powers @ _BASIS
    return matrix


def _subdivision(degree: int, pieces: int) -> FloatArray:
    """(pieces * (degree+1), degree+1): control points of equal pieces of [0, 1], by blossoming."""
    rows = []
    for piece in range(pieces):
        low, high = piece / pieces, (piece + 1) / pieces
        rows += [_blossom_row(degree, [low] * (degree - k) + [high] * k) for k in range(degree + 1)]
    return np.array(rows)


def _blossom_row(degree: int, arguments: list[float]) -> FloatArray:
    points = np.eye(degree + 1)
    for u in arguments:
        points = points[:-1] * (1.0 - u) + points[1:] * u
    row: FloatArray = points[0]
    return row


@dataclass(frozen=True, slots=True)
class _Hull:
    """One matrix from ends to the control points of position, velocity * h, acceleration * h**2, jerk * h**3."""

    matrix: FloatArray
    edges: tuple[int, int, int]  # first rows of velocity, acceleration and jerk


def _hull(pieces: int) -> _Hull:
    rows, curve = [], _HERMITE
    for degree in (5, 4, 3, 2):
        rows.append(_subdivision(degree, pieces) @ curve)
        curve = degree * np.diff(curve, axis=0)
    first, second, third = np.cumsum([len(block) for block in rows[:3]]).tolist()
    return _Hull(np.concatenate(rows), (first, second, third))


_COARSE, _FINE = _hull(1), _hull(_PIECES)


@dataclass(frozen=True, slots=True)
class Extremes:
    """Bounds of every segment, each (..., M-1, J): lower and upper position, magnitudes of the derivatives."""

    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    jerk: FloatArray

    def magnitude(self, order: int) -> FloatArray:
        """Bound of the ``order``-th derivative: 1 velocity, 2 acceleration, 3 jerk."""
        return (self.velocity, self.acceleration, self.jerk)[order - 1]


def extremes(times: FloatArray, states: FloatArray, fine: bool = True) -> Extremes:
    """Bounds of the segments between ``states`` (..., M, 3, J) at ``times`` (..., M). Never underestimates.

    fine: costs three times as much, and overestimates less.
    """
    hull = _FINE if fine else _COARSE
    values = hull.matrix @ segment_ends(times, states)
    h = (times[..., 1:] - times[..., :-1])[..., None]
    one, two, three = hull.edges
    position = values[..., :one, :]
    rest = np.abs(values[..., one:, :])
    return Extremes(
        position.min(axis=-2),
        position.max(axis=-2),
        rest[..., : two - one, :].max(axis=-2) / h,
        rest[..., two - one : three - one, :].max(axis=-2) / h**2,
        rest[..., three - one :, :].max(axis=-2) / h**3,
    )


@dataclass(frozen=True, slots=True)
class Box:
    """Limits on a single segment, for the shortest check there is. All (18, J), in the rows of the coarse hull."""

    low: FloatArray
    high: FloatArray
    orders: FloatArray  # (18, 1), of the derivative in each row

    @classmethod
    def of(cls, lower: FloatArray, upper: FloatArray, *magnitudes: FloatArray) -> Box:
        """From position limits (J,), (J,) and magnitudes (J,) of velocity, acceleration, jerk."""
        orders = np.repeat(np.arange(4), (6, 5, 4, 3))
        high = np.stack([upper, *magnitudes])[orders]
        low = np.stack([lower, *(-limit for limit in magnitudes)])[orders]
        return cls(low, high, orders[:, None].astype(np.float64))

    def holds(self, ends: FloatArray, duration: float) -> bool:
        """Whether the segment with ``ends`` (6, J) certainly stays inside; False also when it only may not."""
        values = _COARSE.matrix @ ends
        scale = duration**self.orders
        return bool(((values <= self.high * scale) & (values >= self.low * scale)).all())
