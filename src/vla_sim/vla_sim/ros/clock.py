"""ROS time as the simulator gives it out. No ROS."""

from __future__ import annotations

import time
from collections.abc import Callable

from vla_sim.ros.pacing import Pacer


class SimClock:
    """Turns simulated time into stamps.

    simulated: stamps are simulated time, which starts at 0 with the simulator (``/clock``). Otherwise they are
        system time: the time of the start plus what was simulated and what the simulation lost since.
    """

    def __init__(self, *, simulated: bool, pacer: Pacer, system_ns: Callable[[], int] = time.time_ns) -> None:
        self.simulated = simulated
        self._pacer = pacer
        self._start_ns = 0 if simulated else system_ns()

    def stamp(self, sim_ns: int) -> int:
        """The stamp [ns] of what happens at simulated time ``sim_ns``."""
        if self.simulated:
            return sim_ns
        return self._start_ns + sim_ns + self._pacer.lost_ns
