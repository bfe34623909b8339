"""Where generated commands want to go, and how fast: inside, at and beyond the limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proof.fuzz.limits import Limits
from proof.fuzz.polynomials import FloatArray

EPSILONS = np.array([0.0, 1e-15, 1e-12, 1e-9, 1e-7, 1e-6, 1e-4, 1e-3, 1e-2])
# A quintic from rest to rest over d in T peaks at these times d/T, d/T^2, d/T^3.
PEAKS = (1.875, 10.0 / np.sqrt(3.0), 60.0)
# Through the table top; folded into the column; hand into the foot; hand beside the base; hand into the upper arm.
COLLIDING = np.array(
    [
        [0.0, 1.5, 0.0, -1.0, 0.0, 2.0, 0.8],
        [0.0, -1.6, 0.0, -3.0, 0.0, 0.5, 0.8],
        [0.79, -0.81, -2.66, -3.02, 1.82, 3.42, 0.62],
        [1.5, 1.7, 0.0, -2.9, 0.0, 1.6, 0.8],
        [-2.6, 0.9, 2.8, -2.2, 1.0, 0.3, -1.0],
        [-2.71, -1.13, 1.58, -3.03, 0.37, 0.7, 1.55],
    ]
)


@dataclass(frozen=True, slots=True)
class Aims:
    """Chooses by ``rng``. limits: of the arm."""

    rng: np.random.Generator
    limits: Limits

    def epsilon(self) -> float:
        """A step across a boundary, of either sign."""
        return float(self.rng.choice(EPSILONS) * self.rng.choice([-1.0, 1.0]))

    def inside(self) -> FloatArray:
        """A position (J,) anywhere inside the limits."""
        return self.rng.uniform(self.limits.lower, self.limits.upper)

    def near(self, here: FloatArray, reach: float) -> FloatArray:
        """A position (J,) within ``reach`` [rad] of ``here``, inside the limits."""
        wish = here + self.rng.uniform(-reach, reach, len(here))
        return np.clip(wish, self.limits.lower, self.limits.upper)

    def edge(self, here: FloatArray) -> FloatArray:
        """``here`` (J,) with one joint at one of its limits, or a step to either side."""
        target = here.copy()
        joint = int(self.rng.integers(len(here)))
        limit = self.limits.upper if self.rng.random() < 0.5 else self.limits.lower
        target[joint] = limit[joint] + self.epsilon()
        return target

    def colliding(self) -> FloatArray:
        """A position (J,) inside the limits where arm and table, or two links, would be in one place."""
        pose = COLLIDING[int(self.rng.integers(len(COLLIDING)))]
        wish = pose + self.rng.normal(0.0, 0.15, len(pose))
        return np.clip(wish, self.limits.lower, self.limits.upper)

    def target(self, here: FloatArray) -> FloatArray:
        """Any of them."""
        kind = self.rng.random()
        if kind < 0.45:
            return self.near(here, 0.4)
        if kind < 0.65:
            return self.inside()
        if kind < 0.85:
            return self.edge(here)
        return self.colliding()

    def duration(self, way: FloatArray) -> float:
        """In which a quintic over ``way`` (J,) [rad] just reaches the nearest limit [s]."""
        limits, way = self.limits, np.abs(way)
        each = (
            PEAKS[0] * way / limits.velocity,
            np.sqrt(PEAKS[1] * way / limits.acceleration),
            np.cbrt(PEAKS[2] * way / limits.jerk),
        )
        return max(float(np.max(each)), 0.02)
