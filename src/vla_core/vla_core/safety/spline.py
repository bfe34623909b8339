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
    matrix = np.zeros((count, count))
    right = np.empty_like(positions)
    matrix[0, 0] = matrix[-1, -1] = 1.0
    right[0], right[-1] = start_velocity, 0.0
    for i in range(1, count - 1):
        matrix[i, i - 1], matrix[i, i], matrix[i, i + 1] = h[i], 2.0 * (h[i - 1] + h[i]), h[i - 1]
        right[i] = 3.0 * (h[i] * slopes[i - 1] + h[i - 1] * slopes[i])
    velocities = np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
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
