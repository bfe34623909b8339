"""The way home between attempts: one smooth joint trajectory, given to the gate like any other command."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_bringup.errors import RefusedError
from vla_core.types import FloatArray

ARM_JOINTS = tuple(f"joint{k}" for k in range(1, 8))
GRIPPER_JOINT = "finger_joint1"
HOME_RAD = (0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785)
OPEN_M = 0.04

PEAK_RAD_S = 0.8  # calm; the arm's limits are above 2 rad/s
FASTEST_S = 1.0
STEP_S = 0.05  # between points, at most; they are evenly spaced
ARRIVED_RAD = 0.02
ARRIVED_M = 0.004


def joint_positions(state: JointState, names: tuple[str, ...]) -> FloatArray:
    """(len(names),) positions by name. RefusedError when one is missing or not finite."""
    by_name = dict(zip(state.name, state.position, strict=False))
    missing = [name for name in names if name not in by_name]
    values = np.array([by_name.get(name, np.nan) for name in names])
    if missing or not np.isfinite(values).all():
        raise RefusedError(f"joint_states lacks a finite position of {', '.join(missing or names)}")
    return values


def is_home(state: JointState) -> bool:
    """Whether every arm joint stands at home and the gripper is open."""
    arm_rad = joint_positions(state, ARM_JOINTS)
    (finger_m,) = joint_positions(state, (GRIPPER_JOINT,))
    return bool(np.abs(arm_rad - HOME_RAD).max() < ARRIVED_RAD and finger_m > OPEN_M - ARRIVED_M)


def quintic(start: FloatArray, end: FloatArray, duration_s: float, t_s: float) -> tuple[FloatArray, ...]:
    """Position, velocity, acceleration at ``t_s`` of the rest-to-rest minimum-jerk motion (Flash and Hogan, 1985)."""
    u = min(max(t_s / duration_s, 0.0), 1.0)
    way = end - start
    position = start + way * (10 * u**3 - 15 * u**4 + 6 * u**5)
    velocity = way * (30 * u**2 - 60 * u**3 + 30 * u**4) / duration_s
    acceleration = way * (60 * u - 180 * u**2 + 120 * u**3) / duration_s**2
    return position, velocity, acceleration


def homing_trajectory(state: JointState) -> JointTrajectory:
    """From where the arm stands to home, the gripper opening on the way; stamp 0: now."""
    names = (*ARM_JOINTS, GRIPPER_JOINT)
    start = joint_positions(state, names)
    end = np.array([*HOME_RAD, OPEN_M])
    farthest_rad = float(np.abs(end - start)[:-1].max())
    duration_s = max(FASTEST_S, 1.875 * farthest_rad / PEAK_RAD_S)  # 15/8: peak over mean velocity of a quintic
    return rest_to_rest(names, start, end, duration_s)


def rest_to_rest(names: Sequence[str], start: FloatArray, end: FloatArray, duration_s: float) -> JointTrajectory:
    """One smooth motion between two rests, a point at least every STEP_S; stamp 0: now. (J,) each [rad or m]."""
    trajectory = JointTrajectory(joint_names=list(names))
    for t_s in np.linspace(0.0, duration_s, int(np.ceil(duration_s / STEP_S)) + 1):
        position, velocity, acceleration = quintic(start, end, duration_s, t_s)
        trajectory.points.append(
            JointTrajectoryPoint(
                positions=position.tolist(),
                velocities=velocity.tolist(),
                accelerations=acceleration.tolist(),
                time_from_start=Duration(sec=int(t_s), nanosec=int((t_s % 1.0) * 1e9)),
            )
        )
    return trajectory
