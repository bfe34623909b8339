"""The two times of the node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clocks:
    """ros_ns: header stamps. steady_ns: watchdogs and durations."""

    ros_ns: Callable[[], int]
    steady_ns: Callable[[], int]
