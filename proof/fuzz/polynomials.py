"""Quintics of a controller and their exact extrema.

A curve is its coefficients (..., 6) by rising power of the fraction u in [0, 1] of its segment. Extrema lie where the
next derivative is zero: a quadratic's root in closed form, then, between the roots of one derivative, the polynomial
above it is monotone, so that bisection finds its own roots one by one. Nothing is sampled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

HALVINGS = 40  # of an interval of at most 1: a root to 1e-12, an extremum, where the curve is flat, to rounding


def quintic(before: FloatArray, after: FloatArray, h: FloatArray) -> FloatArray:
    """Coefficients (..., 6) between states (..., 3), ``h`` (...) seconds apart: position, velocity, acceleration."""
    gap = after[..., 0] - before[..., 0]
    v0, v1 = before[..., 1] * h, after[..., 1] * h
    a0, a1 = before[..., 2] * h * h, after[..., 2] * h * h
    return np.stack(
        [
            before[..., 0],
            v0,
            a0 / 2.0,
            10.0 * gap - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1,
            -15.0 * gap + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1,
            6.0 * gap - 3.0 * v0 - 3.0 * v1 - 0.5 * a0 + 0.5 * a1,
        ],
        axis=-1,
    )


def derivative(curve: FloatArray) -> FloatArray:
    """Coefficients of the derivative by u, one fewer."""
    return curve[..., 1:] * np.arange(1.0, curve.shape[-1])


def value(curve: FloatArray, u: FloatArray) -> FloatArray:
    """(N, R) of curves (N, k) at fractions (N, R)."""
    result = np.zeros_like(u) + curve[:, -1:]
    for power in range(curve.shape[-1] - 2, -1, -1):
        result = result * u + curve[:, power : power + 1]
    return result


def critical_points(curve: FloatArray) -> FloatArray:
    """(N, R) fractions in [0, 1] that hold every extremum of the curves (N, k) on [0, 1], both ends among them.

    A point that is no extremum may be among them: it is a point of the curve all the same.
    """
    ends = np.tile([0.0, 1.0], (len(curve), 1))
    if curve.shape[-1] <= 2:
        return ends
    slope = derivative(curve)
    if slope.shape[-1] <= 3:
        roots = _line(slope) if slope.shape[-1] == 2 else _parabola(slope)
        inside = np.where(np.isfinite(roots), np.clip(roots, 0.0, 1.0), 0.0)
        return np.concatenate([ends[:, :1], inside, ends[:, 1:]], axis=1)
    breaks = np.sort(critical_points(slope), axis=1)  # the derivative is monotone between them
    return np.concatenate([ends[:, :1], _roots(slope, breaks[:, :-1], breaks[:, 1:]), ends[:, 1:]], axis=1)


def _line(curve: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        root: FloatArray = -curve[:, :1] / curve[:, 1:]
    return root


def _parabola(curve: FloatArray) -> FloatArray:
    """Both roots, neither by a difference of nearly equal numbers; the vertex twice where there is none."""
    c, b, a = curve.T
    root = np.sqrt(np.maximum(b * b - 4.0 * a * c, 0.0))
    q = -0.5 * (b + np.copysign(root, b))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.stack([q / a, c / q], axis=1)


def _roots(curve: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """In each interval (N, R) the root of the curve, which is monotone there; an end where there is none."""
    rises = value(curve, high) > value(curve, low)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        below = (value(curve, middle) < 0.0) == rises
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def extremes(curve: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Smallest and largest value (N,), (N,) of curves (N, k) on [0, 1]."""
    values = value(curve, critical_points(curve))
    return values.min(axis=1), values.max(axis=1)
