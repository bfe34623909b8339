"""One sequence: a hundred commands to an arm, and what else happens meanwhile."""

from __future__ import annotations

import numpy as np

from proof.fuzz.aims import Aims
from proof.fuzz.arm_driver import ArmDriver
from proof.fuzz.chunks import Planner
from proof.fuzz.driver import World
from proof.fuzz.faults import Faults
from proof.fuzz.limits import Limits
from proof.fuzz.offers import Offer
from proof.fuzz.singles import SHORTS, SINGLES, servo
from proof.fuzz.spoiling import spoiled

COMMANDS = 100  # of one sequence
HOME = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
# share of sequences; of chunks, of short paths among their commands; of spoiled ones; faults per command; ticks between
MOODS = {
    "servo": (0.40, 0.00, 0.01, 0.06, 0.010, (1, 2)),
    "points": (0.28, 0.00, 0.30, 0.20, 0.015, (1, 6)),
    "policy": (0.16, 0.97, 0.02, 0.25, 0.015, (2, 12)),
    "mixed": (0.10, 0.30, 0.30, 0.30, 0.030, (1, 10)),
    "faulty": (0.06, 0.20, 0.10, 0.10, 0.120, (1, 6)),
}


class Story:
    """Plays one sequence on a driver. limits: of the arm, as the oracle reads them."""

    def __init__(self, driver: ArmDriver, limits: Limits, gripper: str, rng: np.random.Generator) -> None:
        self._driver, self._rng = driver, rng
        self._aims = Aims(rng, limits)
        self._planner = Planner(self._aims, gripper)
        self._faults = Faults(driver, rng, FAULTS, self._special, self._rested)
        self._latency_ns = int(rng.choice([0, 50, 150, 300])) * 1_000_000

    def play(self, commands: int = COMMANDS) -> str:
        """Returns the mood."""
        rng, driver = self._rng, self._driver
        names = list(MOODS)
        mood = names[int(rng.choice(len(names), p=[MOODS[name][0] for name in names]))]
        _, chunks, shorts, bad, faults, (least, most) = MOODS[mood]
        if rng.random() < 0.1:
            driver.offer(self.command(chunks, shorts, bad))  # to a gate that was never armed
        driver.wait(3)
        driver.reset()
        driver.world.check_ms = float(rng.choice([4.0, 8.0, 20.0, 150.0], p=[0.6, 0.3, 0.08, 0.02]))
        while driver.journal.commands < commands:
            if rng.random() < faults:
                self._faults.strike()
            driver.offer(self.command(chunks, shorts, bad))
            self._faults.wait(int(rng.integers(least, most + 1)))
            self._faults.arm_again()
        driver.settle()
        return mood

    def command(self, chunks: float, shorts: float, bad: float) -> Offer:
        """The next one, of a kind drawn by the shares."""
        rng, driver = self._rng, self._driver
        state = driver.controller.state(driver.now_ns)
        kind = rng.random()
        if kind < chunks:
            makers, shares = zip(*self._planner.makers, strict=True)
            stamp = max(driver.ros_ns - self._latency_ns, driver.last_ros_armed + driver.journal.commands)
            offer = makers[int(rng.choice(len(makers), p=shares))](state, stamp)
        elif kind < chunks + shorts:
            offer = SHORTS[int(rng.integers(len(SHORTS)))](self._aims, state)
        else:
            maker = servo if rng.random() < 0.5 else SINGLES[int(rng.integers(len(SINGLES)))]
            offer = maker(self._aims, state)
        return spoiled(offer, rng) if rng.random() < bad else offer

    def _special(self, kind: str, world: World) -> None:
        """Faults of joint states and of the arm."""
        rng = self._rng
        if kind == "states stop":
            world.states = "none"
        elif kind == "link cut":
            world.cut = True
        elif kind == "states nan":
            world.states = "nan"
        elif self._driver.adrift:
            return  # what moves the arm, or seems to, moves it away from where the gate believes its controller to hold
        elif kind == "states noisy":
            world.noise = float(rng.choice([1e-6, 1e-3, 0.02, 0.2]))
        elif kind == "arm sags":
            world.sag = rng.uniform(-0.04, 0.04, 7)
        elif kind == "arm held":
            reach = float(rng.choice([0.0, 0.06, 0.2, 0.5]))
            world.held = self._aims.near(self._driver.controller.state(self._driver.now_ns)[0], reach)

    def _rested(self) -> None:
        """While it is stopped, somebody may move the arm."""
        driver = self._driver
        if self._rng.random() < 0.3:
            self._faults.wait(60)
            driver.hand_guided(self._aims.near(driver.controller.state(driver.now_ns)[0], 0.5))
            self._faults.wait(2)


FAULTS = (
    "states stop", "link cut", "states nan", "states noisy", "arm sags", "arm held", "arm held",
    "clock stands", "clock slow", "ticks jitter",
    "stop", "stop", "button", "disarm", "reset", "clock goes back", "clock jumps", "monitor late",
)  # fmt: skip
