"""Everything that makes a demonstration imperfect, so that its recoveries can be learned."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vla_sim.robot import GRIPPER_CLOSED_M, GRIPPER_OPEN_M, HOME_Q

FloatArray = NDArray[np.float64]

NOISE_LEVELS_RAD = (0.0, 0.005, 0.010, 0.016)
START_SPREAD_RAD = 0.12


class Disturbance:
    """Random pushes on the executed set-points of one episode, and the delay of its chunks."""

    def __init__(self, rng: Generator) -> None:
        self._rng = rng
        self._level_rad = float(rng.choice(NOISE_LEVELS_RAD))
        self._bias_rad: FloatArray = np.zeros(7)
        self._grip_steps = 0
        self._grip_m = GRIPPER_OPEN_M
        self.latency_s = float(rng.choice([0.0, 0.02, 0.04, 0.06, 0.08]))

    def apply(self, q_rad: FloatArray, gripper_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The chunk (H, 7), (H,) as it is executed: pulled aside for a while, or with a wrong grip."""
        draw = self._rng.random()
        if draw < 0.15:
            self._bias_rad = self._rng.normal(0.0, self._level_rad, 7)
        elif draw < 0.45:
            self._bias_rad = np.zeros(7)
        if self._grip_steps == 0 and self._rng.random() < 0.008:
            self._grip_steps = int(self._rng.integers(2, 7))
            self._grip_m = float(self._rng.choice([GRIPPER_OPEN_M, 0.02, GRIPPER_CLOSED_M]))
        elif self._grip_steps > 0:
            self._grip_steps -= 1
            gripper_m = np.full_like(gripper_m, self._grip_m)
        ramp = np.minimum(np.arange(len(q_rad)), 2.0)[:, None]
        return q_rad + ramp * self._bias_rad, gripper_m


def random_start(rng: Generator) -> tuple[FloatArray, float]:
    """Joint positions (7,) [rad] around home and a gripper position [m], mostly open."""
    spread = START_SPREAD_RAD * float(rng.choice([0.15, 0.5, 1.0]))
    gripper = GRIPPER_OPEN_M if rng.random() < 0.8 else float(rng.uniform(GRIPPER_CLOSED_M, GRIPPER_OPEN_M))
    return HOME_Q + rng.uniform(-spread, spread, 7), gripper
