"""What is committed to the controller: always a motion that ends at rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_core.limits import JointLimits
from vla_core.safety.braking import Brake
from vla_core.safety.decision import Decision, Verdict, worst
from vla_core.safety.quintic import extremes
from vla_core.safety.rules.derivative import TOLERANCE, DerivativeRule
from vla_core.safety.rules.position import PositionRule
from vla_core.safety.trajectory import Trajectory
from vla_core.types import FloatArray

BRAKE_STEP_S = 0.02
NEAREST_S = 0.01  # a knot nearer than this is never sent: the controller has passed it before the message is there


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """horizon_s: how far a message follows the plan before its braking tail.

    first_point_s: a message's first point lies at least this far ahead where limits allow, so that the controller
        absorbs the jitter of arrival instead of accelerating for it.
    """

    horizon_s: float = 0.3
    first_point_s: float = 0.08


@dataclass(frozen=True, slots=True)
class Message:
    """One robot command: times (K,) from now [s], states (K, 3, J); the last state is at rest."""

    times: FloatArray
    states: FloatArray


class Stream:
    """Follows a plan with a braking tail always attached.

    ``committed`` is what the controller was last told; it ends at rest, so doing nothing is always safe.
    """

    def __init__(
        self,
        limits: JointLimits,
        brake: Brake,
        position: PositionRule,
        derivatives: Sequence[DerivativeRule],
        config: StreamConfig,
    ) -> None:
        self._limits = limits
        self._brake = brake
        self._position = position
        self._derivatives = derivatives
        self._config = config
        self.committed = Trajectory.at_rest(0.0, np.zeros(len(limits)))
        self.plan: Trajectory | None = None
        self._origin = self.committed.states[0, 0]

    def settle(self, time: float, position: FloatArray) -> None:
        """Start from rest at ``position`` (J,); only when nothing is moving."""
        self.plan = None
        self.committed = Trajectory.at_rest(time, position)
        self._origin = self.committed.states[0, 0]

    def moving(self, time: float) -> bool:
        """Whether something committed, or a plan, is still to be carried out at ``time``."""
        return self.plan is not None or (len(self.committed.times) > 1 and time < self.committed.end)

    def install(self, plan: Trajectory, time: float) -> None:
        """Follow ``plan``, whose first state is what is committed for its first instant, at or after ``time``."""
        lead = self.committed.part(time, plan.start)
        self.plan = lead.then(plan) if plan.start > time + 1e-6 else plan
        self._origin = self.plan.states[0, 0]

    def commit(self, motion: Trajectory) -> None:
        """Follow ``motion`` as a whole: it is checked, short, begins now and ends at rest."""
        self.plan = self.committed = motion
        self._origin = motion.states[0, 0]

    def advance(self, time: float) -> None:
        """Commit as much more of the plan as horizon and limits allow."""
        if self.plan is None:
            return
        if self.plan is self.committed:
            if time >= self.plan.end:
                self.plan = None
            return
        target = min(time + self._config.horizon_s, self.plan.end)
        for share in (1.0, 0.75, 0.5, 0.25):
            until = time + share * (target - time)
            if until <= time:
                break
            candidate = self._with_tail(self.plan.part(time, until), until >= self.plan.end)
            if candidate is not None:
                self.committed = candidate
                break
        if self.plan is not None and time >= min(self.plan.end, self.committed.end):
            self.plan = None

    def brake(self, time: float) -> None:
        """Give the plan up and come to rest as soon as limits allow."""
        if self.plan is None:
            return
        self.plan = None
        start = time
        while start < self.committed.end:
            candidate = self._with_tail(self.committed.part(time, start), False)
            if candidate is not None and candidate.end < self.committed.end:
                self.committed = candidate
                return
            start += BRAKE_STEP_S

    def message(self, time: float) -> Message | None:
        """What to publish at ``time``; None when it would break a limit, then what was published before stands."""
        if time == self.committed.start and len(self.committed.times) > 1:
            return Message(self.committed.times[1:] - time, self.committed.states[1:])  # checked as it is
        for nearest in (self._config.first_point_s, NEAREST_S):
            ahead = self.committed.times > time + nearest
            ahead[-1] = True
            times = np.maximum(self.committed.times[ahead], time + NEAREST_S)
            states = self.committed.states[ahead]
            whole = np.concatenate([self.committed.state(time)[None], states])
            if self._keeps_limits(np.concatenate([[time], times]), whole):
                return Message(times - time, states)
        return None

    def _with_tail(self, lead: Trajectory, whole: bool) -> Trajectory | None:
        """``lead`` and a stop after it, when that keeps every limit; ``whole``: lead is all the plan there is."""
        if whole and lead.ends_at_rest:
            return lead
        for ramp in self._brake.ramps:
            times, knots = self._brake.tails(np.array([lead.end]), lead.states[-1:], ramp)
            motion = lead.then(Trajectory(times[0], knots[0]))
            if self._keeps_limits(motion.times, motion.states):
                return motion
        return None

    def _keeps_limits(self, times: FloatArray, states: FloatArray) -> bool:
        """Coarse bounds first, which suffice nearly always; then tight ones."""
        if states[-1, 1:].any() or not np.isfinite(states).all():
            return False
        bounds = extremes(times, states, fine=False)
        lower, upper = self._position.bounds(self._origin)
        slack = 1.0 + TOLERANCE
        if (
            (bounds.lower >= lower).all()
            and (bounds.upper <= upper).all()
            and (bounds.velocity <= self._limits.velocity * slack).all()
            and (bounds.acceleration <= self._limits.acceleration * slack).all()
            and (bounds.jerk <= self._limits.jerk * slack).all()
        ):
            return True
        return self.judge(Trajectory(times, states)).decision is Decision.PASS

    def judge(self, motion: Trajectory) -> Verdict:
        """The motion rules' verdict on ``motion``."""
        return worst([self._position.check(motion), *(rule.check(motion) for rule in self._derivatives)])
