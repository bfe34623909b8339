"""What is true in the simulation at one instant, as values that do not change under you."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vla_sim.furniture import FurnitureState
from vla_sim.spec import COLORS, SceneError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SimState:
    """Ground truth. No policy may see the cubes' part of it.

    time_s: simulated time since the simulation was made. q_rad, dq_rad_s: (7,) joint1..joint7.
    gripper_m: measured position of finger_joint1. cube_positions_m: (4, 3) centres in base_link in the order of
    ``COLORS``, NaN where a colour is not on the table. cube_yaws_rad: (4,) in (-pi/4, pi/4], NaN likewise.
    tool_position_m: (3,) of tool0 in base_link. furniture: None in a simulation without any.
    """

    time_s: float
    q_rad: FloatArray
    dq_rad_s: FloatArray
    gripper_m: float
    cube_positions_m: FloatArray
    cube_yaws_rad: FloatArray
    tool_position_m: FloatArray
    furniture: FurnitureState | None = None

    @property
    def colors(self) -> tuple[str, ...]:
        """Colours on the table, in the order of ``COLORS``."""
        return tuple(c for i, c in enumerate(COLORS) if np.isfinite(self.cube_positions_m[i, 0]))

    def cube_index(self, color: str) -> int:
        """Row of ``color`` in the cube arrays; SceneError when it is not on the table."""
        if color not in self.colors:
            raise SceneError(f"cube {color!r} is not on the table; there: {', '.join(self.colors)}")
        return COLORS.index(color)


def cube_yaw_rad(rotation: FloatArray) -> float:
    """Turn of a cube about +z seen from above, modulo its symmetry: (-pi/4, pi/4], whichever face is down.

    rotation: (3, 3) body to base_link.
    """
    axis = rotation[:, int(np.argmin(np.abs(rotation[2])))]
    yaw = float(np.arctan2(axis[1], axis[0]))
    return yaw - np.pi / 2 * float(np.ceil(yaw / (np.pi / 2) - 0.5))
