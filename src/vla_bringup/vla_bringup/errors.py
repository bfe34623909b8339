"""Errors of the command line. Each says what to do next."""

from __future__ import annotations

from vla_core.errors import VlaError

HOW_TO_START = (
    "Start it in another terminal with `vla up` (simulated arm) or your launch file; ROS_DOMAIN_ID and "
    "ROS_AUTOMATIC_DISCOVERY_RANGE must be the same in both terminals."
)


class NotRunningError(VlaError):
    """A node that a command needs is not on the ROS graph."""

    def __init__(self, what: str, waited_s: float) -> None:
        super().__init__(f"{what} was not found on the ROS graph within {waited_s:g} s. {HOW_TO_START}")


class StackError(VlaError):
    """The stack could not be started, or a part of it failed."""


class RefusedError(VlaError):
    """A node answered, and the answer is no."""


class RobotConfigError(VlaError):
    """A robot's parameter file cannot work. One line: file, field, value, remedy."""


class UnhealthyError(VlaError):
    """Lifecycle nodes that should be active are not."""
