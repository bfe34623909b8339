"""A joint_trajectory_controller (topic interface, position commands) without ros2_control.

Semantics from ros2_controllers 4.x (Jazzy), ``joint_trajectory_controller``: sources
``joint_trajectory_controller.cpp`` and ``trajectory.cpp``, and the pages "Trajectory Representation" and
"Trajectory Replacement" of its documentation (https://control.ros.org):

- a new trajectory replaces the running one as a whole at the next update, a refused one changes nothing;
- until its first point is due, the controller interpolates towards that point from the state that it last
  commanded (``interpolate_from_desired_state``), counted from the instant of that command, or from the
  measured state; segments already in the past are skipped, so a late trajectory is joined where it would be;
- after the last point it is held; before any command the position at activation is held.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vla_sim.controllers.splines import FloatArray, Knot, Setpoint, evaluate, segment
from vla_sim.controllers.trajectory import TrajectoryCommand, TrajectoryPoint, validate


@dataclass(frozen=True, slots=True)
class TrajectoryOptions:
    """Parameters of the controller under their names in ros2_controllers.

    ``interpolate_from_desired_state`` is off by default there; a stream of short overlapping trajectories
    needs it on, here as on a real robot.
    """

    interpolate_from_desired_state: bool = True
    allow_partial_joints_goal: bool = False
    allow_nonzero_velocity_at_trajectory_end: bool = False


@dataclass(slots=True)
class _Active:
    """The trajectory being executed; knot 0 is the state before it, knot k its point k - 1.

    Knots and polynomials are made when they are first needed: in a stream of trajectories each one lives for
    a single segment.
    """

    command: TrajectoryCommand
    order: Sequence[int]  # of the controller's joints in the command; -1: not in it
    held: FloatArray  # (J,) where a joint that is not in the command stays
    before: Knot | None = None  # None until the first update
    times_ns: list[int] = field(default_factory=list)  # absolute, of every knot
    segments: dict[int, FloatArray] = field(default_factory=dict)  # index of its first knot -> coefficients

    def knot(self, index: int) -> Knot:
        if index > 0:
            return _knot(self.command.points[index - 1], self.order, self.held)
        if self.before is None:
            raise ValueError("the trajectory has not begun")
        return self.before


class JointTrajectoryController:
    """Turns trajectory commands into one set-point per update.

    joint_names: the controlled joints; every array is in this order.
    """

    def __init__(self, joint_names: Sequence[str], options: TrajectoryOptions | None = None) -> None:
        self.joint_names = tuple(joint_names)
        self.options = options or TrajectoryOptions()
        self._active: _Active | None = None
        self._desired: Setpoint | None = None
        self._last_update_ns = 0

    def activate(self, positions: FloatArray, now_ns: int) -> None:
        """Forget any trajectory and hold ``positions`` (J,) from now on."""
        hold = np.array(positions, dtype=np.float64)
        if hold.shape != (len(self.joint_names),):
            raise ValueError(f"positions have shape {hold.shape}, the controller has {len(self.joint_names)} joints")
        self._active = None
        self._desired = Knot(hold).as_setpoint()
        self._last_update_ns = now_ns

    @property
    def desired(self) -> Setpoint:
        """The set-point of the last update."""
        if self._desired is None:
            raise ValueError("the controller is not active; call activate() first")
        return self._desired

    def command(self, command: TrajectoryCommand, now_ns: int) -> None:
        """Run ``command`` from the next update on. Raises CommandRejectedError and changes nothing if it is invalid."""
        desired = self.desired
        validate(
            command,
            self.joint_names,
            now_ns,
            allow_partial_joints=self.options.allow_partial_joints_goal,
            allow_nonzero_velocity_at_end=self.options.allow_nonzero_velocity_at_trajectory_end,
        )
        order = [command.joint_names.index(name) if name in command.joint_names else -1 for name in self.joint_names]
        self._active = _Active(command, order, desired.positions)

    def update(self, now_ns: int, measured: Knot | None = None) -> Setpoint:
        """The set-point at ``now_ns``.

        measured: state of the joints; needed only with ``interpolate_from_desired_state`` off.
        """
        if self._active is not None:
            if self._active.before is None:
                self._begin(self._active, now_ns, measured)
            self._desired = self._sample(self._active, now_ns)
        self._last_update_ns = now_ns
        return self.desired

    def _begin(self, active: _Active, now_ns: int, measured: Knot | None) -> None:
        """Fix the start time, and put the state that motion starts from before the first point."""
        start_ns = active.command.start_ns or now_ns
        if self.options.interpolate_from_desired_state:
            desired = self.desired
            before = Knot(desired.positions, desired.velocities, desired.accelerations)
            before_ns = self._last_update_ns
        elif measured is not None:
            before, before_ns = measured, now_ns
        else:
            raise ValueError("interpolation from the measured state needs measured=")
        active.before = before
        active.times_ns = [before_ns, *(start_ns + point.time_from_start_ns for point in active.command.points)]

    @staticmethod
    def _sample(active: _Active, now_ns: int) -> Setpoint:
        times_ns = active.times_ns
        if now_ns >= times_ns[-1]:
            return active.knot(len(times_ns) - 1).as_setpoint()
        # Only the points of the message are ordered: the state before may be later than points already past.
        index = bisect.bisect_right(times_ns, now_ns, lo=1) - 1
        coefficients = active.segments.get(index)
        if coefficients is None:
            duration_s = (times_ns[index + 1] - times_ns[index]) * 1e-9
            coefficients = segment(active.knot(index), active.knot(index + 1), duration_s)
            active.segments[index] = coefficients
        return evaluate(coefficients, (now_ns - times_ns[index]) * 1e-9)


def _knot(point: TrajectoryPoint, order: Sequence[int], held: FloatArray) -> Knot:
    """``point`` in the controller's joint order; a joint that the command leaves out (-1) stays where it is held."""

    def pick(values: Sequence[float], fill: FloatArray) -> FloatArray:
        return np.array([fill[k] if i < 0 else values[i] for k, i in enumerate(order)], dtype=np.float64)

    zeros = np.zeros(len(order))
    return Knot(
        pick(point.positions, held),
        pick(point.velocities, zeros) if len(point.velocities) else None,
        pick(point.accelerations, zeros) if len(point.accelerations) else None,
    )
