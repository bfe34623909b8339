"""A diff_drive_controller's handling of ``cmd_vel`` (geometry_msgs/TwistStamped), without ros2_control.

As in ros2_controllers 4.x (Jazzy), ``diff_drive_controller``: stamp 0 counts as "now"; a command older than
``cmd_vel_timeout`` is ignored on arrival, and once the last one gets older than that the base is commanded
to zero; velocity and acceleration limits apply to what is commanded, the stop at the timeout included.
Non-finite commands are refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vla_sim.controllers.errors import CommandRejectedError


@dataclass(frozen=True, slots=True)
class Velocity:
    """Planar velocity in base_link (REP-103): forward [m/s], counter-clockwise [rad/s]."""

    linear: float = 0.0
    angular: float = 0.0


@dataclass(frozen=True, slots=True)
class DiffDriveOptions:
    """cmd_vel_timeout_s: parameter ``cmd_vel_timeout`` [s]. Limits: [m/s], [m/s^2], [rad/s], [rad/s^2]."""

    cmd_vel_timeout_s: float = 0.5
    max_linear_velocity: float = 1.0
    max_linear_acceleration: float = 2.0
    max_angular_velocity: float = 2.0
    max_angular_acceleration: float = 6.0


class DiffDriveController:
    """Turns velocity commands into the velocity of the base at each update."""

    def __init__(self, options: DiffDriveOptions | None = None) -> None:
        self.options = options or DiffDriveOptions()
        self._target = Velocity()
        self._target_ns: int | None = None
        self._current = Velocity()
        self._last_update_ns: int | None = None

    @property
    def _timeout_ns(self) -> int:
        return round(self.options.cmd_vel_timeout_s * 1e9)

    def command(self, velocity: Velocity, stamp_ns: int, now_ns: int) -> None:
        """Drive at ``velocity`` from the next update on. Raises CommandRejectedError if it is stale or not finite."""
        if not (math.isfinite(velocity.linear) and math.isfinite(velocity.angular)):
            raise CommandRejectedError(
                f"twist: linear.x {velocity.linear}, angular.z {velocity.angular}: not a finite number"
            )
        stamp_ns = stamp_ns or now_ns
        if now_ns - stamp_ns > self._timeout_ns:
            raise CommandRejectedError(
                f"header.stamp: the command is {(now_ns - stamp_ns) * 1e-9:.3f} s old, the timeout is "
                f"{self.options.cmd_vel_timeout_s} s; stamp with the robot's clock, or use stamp 0"
            )
        self._target, self._target_ns = velocity, stamp_ns

    def update(self, now_ns: int) -> Velocity:
        """The velocity that the base is driven at from ``now_ns`` on."""
        if self._target_ns is None or now_ns - self._target_ns > self._timeout_ns:
            self._target = Velocity()
        period_s = 0.0 if self._last_update_ns is None else (now_ns - self._last_update_ns) * 1e-9
        self._last_update_ns = now_ns
        limits = self.options
        self._current = Velocity(
            _approach(
                self._current.linear,
                _clamp(self._target.linear, limits.max_linear_velocity),
                limits.max_linear_acceleration * period_s,
            ),
            _approach(
                self._current.angular,
                _clamp(self._target.angular, limits.max_angular_velocity),
                limits.max_angular_acceleration * period_s,
            ),
        )
        return self._current


def _clamp(value: float, bound: float) -> float:
    return min(max(value, -bound), bound)


def _approach(value: float, target: float, step: float) -> float:
    return value + _clamp(target - value, step)
