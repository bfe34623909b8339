"""Fast kinematics of the arm for the scripted expert: forward, Jacobian, one differential step."""

from __future__ import annotations

from typing import Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.robot import TOOL_BODY, URDF_PATH

FloatArray = NDArray[np.float64]

MAX_JOINT_SPEED_RAD_S: Final = 1.2
_DAMPING: Final = 1e-4  # of the damped least squares, [m^2] and [rad^2]; small beside a Jacobian row
_SWIVEL_GAIN_1_S: Final = 1.0
_ELBOW: Final = 2  # joint3: the elbow's swivel, brought back to zero in the null space


class ToolKinematics:
    """Where tool0 is and how joints move it, about 10 us a call. Not for use by two threads at once."""

    def __init__(self) -> None:
        self._model = mujoco.MjSpec.from_file(str(URDF_PATH)).compile()
        self._data = mujoco.MjData(self._model)
        self._tool = self._model.body(TOOL_BODY).id
        self._jacobian = np.zeros((6, self._model.nv))
        limits = self._model.jnt_range[:7]
        self.lower_rad: FloatArray = limits[:, 0] + 0.02
        self.upper_rad: FloatArray = limits[:, 1] - 0.02

    def forward(self, q_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Position (3,) [m] and rotation (3, 3) of tool0 in base_link, for (7,) [rad]."""
        self._data.qpos[:7] = q_rad
        mujoco.mj_kinematics(self._model, self._data)
        return self._data.xpos[self._tool].copy(), self._data.xmat[self._tool].reshape(3, 3).copy()

    def joint_velocity(self, velocity_m_s: FloatArray, turn_rad_s: FloatArray) -> FloatArray:
        """(7,) [rad/s] that gives tool0 this velocity and turn (3,), (3,) in base_link, at the last ``forward``.

        Damped least squares; the null space brings the elbow upright. All joints slow down together where one
        would pass ``MAX_JOINT_SPEED_RAD_S``.
        """
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_jacBody(self._model, self._data, self._jacobian[:3], self._jacobian[3:], self._tool)
        jacobian = self._jacobian[:, :7]
        swivel = -_SWIVEL_GAIN_1_S * self._data.qpos[_ELBOW]
        # Solve for the motion on top of the swivel: dq = J# (v - J z) + z, with z moving the elbow alone.
        goal = np.concatenate([velocity_m_s, turn_rad_s]) - jacobian[:, _ELBOW] * swivel
        gram = jacobian @ jacobian.T
        gram.flat[::7] += _DAMPING
        speed: FloatArray = jacobian.T @ np.linalg.solve(gram, goal)
        speed[_ELBOW] += swivel
        fastest = float(np.abs(speed).max())
        return speed * (MAX_JOINT_SPEED_RAD_S / fastest) if fastest > MAX_JOINT_SPEED_RAD_S else speed

    def clip(self, q_rad: FloatArray) -> FloatArray:
        """(7,) kept 0.02 rad inside the joint limits."""
        return np.minimum(np.maximum(q_rad, self.lower_rad), self.upper_rad)


def tool_yaw_rad(rotation: FloatArray) -> float:
    """Turn of the tool about +z [rad]; 0 at home, where the hand's x axis points forward."""
    return float(np.arctan2(rotation[1, 0], rotation[0, 0]))
