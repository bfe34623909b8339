"""Measures an attempt while it runs: a Mover around another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla_core.types import ActionChunk, Observation
from vla_policy.evaluation.smoothness import Motion
from vla_policy.training.rollout import STEP_S, Mover
from vla_sim.simulation import TabletopSim

FILM_HZ = 15.0


class Recorder:
    """Samples the arm every STEP_S; keeps whole states for a film only where ``film``."""

    def __init__(self, inner: Mover, sim: TabletopSim, film: bool = False) -> None:
        self._inner, self._sim = inner, sim
        self._samples: list[tuple[NDArray[np.float64], ...]] = []
        self._every = round(1.0 / (FILM_HZ * STEP_S)) if film else 0
        self.frames: list[NDArray[np.float64]] = [sim.qpos()] if film else []

    def start(self, chunk: ActionChunk, observation: Observation, age_s: float) -> None:
        """See Mover."""
        self._inner.start(chunk, observation, age_s)

    def step(self) -> None:
        """See Mover."""
        self._inner.step()
        sim = self._sim
        efforts, tool_m = sim.joint_efforts()[:7], sim.state().tool_position_m
        self._samples.append((sim.joint_positions()[:7], sim.joint_velocities()[:7], efforts, tool_m))
        if self._every and len(self._samples) % self._every == 0:
            self.frames.append(sim.qpos())

    def motion(self) -> Motion:
        """Everything since the beginning."""
        q_rad, dq_rad_s, effort_nm, tool_m = (np.array(column) for column in zip(*self._samples, strict=True))
        return Motion(STEP_S, q_rad, dq_rad_s, effort_nm, tool_m)
