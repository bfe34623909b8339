"""The way to the posture in which every fault begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from trajectory_msgs.msg import JointTrajectory

from vla_bringup.demo.homing import rest_to_rest
from vla_core.types import FloatArray

PEAK_RAD_S = 0.6
FASTEST_S = 0.8


def way_home(joints: Sequence[str], start: FloatArray, home: FloatArray) -> JointTrajectory:
    """One smooth motion from rest to rest; stamp 0: now. (J,) each [rad]."""
    duration_s = max(FASTEST_S, 1.875 * float(np.abs(home - start).max()) / PEAK_RAD_S)
    return rest_to_rest(joints, start, home, duration_s)
