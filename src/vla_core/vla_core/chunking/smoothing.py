"""Smoothing splines by one matrix product: a motion from a given state along a reference to rest.

Minimizes  sum_i (p_i - r_i)^2 + (tau / h)^6 sum_i (third difference of the control points)^2  over the control points
of a uniform cubic B-spline, whose first three are given and whose last three are equal, which is rest. Without the ends
this is a zero-phase low-pass of sixth order with time constant tau: it rounds corners and adds no delay (P-splines of
Eilers and Marx 1996, with a penalty on jerk). The minimizer is linear in the reference and the start, so its matrices
are computed once for each length.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vla_core.types import FloatArray, read_only

LENGTH_STEP = 8  # lengths are rounded up to this many intervals, so that few matrices are needed
MIN_LENGTH = 40


def padded_length(intervals: int) -> int:
    """The next length there are matrices for, at least ``intervals``."""
    return max(MIN_LENGTH, -(-intervals // LENGTH_STEP) * LENGTH_STEP)


@lru_cache(maxsize=256)
def smoothing_bank(intervals: int, ratios: tuple[float, ...]) -> FloatArray:
    """(R, n + 3, n + 3) matrices S: control points = S @ [first three control points; reference r_1 … r_n].

    n is ``intervals``; ``ratios`` are the R values of tau / h.
    """
    expand, knots, third = _maps(intervals)
    start, free = expand[:, :3], expand[:, 3:]
    track, track_start = knots[1:] @ free, knots[1:] @ start
    bend, bend_start = third @ free, third @ start
    bank = np.zeros((len(ratios), intervals + 3, intervals + 3))
    for solution, ratio in zip(bank, ratios, strict=True):
        normal = track.T @ track + ratio**6 * bend.T @ bend
        from_start = -track.T @ track_start - ratio**6 * bend.T @ bend_start
        solution[:] = free @ np.linalg.solve(normal, np.hstack([from_start, track.T]))
        solution[:, :3] += start
    return read_only(bank)


@lru_cache(maxsize=128)
def braking_matrix(intervals: int) -> FloatArray:
    """(n + 3, 3) matrix B: control points = B @ first three; rest after n = ``intervals`` with the least jerk."""
    expand, _, third = _maps(intervals)
    start, free = expand[:, :3], expand[:, 3:]
    solution = np.linalg.lstsq(third @ free, -third @ start, rcond=None)[0]
    return read_only(start + free @ solution)


def _maps(intervals: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Matrices: unknowns -> control points, control points -> knot positions, control points -> third differences.

    Unknowns are the first three control points, then the free ones, the last of which is held three times.
    """
    count = intervals + 3
    expand = np.zeros((count, count - 2))
    expand[: count - 2] = np.eye(count - 2)
    expand[count - 2 :, -1] = 1.0
    eye = np.eye(count)
    knots = (eye[:-2] + 4.0 * eye[1:-1] + eye[2:]) / 6.0
    return expand, knots, np.diff(eye, 3, axis=0)
