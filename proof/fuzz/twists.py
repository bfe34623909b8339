"""Twists for a base, good and bad, and one sequence of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from proof.fuzz.base_driver import BaseDriver
from proof.fuzz.faults import Faults
from proof.fuzz.offers import TwistOffer
from proof.fuzz.polynomials import FloatArray
from proof.fuzz.spoiling import SCALES, WILD
from vla_core.safety.proposal import CameraEvidence

FAULTS = (
    "clock stands", "clock slow", "ticks jitter", "stop", "button", "disarm", "reset", "clock goes back", "clock jumps",
    "monitor late",
)  # fmt: skip
NOW = np.zeros(1)


class TwistStory:
    """Plays one sequence. speed: (2,) limits of linear [m/s] and angular [rad/s] speed."""

    def __init__(self, driver: BaseDriver, speed: FloatArray, rng: np.random.Generator) -> None:
        self._driver, self._speed, self._rng = driver, speed, rng
        self._count = 0
        self._faults = Faults(driver, rng, FAULTS)

    def play(self, commands: int) -> str:
        """Returns the mood."""
        rng, driver = self._rng, self._driver
        chunks = 0.8 if rng.random() < 0.3 else 0.05
        driver.wait(3)
        driver.reset()
        while driver.journal.commands < commands:
            if rng.random() < 0.02:
                self._faults.strike()
            offer = self.chunk() if rng.random() < chunks else self.command()
            driver.offer(self.spoiled(offer) if rng.random() < 0.15 else offer)
            self._faults.wait(int(rng.integers(1, 8 if chunks > 0.5 else 4)))
            self._faults.arm_again()
        driver.settle()
        return "base"

    def twist(self) -> FloatArray:
        """(6,) along the axes that a planar base has, to a little beyond its limits."""
        share = float(self._rng.choice([0.1, 0.5, 0.999999, 1.0, 1.000001, 1.3, 20.0]))
        v, w = self._rng.uniform(-1.0, 1.0, 2) if self._rng.random() < 0.6 else self._rng.choice([-1.0, 0.0, 1.0], 2)
        return np.array([v * share * self._speed[0], 0.0, 0.0, 0.0, 0.0, w * share * self._speed[1]])

    def command(self) -> TwistOffer:
        """One twist, from now on."""
        stamp = self._driver.ros_ns if self._rng.random() < 0.3 else None
        return TwistOffer("twist", "base_link", NOW, self.twist()[None], stamp)

    def chunk(self) -> TwistOffer:
        """Timed twists, as of a policy."""
        self._count += 1
        count = int(self._rng.integers(1, 20))
        times = float(self._rng.choice([0.02, 0.1])) * np.arange(1.0, count + 1.0)
        twists = np.array([self.twist() for _ in range(count)]) if self._rng.random() < 0.5 else (
            np.linspace(self.twist(), self.twist(), count)
        )  # fmt: skip
        stamp = max(self._driver.ros_ns, self._driver.last_ros_armed + self._count)
        camera = CameraEvidence("front", stamp, self._count)
        return TwistOffer("twist_chunk", "base_link", times, twists, stamp, 1.0, self._count, (camera,))

    def spoiled(self, offer: TwistOffer) -> TwistOffer:
        """By one of several means."""
        rng, twists, times = self._rng, np.array(offer.twists), np.array(offer.times_s)
        k, kind = int(rng.integers(len(times))), str(rng.choice(SPOILERS))
        if kind == "wild":
            twists[k, int(rng.choice([0, 5, int(rng.integers(6))]))] = float(rng.choice(WILD))
        elif kind == "axis":
            twists[k, int(rng.integers(1, 5))] = float(rng.choice([1e-9, 1e-3, 1.0]))
        elif kind == "times":
            times[k] = float(rng.choice([np.nan, -1.0, times[0], 1e9, 121.0]))
        elif kind == "scale":
            return self._named(replace(offer, speed_scale=float(rng.choice(SCALES))), kind)
        elif kind == "stamp":
            shift = int(rng.choice([-5_000_000_000, -600_000_000, 50_000_000, 400_000_000]))
            return self._named(replace(offer, stamp_ns=max((offer.stamp_ns or self._driver.ros_ns) + shift, 0)), kind)
        elif kind == "frame":
            return self._named(replace(offer, frame_id=str(rng.choice(["", "map", "base_link "]))), kind)
        elif kind == "shape":
            twists = twists[:0] if rng.random() < 0.5 else twists[:, :5]
        return self._named(replace(offer, twists=twists, times_s=times), kind)

    @staticmethod
    def _named(offer: TwistOffer, kind: str) -> TwistOffer:
        return replace(offer, generator=f"{offer.generator}+{kind}")


SPOILERS = ("wild", "wild", "axis", "times", "scale", "stamp", "frame", "shape")
