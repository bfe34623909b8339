"""A uniform cubic B-spline: the form in which every planned motion is kept.

Why this form: acceleration is linear and jerk constant between knots, so that a quintic interpolator given position,
velocity and acceleration at the knots reproduces the motion exactly; keeping three control points keeps position,
velocity and acceleration at a knot, which makes a splice continuous by construction; and since a B-spline lies in the
hull of its control points, bounds on their differences bound the motion at every instant, not only at samples
(de Boor, A Practical Guide to Splines, 1978).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vla_core.types import FloatArray, read_only


@dataclass(frozen=True, slots=True)
class JointState:
    """Position, velocity and acceleration of J joints, each (J,), at one instant."""

    positions: FloatArray
    velocities: FloatArray
    accelerations: FloatArray


@dataclass(frozen=True, slots=True)
class Knots:
    """Position, velocity and acceleration at K knots, each (K, J)."""

    positions: FloatArray
    velocities: FloatArray
    accelerations: FloatArray


def at_knots(controls: FloatArray, knot_s: float) -> Knots:
    """The motion at the K inner knots of ``controls`` (…, K + 2, J)."""
    before, here, after = controls[..., :-2, :], controls[..., 1:-1, :], controls[..., 2:, :]
    return Knots(
        (before + 4.0 * here + after) / 6.0,
        (after - before) / (2.0 * knot_s),
        (before - 2.0 * here + after) / knot_s**2,
    )


def controls_at(state: JointState, knot_s: float) -> FloatArray:
    """The three control points (3, J) that give ``state`` at their middle knot."""
    middle = state.positions - state.accelerations * knot_s**2 / 6.0
    bend = state.accelerations * knot_s**2 / 2.0
    step = state.velocities * knot_s
    return np.stack([middle + bend - step, middle, middle + bend + step])


@dataclass(frozen=True, slots=True)
class Motion:
    """A motion in absolute time that holds before its first and after its last control point.

    knot_ns: spacing of the knots [ns]; knot k lies at ``k * knot_ns`` of ROS time.
    first: number of the knot that the first control point belongs to.
    controls: (M, J) control points, M >= 3, read-only.
    """

    knot_ns: int
    first: int
    controls: FloatArray

    @classmethod
    def resting(cls, positions: FloatArray, knot: int, knot_ns: int) -> Motion:
        """At rest at ``positions`` (J,)."""
        return cls(knot_ns, knot - 1, read_only(np.tile(positions, (3, 1))))

    @property
    def last_knot(self) -> int:
        """From this knot on the motion is at rest."""
        return self.first + len(self.controls) - 2

    def window(self, first: int, count: int) -> FloatArray:
        """(count, J) control points of the knots ``first`` … ``first + count - 1``."""
        index = np.clip(np.arange(first, first + count) - self.first, 0, len(self.controls) - 1)
        return self.controls[index]

    def spliced(self, knot: int, controls: FloatArray, keep: int) -> Motion:
        """The same up to ``knot``, then ``controls`` (n, J), whose first belongs to ``knot - 1``.

        The first three of ``controls`` must be this motion's own. The past before knot ``keep`` is dropped.
        """
        first = min(max(self.first, keep - 1), knot - 1)
        past = self.window(first, knot - 1 - first)
        return Motion(self.knot_ns, first, read_only(np.concatenate([past, controls])))

    def state(self, at_ns: int) -> JointState:
        """Position, velocity and acceleration at ``at_ns``."""
        knot, rest_ns = divmod(at_ns, self.knot_ns)
        knots = at_knots(self.window(knot - 1, 4), self.knot_ns * 1e-9)
        dt, step = rest_ns * 1e-9, self.knot_ns * 1e-9
        p, v, a = knots.positions[0], knots.velocities[0], knots.accelerations[0]
        jerk = (knots.accelerations[1] - a) / step
        return JointState(p + dt * (v + dt * (a / 2 + dt * jerk / 6)), v + dt * (a + dt * jerk / 2), a + dt * jerk)
