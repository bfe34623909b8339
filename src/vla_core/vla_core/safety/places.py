"""Where the robot was, by ROS time."""

from __future__ import annotations

from collections import deque

from vla_core.types import FloatArray


class Places:
    """The last ``window_s`` of places, each (K,) [rad or m]."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = round(window_s * 1e9)
        self._places: deque[tuple[int, FloatArray]] = deque()

    def add(self, ros_ns: int, place: FloatArray) -> None:
        """The robot is at ``place`` at ``ros_ns``. After a step back of the clock the past is void."""
        places = self._places
        if places and ros_ns < places[-1][0]:
            places.clear()
        places.append((ros_ns, place))
        while ros_ns - places[0][0] > self._window_ns:
            places.popleft()

    def at(self, ros_ns: int) -> FloatArray | None:
        """The last known place at ``ros_ns``; None: that is further back than is remembered."""
        for when, place in reversed(self._places):
            if when <= ros_ns:
                return place
        return None
