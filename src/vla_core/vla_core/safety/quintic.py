"""Quintic Hermite segments in Bernstein form.

A joint_trajectory_controller that is given positions, velocities and accelerations interpolates with the quintic
through both ends. Its Bernstein control points bound the curve and, by differencing, all its derivatives: the
bounds never underestimate what happens between two samples (G. Farin, Curves and Surfaces for CAGD, ch. 5).

Shapes: ``...`` is any batch, M knots, J joints; a state is (3, J): position, velocity, acceleration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vla_core.types import FloatArray

_DEGREE = 5


def control_points(times: FloatArray, states: FloatArray) -> FloatArray:
    """Bernstein points (..., M-1, 6, J) of the quintics through ``states`` (..., M, 3, J) at ``times`` (..., M) [s]."""
    h = (times[..., 1:] - times[..., :-1])[..., None]
    start, end = states[..., :-1, :, :], states[..., 1:, :, :]
    h5, hh20 = h / 5.0, h * h / 20.0
    points = np.empty((*start.shape[:-2], 6, start.shape[-1]))
    points[..., 0, :] = start[..., 0, :]
    points[..., 1, :] = start[..., 0, :] + start[..., 1, :] * h5
    points[..., 2, :] = start[..., 0, :] + start[..., 1, :] * (2.0 * h5) + start[..., 2, :] * hh20
    points[..., 3, :] = end[..., 0, :] - end[..., 1, :] * (2.0 * h5) + end[..., 2, :] * hh20
    points[..., 4, :] = end[..., 0, :] - end[..., 1, :] * h5
    points[..., 5, :] = end[..., 0, :]
    return points


def derivative(points: FloatArray, durations: FloatArray) -> FloatArray:
    """Bernstein points of the derivative; ``durations`` (...,) [s] of the segments."""
    degree = points.shape[-2] - 1
    return (points[..., 1:, :] - points[..., :-1, :]) * (degree / durations)[..., None, None]


def evaluate(points: FloatArray, fraction: FloatArray | float) -> FloatArray:
    """Value (..., J) of the Bernstein polynomials (..., n+1, J) at ``fraction`` (...,) in [0, 1]."""
    u = np.asarray(fraction, dtype=np.float64)[..., None, None]
    while points.shape[-2] > 1:  # de Casteljau
        points = points[..., :-1, :] + u * (points[..., 1:, :] - points[..., :-1, :])
    return points[..., 0, :]


def state_at(points: FloatArray, durations: FloatArray, fraction: FloatArray | float) -> FloatArray:
    """Position, velocity, acceleration (..., 3, J) at ``fraction`` of each segment."""
    velocity = derivative(points, durations)
    acceleration = derivative(velocity, durations)
    values = [evaluate(curve, fraction) for curve in (points, velocity, acceleration)]
    return np.stack(values, axis=-2)


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


_PIECES = 8  # overestimates a bound by about 1/64 of the curve's second difference
_SPLIT = {degree: _subdivision(degree, _PIECES) for degree in (5, 4, 3, 2)}


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


def extremes(points: FloatArray, durations: FloatArray, fine: bool = True) -> Extremes:
    """Bounds of the segments. Never underestimates; ``fine`` costs more and overestimates less."""
    curves = [points]
    for _ in range(3):
        curves.append(derivative(curves[-1], durations))
    if fine:
        curves = [_SPLIT[_DEGREE - order] @ curve for order, curve in enumerate(curves)]
    position, *rest = curves
    magnitudes = [np.abs(curve).max(axis=-2) for curve in rest]
    return Extremes(position.min(axis=-2), position.max(axis=-2), *magnitudes)
