"""Watches the arm's limits from the simulator's side, independently of everything that should keep them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from vla_sim.robot import ARM_JOINTS, URDF_PATH

FloatArray = NDArray[np.float64]


class LimitMonitor:
    """Largest excess over a joint's position range or velocity limit, as a fraction of the limit; 0: none.

    A position excess counts relative to half the joint's range, a velocity excess relative to the limit.
    """

    def __init__(self) -> None:
        joints = {joint.get("name"): joint.find("limit") for joint in ET.parse(URDF_PATH).getroot().iter("joint")}
        limits = [joints[name] for name in ARM_JOINTS]
        self._lower, self._upper, self._velocity = (
            np.array([float(limit.attrib[key]) for limit in limits if limit is not None])
            for key in ("lower", "upper", "velocity")
        )
        self._centre = (self._lower + self._upper) / 2
        self._half_range = (self._upper - self._lower) / 2
        self.max_violation = 0.0

    def reset(self) -> None:
        """Forget what was seen."""
        self.max_violation = 0.0

    def update(self, q_rad: FloatArray, dq_rad_s: FloatArray) -> None:
        """Judge one measured state: (7,) [rad], (7,) [rad/s]."""
        position = float(np.max(np.abs(q_rad - self._centre) / self._half_range)) - 1.0
        velocity = float(np.max(np.abs(dq_rad_s) / self._velocity)) - 1.0
        self.max_violation = max(self.max_violation, position, velocity)
