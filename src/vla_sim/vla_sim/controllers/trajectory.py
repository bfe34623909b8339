"""A commanded joint trajectory, and the checks that it must pass before a controller takes it.

The checks and their order follow ``JointTrajectoryController::validate_trajectory_msg`` of ros2_controllers
4.x (Jazzy). Two are stricter than there: non-finite numbers and duplicate joint names are refused (the
original forwards NaN to the hardware), and so are accelerations without velocities, for which the original
interpolates to zeros.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_sim.controllers.errors import CommandRejectedError

# std::numeric_limits<float>::epsilon(), the bound of the original for "zero" velocity at the end [rad/s].
ZERO_VELOCITY = 1.1920929e-07


@dataclass(frozen=True, slots=True)
class TrajectoryPoint:
    """One way-point: trajectory_msgs/JointTrajectoryPoint.

    time_from_start_ns: arrival time since the start of the trajectory [ns].
    positions, velocities, accelerations, effort: one value per joint of the command, or empty.
    """

    time_from_start_ns: int
    positions: Sequence[float]
    velocities: Sequence[float] = ()
    accelerations: Sequence[float] = ()
    effort: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class TrajectoryCommand:
    """trajectory_msgs/JointTrajectory.

    joint_names: the joints that the values of each point belong to, in any order.
    points: way-points in time order.
    start_ns: header stamp; 0 means "start when the controller sees it".
    """

    joint_names: Sequence[str]
    points: Sequence[TrajectoryPoint]
    start_ns: int = 0


def validate(
    command: TrajectoryCommand,
    joint_names: Sequence[str],
    now_ns: int,
    *,
    allow_partial_joints: bool,
    allow_nonzero_velocity_at_end: bool,
) -> None:
    """Raises CommandRejectedError, with the reason, unless a controller of ``joint_names`` may run ``command``."""
    _check_names(command, joint_names, allow_partial_joints)
    if not command.points:
        raise CommandRejectedError("points: empty trajectory; send at least one point")
    if not allow_nonzero_velocity_at_end:
        _check_end_at_rest(command)
    _check_end_not_past(command, now_ns)
    previous_ns: int | None = None
    for index, point in enumerate(command.points):
        if previous_ns is not None and point.time_from_start_ns <= previous_ns:
            raise CommandRejectedError(
                f"points[{index}].time_from_start: {point.time_from_start_ns * 1e-9:.9f} s is not after the point "
                f"before ({previous_ns * 1e-9:.9f} s); times must strictly increase"
            )
        previous_ns = point.time_from_start_ns
        _check_point(point, index, len(command.joint_names))
    _check_finite(command)


def _check_names(command: TrajectoryCommand, joint_names: Sequence[str], allow_partial: bool) -> None:
    names = list(command.joint_names)
    valid = ", ".join(joint_names)
    if not names:
        raise CommandRejectedError(f"joint_names: empty; the controller's joints are {valid}")
    unknown = [name for name in names if name not in joint_names]
    if unknown:
        raise CommandRejectedError(f"joint_names: {', '.join(unknown)} not among the controller's joints {valid}")
    if len(set(names)) != len(names):
        raise CommandRejectedError(f"joint_names: {', '.join(names)} names a joint twice; name each of {valid} once")
    missing = [name for name in joint_names if name not in names]
    if missing and not allow_partial:
        raise CommandRejectedError(
            f"joint_names: {', '.join(missing)} missing; name all of {valid}, or set allow_partial_joints_goal"
        )


def _check_end_at_rest(command: TrajectoryCommand) -> None:
    for name, velocity in zip(command.joint_names, command.points[-1].velocities, strict=False):
        if abs(velocity) > ZERO_VELOCITY:
            raise CommandRejectedError(
                f"points[-1].velocities: {name} ends with {velocity:.9f} rad/s; end at rest, or set "
                "allow_nonzero_velocity_at_trajectory_end"
            )


def _check_end_not_past(command: TrajectoryCommand, now_ns: int) -> None:
    if command.start_ns == 0:
        return
    end_ns = command.start_ns + command.points[-1].time_from_start_ns
    if end_ns < now_ns:
        raise CommandRejectedError(
            f"header.stamp: the trajectory started at {command.start_ns * 1e-9:.3f} s and ended at "
            f"{end_ns * 1e-9:.3f} s, {(now_ns - end_ns) * 1e-9:.3f} s ago; use stamp 0 to start at once"
        )


def _check_point(point: TrajectoryPoint, index: int, joints: int) -> None:
    fields = (("positions", point.positions), ("velocities", point.velocities), ("accelerations", point.accelerations))
    for name, values in fields:
        if name != "positions" and len(values) == 0:
            continue
        if len(values) != joints:
            raise CommandRejectedError(f"points[{index}].{name}: {len(values)} values for {joints} joints")
    if len(point.accelerations) and not len(point.velocities):
        raise CommandRejectedError(f"points[{index}].velocities: missing, but accelerations are given; give both")
    if len(point.effort):
        raise CommandRejectedError(f"points[{index}].effort: the controller commands positions only; leave it empty")


def _check_finite(command: TrajectoryCommand) -> None:
    # All in one array first: a stream of 100 trajectories a second is checked here.
    rows = [values for point in command.points for values in (point.positions, point.velocities, point.accelerations)]
    if np.isfinite(np.concatenate([np.asarray(row, dtype=np.float64) for row in rows])).all():
        return
    for index, point in enumerate(command.points):
        for name in ("positions", "velocities", "accelerations"):
            bad = [value for value in getattr(point, name) if not math.isfinite(value)]
            if bad:
                raise CommandRejectedError(f"points[{index}].{name}: {bad[0]} is not a finite number")
