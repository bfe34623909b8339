"""An ideal joint_trajectory_controller: what the published messages make the joints do.

By the meaning of trajectory_msgs/JointTrajectory and ros2_control's documentation ("Trajectory Replacement"): a message
replaces the one before as a whole on arrival, and the joints go from the state commanded at that instant through its
points, by quintics where points state velocity and acceleration; after the last point its position is held.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from proof.fuzz.polynomials import FloatArray, quintic


@dataclass(frozen=True, slots=True)
class Published:
    """A message as it left the gate.

    at_ns: steady instant, also that of its arrival. times_ns: (K,) from then. states: (K, 3, J).
    start: (3, J), what was commanded when it came. gripper: set-point [m] or None. stood: (J,) where the arm was
    measured last.
    """

    at_ns: int
    times_ns: tuple[int, ...]
    states: FloatArray
    start: FloatArray
    gripper: float | None = None
    stood: FloatArray | None = None

    @property
    def end_ns(self) -> int:
        """When it is at its last point."""
        return self.at_ns + self.times_ns[-1]

    def state(self, now_ns: int) -> FloatArray:
        """(3, J) commanded at ``now_ns``, at or after its arrival."""
        since = now_ns - self.at_ns
        if since >= self.times_ns[-1]:
            return at_rest(self.states[-1, 0])
        index = bisect_right(self.times_ns, since)
        begun = self.times_ns[index - 1] if index else 0
        before = self.states[index - 1] if index else self.start
        h = (self.times_ns[index] - begun) * 1e-9
        return _evaluate(before, self.states[index], h, (since - begun) * 1e-9 / h)


class Controller:
    """Holds ``position`` (J,) until the first message."""

    def __init__(self, position: FloatArray) -> None:
        self._held = at_rest(position)
        self._message: Published | None = None

    def state(self, now_ns: int) -> FloatArray:
        """Position, velocity, acceleration (3, J) commanded at ``now_ns``."""
        return self._held if self._message is None else self._message.state(now_ns)

    def receive(
        self,
        at_ns: int,
        times_ns: tuple[int, ...],
        states: FloatArray,
        gripper: float | None = None,
        stood: FloatArray | None = None,
    ) -> Published:
        """Take a message; one that no controller would take (see the oracle) is kept out of the way."""
        message = Published(at_ns, times_ns, states, self.state(at_ns), gripper, stood)
        if executable(message):
            self._message = message
        return message

    def activate(self, position: FloatArray) -> None:
        """Started again at ``position`` (J,), as after the arm was moved by hand."""
        self._held, self._message = at_rest(position), None


def executable(message: Published) -> bool:
    """Whether a controller can run it at all: shapes, finite values, rising times."""
    times = np.array(message.times_ns, dtype=np.float64)
    return bool(
        len(times) > 0
        and message.states.shape == (len(times), *message.start.shape)
        and np.isfinite(message.states).all()
        and times[0] > 0
        and (np.diff(times) > 0).all()
    )


def at_rest(position: FloatArray) -> FloatArray:
    """(3, J) at ``position`` (J,)."""
    return np.stack([position, np.zeros_like(position), np.zeros_like(position)])


def _evaluate(before: FloatArray, after: FloatArray, h: float, u: float) -> FloatArray:
    curve = quintic(before.T, after.T, np.array(h))
    powers = u ** np.arange(6.0)
    position = curve @ powers
    velocity = curve[:, 1:] @ (np.arange(1.0, 6.0) * powers[:5]) / h
    acceleration = curve[:, 2:] @ (np.array([2.0, 6.0, 12.0, 20.0]) * powers[:4]) / (h * h)
    return np.stack([position, velocity, acceleration])
