"""What makes an attempt harder: changed scenes, spoiled pictures, a push on the hand."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from vla_core.types import ActionChunk, ImageArray, Observation
from vla_policy.evaluation.condition import Condition
from vla_policy.training.rollout import STEP_S, Mover
from vla_sim.sampling import sample_visual
from vla_sim.simulation import TabletopSim
from vla_sim.spec import SceneSpec

_GREY = 128
_BEYOND = 1.5  # of the range of training
_PUSH_S, _PUSH_EVERY_S = 0.2, 2.0


def disturbed(scene: SceneSpec, condition: Condition, rng: Generator) -> SceneSpec:
    """``scene`` with the looks that ``condition`` wants."""
    visual = scene.visual
    if condition.light:
        drawn = sample_visual(rng, _BEYOND)
        visual = replace(
            visual,
            light_direction=drawn.light_direction,
            light_intensity=drawn.light_intensity,
            ambient=drawn.ambient,
        )
    if condition.table:
        drawn = sample_visual(rng)
        visual = replace(visual, table_rgb=drawn.table_rgb, floor_rgb=drawn.floor_rgb)
    if condition.camera_m:
        direction = rng.normal(size=3)
        x, y, z = (condition.camera_m * direction / np.linalg.norm(direction)).tolist()
        visual = replace(visual, front_shift_m=(x, y, z), front_turn_rad=(0.0, 0.0, 0.0))
    return replace(scene, visual=visual)


class Spoiler:
    """What the policy sees instead of an observation: noise, something before the lens, old pictures."""

    def __init__(self, condition: Condition, period_s: float, rng: Generator) -> None:
        self._condition = condition
        self._rng = rng
        self._corner = rng.uniform(0.0, 1.0 - condition.covered, 2)
        self._seen: deque[Observation] = deque(maxlen=round(condition.late_s / period_s) + 1)

    def __call__(self, observation: Observation) -> Observation:
        """Spoil the next observation."""
        self._seen.append(observation)
        oldest = self._seen[0]
        images = {name: self._spoil(name, image) for name, image in oldest.images.items()}
        return replace(observation, images=images, image_stamps_ns=oldest.image_stamps_ns)

    def _spoil(self, camera: str, image: ImageArray) -> ImageArray:
        condition = self._condition
        if condition.covered and camera == "front":
            image = image.copy()
            size = np.array(image.shape[:2])
            top, left = (self._corner * size).astype(int)
            height, width = (condition.covered * size).astype(int)
            image[top : top + height, left : left + width] = _GREY
        if condition.noise:
            noisy = image + self._rng.normal(0.0, 255.0 * condition.noise, image.shape)
            image = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        return image


class Pushed:
    """A Mover in whose simulation somebody pushes the hand sideways now and then."""

    def __init__(self, inner: Mover, sim: TabletopSim, force_n: float, rng: Generator) -> None:
        self._inner, self._sim, self._force_n, self._rng = inner, sim, force_n, rng
        self._left = 0

    def start(self, chunk: ActionChunk, observation: Observation, age_s: float) -> None:
        """See Mover."""
        self._inner.start(chunk, observation, age_s)

    def step(self) -> None:
        """See Mover."""
        if self._left > 0:
            self._left -= 1
            if self._left == 0:
                self._sim.push_hand((0.0, 0.0, 0.0))
        elif self._rng.random() < STEP_S / _PUSH_EVERY_S:
            angle = self._rng.uniform(0.0, 2.0 * np.pi)
            self._sim.push_hand((self._force_n * np.cos(angle), self._force_n * np.sin(angle), 0.0))
            self._left = round(_PUSH_S / STEP_S)
        self._inner.step()
