"""Derivatives for commands that state positions only, or positions and velocities."""

from __future__ import annotations

import numpy as np

from vla_core.types import FloatArray


def cubic_spline_states(times: FloatArray, positions: FloatArray, start_velocity: FloatArray) -> FloatArray:
    """States (N, 3, J) of the C2 cubic spline through ``positions`` (N, J) that ends at rest, N >= 2.

    Clamped: it starts with ``start_velocity`` (J,) and ends with none (de Boor, A Practical Guide to Splines, ch. IV).
    """
    count = len(times)
    h = np.diff(times)
    slopes = np.diff(positions, axis=0) / h[:, None]
    velocities = np.zeros_like(positions)
    velocities[0] = start_velocity
    # The matrix has three diagonals: eliminate downwards, substitute upwards (Thomas algorithm).
    above = np.zeros(count)
    for i in range(1, count - 1):
        pivot = 2.0 * (h[i - 1] + h[i]) - h[i] * above[i - 1]
        above[i] = h[i - 1] / pivot
        right = 3.0 * (h[i] * slopes[i - 1] + h[i - 1] * slopes[i])
        velocities[i] = (right - h[i] * velocities[i - 1]) / pivot
    for i in range(count - 2, 0, -1):
        velocities[i] -= above[i] * velocities[i + 1]
    return np.stack([positions, velocities, _accelerations(h, slopes, velocities)], axis=1)


def hermite_states(times: FloatArray, positions: FloatArray, velocities: FloatArray) -> FloatArray:
    """States (N, 3, J) with accelerations averaged from the cubics left and right of each knot, N >= 2."""
    h = np.diff(times)
    slopes = np.diff(positions, axis=0) / h[:, None]
    return np.stack([positions, velocities, _accelerations(h, slopes, velocities)], axis=1)


def _accelerations(h: FloatArray, slopes: FloatArray, velocities: FloatArray) -> FloatArray:
    """Second derivatives of the cubic Hermite pieces at the knots: the mean of left and right, 0 at the end."""
    h = h[:, None]
    at_start = (6.0 * slopes - 4.0 * velocities[:-1] - 2.0 * velocities[1:]) / h
    at_end = (-6.0 * slopes + 2.0 * velocities[:-1] + 4.0 * velocities[1:]) / h
    inner = 0.5 * (at_end[:-1] + at_start[1:])
    return np.concatenate([at_start[:1], inner, np.zeros_like(velocities[-1:])])
