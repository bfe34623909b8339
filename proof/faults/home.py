"""The way to the posture in which every fault begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_bringup.demo.homing import quintic
from vla_core.types import FloatArray

PEAK_RAD_S = 0.6
FASTEST_S = 0.8
STEP_S = 0.05


def way_home(joints: Sequence[str], start: FloatArray, home: FloatArray) -> JointTrajectory:
    """One smooth motion from rest to rest; stamp 0: now. (J,) each [rad]."""
    duration_s = max(FASTEST_S, 1.875 * float(np.abs(home - start).max()) / PEAK_RAD_S)
    trajectory = JointTrajectory(joint_names=list(joints))
    for t_s in np.linspace(0.0, duration_s, int(np.ceil(duration_s / STEP_S)) + 1):
        position, velocity, acceleration = quintic(start, home, duration_s, t_s)
        trajectory.points.append(
            JointTrajectoryPoint(
                positions=position.tolist(),
                velocities=velocity.tolist(),
                accelerations=acceleration.tolist(),
                time_from_start=Duration(sec=int(t_s), nanosec=int((t_s % 1.0) * 1e9)),
            )
        )
    return trajectory
