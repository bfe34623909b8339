"""From every instant of a motion the arm can brake to rest inside its position limits."""

from __future__ import annotations

import math

import numpy as np

from vla_core.limits import JointLimits
from vla_core.safety.braking import Brake
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.quintic import extremes
from vla_core.safety.rules.derivative import TOLERANCE
from vla_core.safety.rules.position import PositionRule
from vla_core.safety.trajectory import Trajectory
from vla_core.types import FloatArray

GRID = Limit(0.02, "s", "two command periods: a stop begins at most one period from a checked instant")


class StoppingRule:
    """Refuses, from there on, a motion that could not be stopped in time."""

    name = "stopping"
    reason = "stopping_distance"

    def __init__(self, limits: JointLimits, brake: Brake) -> None:
        self._limits = limits
        self._brake = brake
        self._position = PositionRule(limits)

    def check(self, motion: Trajectory) -> Verdict | None:
        """HOLD, good until the last instant from which the arm can stop."""
        times = np.linspace(motion.start, motion.end, math.ceil((motion.end - motion.start) / GRID.value) + 1)
        states = motion.sample(times)
        excess = self._excess(states, motion.states[0, 0])
        bad = np.flatnonzero(excess.max(axis=1) > 0.0)
        if not len(bad):
            return None
        first = int(bad[0])
        joint = int(np.argmax(excess[first]))
        until = float(times[first - 1]) if first else -np.inf
        over, name = float(excess[first, joint]), self._limits.joint_names[joint]
        detail = f"a stop begun at {times[first]:.3f} s would take {name} over a limit by {over:.4f} of its range"
        return Verdict(Decision.HOLD, self.name, self.reason, detail, over, 0.0, until_s=until)

    def _excess(self, states: FloatArray, start: FloatArray) -> FloatArray:
        """(K, J): by how much the best stop, of one ramp for all joints, exceeds a limit; at most 0: none."""
        gentle, *shorter = self._brake.ramps
        best = self._tail_excess(states, start, gentle)
        for ramp in shorter:
            todo = np.flatnonzero(best.max(axis=1) > 0.0)
            if not len(todo):
                break
            tried = self._tail_excess(states[todo], start, ramp)
            better = tried.max(axis=1) < best[todo].max(axis=1)
            best[todo[better]] = tried[better]
        return best

    def _tail_excess(self, states: FloatArray, start: FloatArray, ramp: float) -> FloatArray:
        times, knots = self._brake.tails(np.zeros(len(states)), states, ramp)
        bounds = extremes(times, knots, fine=False)
        lower, upper = self._position.bounds(start)
        span = np.where(np.isfinite(upper - lower), upper - lower, 1.0)
        position = np.maximum(lower - bounds.lower, bounds.upper - upper).max(axis=1) / span - TOLERANCE
        velocity = bounds.velocity.max(axis=1) / self._limits.velocity - (1.0 + TOLERANCE)
        excess: FloatArray = np.maximum(position, velocity)
        return excess
