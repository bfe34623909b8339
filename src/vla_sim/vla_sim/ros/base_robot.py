"""The simulated differential-drive base behind its controller, as the physics thread drives it. No ROS."""

from __future__ import annotations

from vla_sim.controllers import DiffDriveController, DiffDriveOptions, Velocity
from vla_sim.planar_base import Pose2D, integrate
from vla_sim.ros.clock import SimClock

_STEP_NS = 5_000_000


class BaseRobot:
    """A kinematic base: it moves exactly as its controller says.

    clock: what the stamps of commands are compared with.
    """

    def __init__(self, clock: SimClock, options: DiffDriveOptions) -> None:
        self._clock = clock
        self._controller = DiffDriveController(options)
        self.now_ns = 0
        self.pose = Pose2D()
        self.velocity = Velocity()

    def advance(self, until_ns: int) -> None:
        """Simulate until ``now_ns`` is at least ``until_ns``."""
        while self.now_ns < until_ns:
            self.velocity = self._controller.update(self._clock.stamp(self.now_ns))
            self.pose = integrate(self.pose, self.velocity, _STEP_NS * 1e-9)
            self.now_ns += _STEP_NS

    def command(self, velocity: Velocity, stamp_ns: int) -> None:
        """A message on ``cmd_vel``. Raises CommandRejectedError."""
        self._controller.command(velocity, stamp_ns, self._clock.stamp(self.now_ns))
