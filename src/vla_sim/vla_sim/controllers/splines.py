"""Piecewise polynomials between way-points: linear, cubic or quintic, by what both ends of a segment know.

The same choice and boundary conditions as ``Trajectory::interpolate_between_points`` of ros2_controllers
("Trajectory Representation" in its documentation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DEGREE = 5
_ORDERS = np.arange(DEGREE + 1)


@dataclass(frozen=True, slots=True)
class Setpoint:
    """What a controller commands at one instant. All (J,): [rad], [rad/s], [rad/s^2], or metres for slides."""

    positions: FloatArray
    velocities: FloatArray
    accelerations: FloatArray


@dataclass(frozen=True, slots=True)
class Knot:
    """A way-point as interpolation sees it: (J,) each; None where it is not given."""

    positions: FloatArray
    velocities: FloatArray | None = None
    accelerations: FloatArray | None = None

    def as_setpoint(self) -> Setpoint:
        """The knot itself, derivatives that are not given being zero."""
        zeros = np.zeros_like(self.positions)
        return Setpoint(
            self.positions,
            zeros if self.velocities is None else self.velocities,
            zeros if self.accelerations is None else self.accelerations,
        )


def segment(a: Knot, b: Knot, duration_s: float) -> FloatArray:
    """Coefficients (6, J), lowest power of time first, of the polynomial from ``a`` at 0 to ``b`` at ``duration_s``."""
    coefficients = np.zeros((DEGREE + 1, a.positions.size))
    coefficients[0] = a.positions
    gap = b.positions - a.positions
    if a.velocities is None or b.velocities is None:
        coefficients[1] = gap / duration_s
        return coefficients
    v0, v1 = a.velocities * duration_s, b.velocities * duration_s  # change of position in units of one segment
    if a.accelerations is None or b.accelerations is None:
        unit: tuple[FloatArray, ...] = (v0, 3.0 * gap - 2.0 * v0 - v1, -2.0 * gap + v0 + v1)
    else:
        a0, a1 = a.accelerations * duration_s**2, b.accelerations * duration_s**2
        unit = (
            v0,
            0.5 * a0,
            10.0 * gap - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1,
            -15.0 * gap + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1,
            6.0 * gap - 3.0 * v0 - 3.0 * v1 - 0.5 * a0 + 0.5 * a1,
        )
    for power, values in enumerate(unit, start=1):
        coefficients[power] = values / duration_s**power
    return coefficients


def evaluate(coefficients: FloatArray, time_s: float) -> Setpoint:
    """The polynomial ``coefficients`` (6, J) and its first two derivatives at ``time_s`` after its start."""
    powers = time_s**_ORDERS
    basis = np.zeros((3, DEGREE + 1))
    basis[0] = powers
    basis[1, 1:] = _ORDERS[1:] * powers[:-1]
    basis[2, 2:] = _ORDERS[2:] * _ORDERS[1:-1] * powers[:-2]
    position, velocity, acceleration = basis @ coefficients
    return Setpoint(position, velocity, acceleration)
