"""Chunks of 10 to 50 points on vla/action_chunk: what a policy sends, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from proof.fuzz.aims import Aims
from proof.fuzz.offers import Offer
from proof.fuzz.polynomials import FloatArray
from vla_core.safety.proposal import CameraEvidence

STARTS_NS = 400_000_000  # after its images, a plan from rest begins to move: later than it arrives
CAMERAS = ("front", "wrist")  # the shipped configuration asks for evidence of both


@dataclass(slots=True)
class Planner:
    """Plans as an inference node would, from what is commanded at the time of the images. age_s: of those."""

    aims: Aims
    gripper: str
    count: int = 0
    _center: FloatArray | None = field(default=None)
    _amplitude: FloatArray | float = 0.3
    _rate: float = 1.5
    _began_ns: int = 0

    def plan(self, name: str, times: FloatArray, positions: FloatArray, stamp_ns: int, **more: object) -> Offer:
        """A chunk; every third one commands the gripper too."""
        self.count += 1
        if self.count % 3 == 0:
            grip = self.aims.rng.uniform(0.0, 0.04, 2)
            more = {"gripper_joint": self.gripper, "gripper": np.linspace(grip[0], grip[1], len(times)), **more}
        cameras = tuple(CameraEvidence(camera, stamp_ns, self.count) for camera in CAMERAS)
        rows, more = positions.tolist(), {"cameras": cameras, **more}
        return Offer(
            name, self.aims.limits.names, times, rows, stamp_ns=stamp_ns, chunk_id=self.count, **more  # type: ignore[arg-type]
        )  # fmt: skip

    def grid(self) -> FloatArray:
        """Times of 10 to 50 points [s]."""
        count = int(self.aims.rng.integers(10, 51))
        period = float(self.aims.rng.choice([0.02, 0.033, 0.05, 0.1]))
        return period * np.arange(1.0, count + 1.0)

    def wave(self, state: FloatArray, ros_ns: int) -> Offer:
        """A piece of one endless smooth motion; where it was stopped, a new one begins."""
        rng, limits = self.aims.rng, self.aims.limits
        if self._center is None or rng.random() < 0.1 or not state[1].any():
            self._center, self._began_ns = state[0], ros_ns + STARTS_NS
            self._rate = float(rng.uniform(0.4, 4.0))
            side = rng.choice([-1.0, 1.0], len(limits.names))
            room = np.where(side > 0.0, limits.upper - state[0], state[0] - limits.lower)
            most = np.minimum(limits.velocity / self._rate, limits.acceleration / self._rate**2)
            share = float(rng.choice([0.2, 0.6, 0.95, 1.0, 1.4]))
            self._amplitude = side * np.minimum(share * rng.uniform(0.0, 1.0) * most, share * room / 2.0)
        times = self.grid()
        phase = self._rate * np.maximum((ros_ns - self._began_ns) * 1e-9 + times, 0.0)[:, None]
        positions = self._center + self._amplitude * (1.0 - np.cos(phase))
        more: dict[str, object] = {}
        if rng.random() < 0.3:
            more["velocities"] = (self._amplitude * self._rate * np.sin(phase)).tolist()
        return self.plan("wave", times, positions, ros_ns, **more)

    def sprint(self, state: FloatArray, ros_ns: int) -> Offer:
        """Up to full speed, often on beyond a limit of position."""
        rng, limits = self.aims.rng, self.aims.limits
        times = self.grid()
        direction = np.where(rng.random(len(limits.names)) < 0.5, 0.0, rng.choice([-1.0, 1.0], len(limits.names)))
        speed = direction * limits.velocity * float(rng.choice([0.9, 0.99, 0.9999, 1.0, 1.01]))
        ramp = 0.35
        along = np.where(times < ramp, times**2 / (2.0 * ramp), times - ramp / 2.0)[:, None]
        return self.plan("sprint", times, state[0] + along * speed, ros_ns)

    def toward(self, state: FloatArray, ros_ns: int) -> Offer:
        """Smoothly to a goal: an edge, the table, the arm's own body."""
        times = self.grid()
        target = self.aims.target(state[0])
        if self.aims.rng.random() < 0.6:  # as far as the limits allow in this time
            way = target - state[0]
            for _ in range(20):
                way = way * (0.8 if self.aims.duration(way) > times[-1] else 1.0)
            target = state[0] + way
        u = times / times[-1]
        share = u**3 * (10.0 + u * (-15.0 + 6.0 * u))
        return self.plan("toward", times, state[0] + share[:, None] * (target - state[0]), ros_ns)

    def noise(self, state: FloatArray, ros_ns: int) -> Offer:
        """A model that answers noise."""
        times = self.grid()
        size = float(self.aims.rng.choice([1e-3, 1e-2, 0.1, 3.0]))
        return self.plan(
            "noise", times, state[0] + self.aims.rng.normal(0.0, size, (len(times), len(state[0]))), ros_ns
        )

    def contradiction(self, state: FloatArray, ros_ns: int) -> Offer:
        """Positions that hardly change, with velocities and accelerations that say otherwise: wild splines."""
        rng, limits = self.aims.rng, self.aims.limits
        times = self.grid()
        shape = (len(times), len(state[0]))
        size = float(rng.choice([1e-3, 0.1, 1.0, 30.0]))
        velocities = rng.uniform(-size, size, shape) * limits.velocity
        more: dict[str, object] = {"velocities": velocities.tolist()}
        if rng.random() < 0.5:
            more["accelerations"] = (rng.uniform(-size, size, shape) * limits.acceleration).tolist()
        positions = state[0] + rng.normal(0.0, 1e-3, shape).cumsum(axis=0)
        return self.plan("contradiction", times, positions, ros_ns, **more)

    def oscillation(self, state: FloatArray, ros_ns: int) -> Offer:
        """Between two points at the limit of acceleration."""
        rng, limits = self.aims.rng, self.aims.limits
        times = self.grid()
        rate = float(rng.uniform(2.0, 30.0))
        share = float(rng.choice([0.9, 0.999, 1.0, 1.001, 1.1]))
        amplitude = limits.acceleration / rate**2 * share * rng.choice([-1.0, 1.0], len(limits.names))
        return self.plan(
            "chunk_oscillation", times, state[0] + amplitude * (1.0 - np.cos(rate * times[:, None])), ros_ns
        )

    @property
    def makers(self) -> tuple[tuple[Callable[[FloatArray, int], Offer], float], ...]:
        """Every kind, with its share."""
        return (
            (self.wave, 0.42),
            (self.sprint, 0.18),
            (self.toward, 0.16),
            (self.noise, 0.08),
            (self.contradiction, 0.08),
            (self.oscillation, 0.08),
        )
