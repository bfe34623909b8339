"""What is committed to the controller: always a motion that ends at rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_core.limits import JointLimits
from vla_core.safety.braking import Brake
from vla_core.safety.decision import Decision, Verdict, worst
from vla_core.safety.quintic import extremes
from vla_core.safety.rules.collision import CollisionRule
from vla_core.safety.rules.derivative import DerivativeRule
from vla_core.safety.rules.position import PositionRule
from vla_core.safety.trajectory import Trajectory, resting_state
from vla_core.types import FloatArray

BRAKE_STEP_S = 0.02  # how much later a stop is tried to begin when it cannot begin now
SHARES = (1.0, 0.75, 0.5, 0.25)  # of the horizon, tried until one can be stopped after
KNOT_GAP_S = 0.005  # knots of a message keep this distance
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
        collision: CollisionRule | None = None,
    ) -> None:
        self._limits = limits
        self._brake = brake
        self._position = position
        self._derivatives = derivatives
        self._config = config
        self._collision = collision
        self._room: FloatArray | None = None  # of what is committed
        self.settled: float  # until then the controller comes to where a plan may begin
        self._nearest = (config.first_point_s, NEAREST_S)
        self.plan: Trajectory | None
        self._origin: FloatArray  # where what is committed, or is to be, began
        # Of the plan, once there is one: when it is given up if it cannot be followed any further, and how.
        self._hopeless: float
        self._whole: bool
        self._giving_up: bool
        self._awaited: bool  # it begins once the controller has had its time
        self.settle(0.0, np.zeros(len(limits)))

    def settle(self, time: float, position: FloatArray, duration: float = 0.0) -> None:
        """Start from rest at ``position`` (J,); only when nothing is moving.

        duration: how long the controller is given to come there, wherever it is.
        """
        self.plan = None
        self.settled = time + duration
        times = np.array([time, time + duration] if duration else [time])
        self.committed = Trajectory(times, np.repeat(resting_state(position)[None], len(times), axis=0))
        self._origin = position

    @property
    def following(self) -> bool:
        """Whether there is a plan, and it is not being given up."""
        return self.plan is not None and not self._giving_up

    def moving(self, time: float) -> bool:
        """Whether something committed, or a plan, is still to be carried out at ``time``."""
        return self.plan is not None or (len(self.committed.times) > 1 and time < self.committed.end)

    def way_left(self, time: float) -> float:
        """How far the plan still goes from where it is at ``time`` [rad or m]; 0 without a plan."""
        if self.plan is None or self._giving_up:
            return 0.0
        rest = self.plan.states[self.plan.times > time, 0]
        return float(np.abs(rest - self.plan.state(time)[0]).max()) if len(rest) else 0.0

    def install(self, plan: Trajectory, time: float) -> None:
        """Follow ``plan`` from the next ``advance`` on; it begins at or after ``time`` with what is committed there."""
        if time < self.settled:
            self._begin(plan, plan.start)
            self._awaited = True
            return
        if plan.start > time + 1e-6:
            still = len(self.committed.times) == 1
            room = plan.room if still else _less(plan.room, self._room)
            plan = self.committed.part(time, plan.start).then(plan)
            plan.room = room
        self._begin(plan, time)

    def install_whole(self, motion: Trajectory) -> None:
        """Follow ``motion``: it is checked, begins now, is short and ends at rest, so that it can be sent as it is."""
        self._begin(motion, motion.start)
        self._whole = True

    def _begin(self, plan: Trajectory, time: float) -> None:
        self.plan, self._room = plan, plan.room
        self._origin = plan.states[0, 0]
        self._hopeless = time + self._config.horizon_s
        self._whole = self._giving_up = self._awaited = False

    def give_up(self) -> None:
        """From the next ``advance`` on, come to rest as soon as limits allow."""
        self._giving_up = self.plan is not None

    def advance(self, time: float) -> None:
        """Commit as much more of the plan as horizon and limits allow. What is committed is to be sent at once."""
        if self.plan is None:
            return
        if self._giving_up:
            self._stop(time)
        elif self._awaited:
            self._begin_awaited(self.plan, time)
        elif self._whole and time == self.plan.start:
            self.committed, self._hopeless = self.plan, self.plan.end
        elif time >= self.plan.end or time >= self._hopeless:
            self.plan = None
        elif self.plan is not self.committed:
            self._extend(self.plan, time)

    def _begin_awaited(self, plan: Trajectory, time: float) -> None:
        """Begin ``plan`` at the first tick after its controller had its time: a short one would be over before."""
        if time < plan.start:
            return
        begun = plan.retimed(plan.start, time, 1.0)
        begun.room = plan.room
        if time >= self._hopeless:
            self.plan = None
        else:
            self._begin(begun, time)
            self._extend(begun, time)

    def _extend(self, plan: Trajectory, time: float) -> None:
        """The furthest piece of ``plan`` that a stop can follow; when there is none, what was committed stands."""
        reach = min(self._config.horizon_s, plan.end - time)
        for nearest in self._nearest:
            for share in SHARES:
                candidate = self._along(plan, time, time + share * reach, nearest)
                if candidate is not None and self._stays_clear(candidate, plan):
                    self.committed, self._hopeless = candidate, candidate.end
                    return

    def _stop(self, time: float) -> None:
        self.plan = None
        if time < self.settled:
            return
        for start in np.arange(time, self.committed.end, BRAKE_STEP_S):
            candidate = self._with_tail(self.committed.part(time, float(start)))
            if candidate is not None and candidate.end < self.committed.end:
                self.committed = candidate
                break

    def message(self, time: float) -> Message | None:
        """What to publish at ``time``; None when it would break a limit, then what was published before stands.

        What is committed afterwards is what a controller makes of the message: knots that are too near to be sent
        are skipped, and the quintic across them is checked like any other.
        """
        if time >= self.committed.end:
            return Message(np.array([self._config.first_point_s]), resting_state(self.committed.states[-1, 0])[None])
        if time > self.committed.start:
            motion = self._without_near_knots(time)
            if motion is None:
                return None
            self.plan = motion if self.plan is self.committed else self.plan
            self.committed = motion
        return Message(self.committed.times[1:] - time, self.committed.states[1:])

    def _without_near_knots(self, time: float) -> Trajectory | None:
        """What is committed, from ``time`` on, without the knots that come too soon."""
        for nearest in self._nearest:
            motion = self._follow(self.committed, time, self.committed.end, nearest)
            if motion is not None and self._keeps_limits(motion):
                return motion
        return None

    def _along(self, plan: Trajectory, time: float, until: float, nearest: float) -> Trajectory | None:
        """From what is committed at ``time`` onto ``plan`` and along it to ``until``, and a stop there."""
        lead = self._follow(plan, time, until, nearest)
        if lead is None:
            return None
        if until >= plan.end and plan.ends_at_rest:
            return lead if self._keeps_limits(lead) else None
        return self._with_tail(lead)

    def _follow(self, motion: Trajectory, time: float, until: float, nearest: float) -> Trajectory | None:
        """From what is committed at ``time`` over the knots of ``motion`` to ``until``; None: that is too soon."""
        if until - time < NEAREST_S:
            return None
        inside = (motion.times > time + nearest) & (motion.times < until - KNOT_GAP_S)
        times = np.concatenate([[time], motion.times[inside], [until]])
        ends = [self.committed.state(time)[None], motion.states[inside], motion.state(until)[None]]
        return Trajectory(times, np.concatenate(ends))

    def _with_tail(self, lead: Trajectory) -> Trajectory | None:
        """``lead`` and a stop after it, when that keeps every limit."""
        for ramp in self._brake.ramps:
            (times,), (knots,) = self._brake.tails(np.array([lead.end]), lead.states[-1:], ramp)
            motion = lead.then(Trajectory(times, knots))
            if self._keeps_limits(motion):
                return motion
        return None

    def _stays_clear(self, candidate: Trajectory, plan: Trajectory) -> bool:
        """The plan and the stops from it were proven clear; this is one of them, but for the knots it skips."""
        rule = self._collision
        if rule is None or rule.near(candidate, plan):
            return True
        head = Trajectory(candidate.times[:2], candidate.states[:2])
        return rule.surely_clear(head) or rule.check(head) is None

    def _keeps_limits(self, motion: Trajectory) -> bool:
        """Coarse bounds first, which suffice nearly always; then tight ones."""
        if not motion.ends_at_rest or not np.isfinite(motion.states).all():
            return False
        bounds = extremes(motion.times, motion.states, fine=False)
        lower, upper = self._position.bounds(self._origin)
        if (
            (bounds.lower >= lower).all()
            and (bounds.upper <= upper).all()
            and (bounds.velocity <= self._limits.velocity).all()
            and (bounds.acceleration <= self._limits.acceleration).all()
            and (bounds.jerk <= self._limits.jerk).all()
        ):
            return True
        return self.judge(motion).decision is Decision.PASS

    def judge(self, motion: Trajectory) -> Verdict:
        """The motion rules' verdict on ``motion``."""
        return worst([self._position.check(motion), *(rule.check(motion) for rule in self._derivatives)])


def _less(one: FloatArray | None, other: FloatArray | None) -> FloatArray | None:
    return None if one is None or other is None else np.minimum(one, other)
