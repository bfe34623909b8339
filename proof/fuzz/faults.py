"""What goes wrong around a gate: inputs, clocks, threads, and what the operator does about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from proof.fuzz.driver import NOTICED, Driver, World

PATIENCE = 4  # commands offered to a stopped gate before somebody resets it


class Faults:
    """Strikes a driver's world with one of ``kinds`` and heals it after a while.

    special: makes the faults that only one kind of robot has. rested: called before a reset, with the robot at rest.
    """

    def __init__(
        self,
        driver: Driver,
        rng: np.random.Generator,
        kinds: Sequence[str],
        special: Callable[[str, World], None] | None = None,
        rested: Callable[[], None] | None = None,
    ) -> None:
        self._driver, self._rng, self._kinds = driver, rng, kinds
        self._special, self._rested = special, rested
        self._tick = self._heal_at = 0
        self._refused = 0

    def wait(self, ticks: int) -> None:
        """Let ``ticks`` command periods pass."""
        self._tick += ticks
        self._driver.wait(ticks)
        if self._heal_at and self._tick >= self._heal_at:
            self._heal_at = 0
            self._driver.world = World(check_ms=self._driver.world.check_ms)

    def strike(self) -> None:
        """Something goes wrong for a while."""
        rng, world = self._rng, self._driver.world
        kind = str(rng.choice(self._kinds))
        self._driver.journal.events[kind] += 1
        self._heal_at = self._tick + int(rng.integers(2, 40))
        if kind == "clock stands":
            world.clock = 0.0
        elif kind == "clock slow":
            world.clock = float(rng.uniform(0.3, 1.5))
        elif kind == "ticks jitter":
            world.jitter_ns = int(rng.integers(1, 8)) * 1_000_000
        elif not self._operator(kind) and self._special is not None:
            self._special(kind, world)
            self._heal_at += NOTICED * world.cut

    def _operator(self, kind: str) -> bool:
        """Whether ``kind`` was one of an instant."""
        rng, driver = self._rng, self._driver
        if kind == "stop":
            driver.emergency_stop()
        elif kind == "button":
            driver.press(True)
            driver.wait(int(rng.integers(1, 5)))
            driver.press(False)
        elif kind == "disarm":
            driver.disarm()
        elif kind == "reset":
            driver.reset()
        elif kind == "clock goes back":
            driver.clock_back(float(rng.choice([0.05, 0.5, 20.0])))
        elif kind == "clock jumps":
            driver.clock_jump(float(rng.choice([0.1, 0.6, 50.0])))
        elif kind == "monitor late":
            driver.pause(float(rng.choice([0.02, 0.1, 0.4, 1.5])))
        else:
            return False
        return True

    def arm_again(self) -> None:
        """Somebody resets a gate that stopped, now and then too soon."""
        driver, rng = self._driver, self._rng
        if driver.armed:
            self._refused = 0
            return
        self._refused += 1
        if rng.random() < 0.1:
            driver.reset()  # too soon, most of the time
        if self._refused < PATIENCE:
            return
        self.wait(60)
        if self._rested is not None:
            self._rested()
        driver.press(False)
        driver.reset()
