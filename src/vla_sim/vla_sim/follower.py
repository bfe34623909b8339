"""Executes chunks of set-points smoothly, in lock-step: what the real stack's planner and gate do in real time."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MAX_ACCELERATION_RAD_S2: Final = 7.0
MAX_SPEED_RAD_S: Final = 1.8
_CORRECTION_1_S: Final = 12.0


class ChunkFollower:
    """Interpolates the newest chunk and follows it with limited speed and acceleration; never jumps."""

    def __init__(self, q_rad: FloatArray, gripper_m: float, period_s: float = 0.1) -> None:
        self.q_rad = np.array(q_rad)
        self.dq_rad_s = np.zeros_like(self.q_rad)
        self.gripper_m = gripper_m
        self._period_s = period_s
        self._rows, self._gripper = self.q_rad[None, :].copy(), np.array([gripper_m])
        self._age_s = 0.0
        self._speed_scale = 1.0

    def start(self, rows_rad: FloatArray, gripper_m: FloatArray, age_s: float = 0.0, speed_scale: float = 1.0) -> None:
        """A new chunk: (H, J) with row k due at k * period after its start, which was ``age_s`` ago.

        speed_scale: (0, 1], the chunk's time goes so much slower from now on.
        """
        self._rows, self._gripper, self._age_s = np.asarray(rows_rad), np.asarray(gripper_m), age_s
        self._speed_scale = speed_scale

    def hold(self) -> None:
        """Come to rest where the set-point is; the gripper keeps its own."""
        self.start(self.q_rad[None, :].copy(), np.array([self.gripper_m]))

    def advance(self, step_s: float) -> None:
        """Move the set-point ``step_s`` ahead; read ``q_rad``, ``dq_rad_s`` and ``gripper_m`` afterwards."""
        self._age_s += step_s * self._speed_scale
        place = min(self._age_s / self._period_s, len(self._rows) - 1.0)
        row = min(int(place), len(self._rows) - 2) if len(self._rows) > 1 else 0
        following = self._rows[min(row + 1, len(self._rows) - 1)]
        slope = following - self._rows[row]
        wanted = self._rows[row] + (place - row) * slope
        ended = place >= len(self._rows) - 1.0
        speed = (np.zeros_like(slope) if ended else slope * self._speed_scale / self._period_s) + _CORRECTION_1_S * (
            wanted - self.q_rad
        )
        change = np.clip(speed - self.dq_rad_s, -MAX_ACCELERATION_RAD_S2 * step_s, MAX_ACCELERATION_RAD_S2 * step_s)
        self.dq_rad_s = np.clip(self.dq_rad_s + change, -MAX_SPEED_RAD_S, MAX_SPEED_RAD_S)
        self.q_rad = self.q_rad + self.dq_rad_s * step_s
        self.gripper_m = float(self._gripper[min(int(self._age_s / self._period_s + 1e-9), len(self._gripper) - 1)])
