"""From what the arm is doing to what a plan wants, without a jump and inside every limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_core.safety.decision import Decision, Verdict, worst
from vla_core.safety.rules.collision import CollisionRule
from vla_core.safety.rules.derivative import DerivativeRule
from vla_core.safety.rules.position import PositionRule
from vla_core.safety.rules.stopping import StoppingRule
from vla_core.safety.trajectory import Trajectory
from vla_core.types import FloatArray

JOINS_S = (0.06, 0.1, 0.16, 0.25, 0.4)  # durations tried for the quintic onto the plan
EASINGS = (1.0, 0.8, 0.6, 0.4)  # further slowing tried when no join fits
SHORTEST_S = 1e-3  # less than this of a plan is not worth joining
KNOT_GAP_S = 5e-3  # knots of the plan nearer than this to the join are dropped
FAR_S = 0.4  # what comes too near only after so long is cut off: it is planned anew before it is reached
SLOWEST = 0.1  # below this a plan is not slowed but refused


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer: a verdict, and unless nothing of the plan is good, the motion with its time map.

    motion: in stream time, from the reference on.
    origin_s, start_s, scale: plan time ``origin_s`` comes at stream time ``start_s``, at ``scale`` of its speed.
    """

    verdict: Verdict
    motion: Trajectory | None = None
    origin_s: float = 0.0
    start_s: float = 0.0
    scale: float = 1.0


class Joiner:
    """Tries the mildest repair first."""

    def __init__(
        self,
        position: PositionRule,
        derivatives: Sequence[DerivativeRule],
        stopping: StoppingRule,
        collision: CollisionRule | None = None,
    ) -> None:
        self._position = position
        self._derivatives = derivatives
        self._stopping = stopping
        self._collision = collision

    def join(self, reference: FloatArray, start: float, plan: Trajectory, origin: float, asked: float) -> Joined:
        """Continue from ``reference`` (3, J) at stream time ``start`` with ``plan`` from its time ``origin`` on.

        asked: speed wanted, (0, 1]; the result may be slower.
        """
        rest: Trajectory | None = plan.part(origin, plan.end) if origin > plan.start else plan
        assert rest is not None
        position = self._position.check(rest)
        if position is not None:
            rest = _cut(rest, position.until_s)
        if rest is None or rest.end - origin <= SHORTEST_S:
            return Joined(position or _expired(origin - plan.end))
        paces = [rule.check(rest) for rule in self._derivatives]
        pace = worst(paces)
        scale = min([asked] + [verdict.scale for verdict in paces if verdict is not None])
        if asked < SLOWEST:
            return Joined(too_slow(asked))
        if scale < SLOWEST:
            return Joined(_refused(pace, f"{pace.detail}; it would need {scale:.3f} of its speed"))
        joined = self._fit(reference, start, rest, origin, scale)
        return _merge(joined, position, pace)

    def _fit(self, reference: FloatArray, start: float, plan: Trajectory, origin: float, scale: float) -> Joined:
        """The first pace and join that keep all limits; else the last failure."""
        failures: list[Joined] = []
        for easing in EASINGS:
            pace = scale * easing
            timed = plan.retimed(origin, start, pace)
            for motion in _joins(reference, start, timed):
                verdict = worst([rule.check(motion) for rule in self._derivatives])
                if verdict.decision is Decision.PASS:
                    verdict = worst([self._position.check(motion), self._stopping.check(motion)])
                near = self._near(motion) if verdict.decision is Decision.PASS else None
                answer = Joined(near or verdict, motion, origin, start, pace)
                if answer.verdict.decision is Decision.PASS:
                    return answer if easing == 1.0 else _slowed(answer, _best(failures).verdict)
                failures.append(answer)
                if near is not None and (near.until_s - start > FAR_S or self._on_its_way(motion)):
                    return self._truncated(answer)
                if near is not None:
                    break  # only a stop would come too near, and slower it is shorter; another way on hardly helps
        return self._truncated(_best(failures))

    def _near(self, motion: Trajectory) -> Verdict | None:
        """The dearest rule, for what keeps all others."""
        return None if self._collision is None else self._collision.check(motion)

    def _on_its_way(self, motion: Trajectory) -> bool:
        """Whether ``motion`` itself comes too near, not only a stop from it."""
        return self._collision is not None and self._collision.check(motion, tails=False) is not None

    def _truncated(self, failure: Joined) -> Joined:
        """What is good of a motion that is refused from some instant on, or nothing."""
        verdict = failure.verdict
        assert failure.motion is not None
        if verdict.decision is not Decision.HOLD:
            return Joined(_refused(verdict, f"no way onto the plan: {verdict.detail}"))
        motion = good_part(failure.motion, verdict, self._collision)
        return Joined(verdict, motion, failure.origin_s, failure.start_s, failure.scale)


def good_part(motion: Trajectory, verdict: Verdict, collision: CollisionRule | None) -> Trajectory | None:
    """What comes before ``verdict``, and before what ``collision``, the rule that is asked last, says of that."""
    part = _cut(motion, verdict.until_s)
    if part is None or collision is None or verdict.rule == collision.name:
        return part
    near = collision.check(part)
    return part if near is None else _cut(part, near.until_s)


def too_slow(asked: float) -> Verdict:
    """The refusal of a plan that asks for less than the slowest speed there is."""
    detail = f"the plan asks for {asked:.3g} of its speed; below {SLOWEST} it cannot be followed"
    return Verdict(Decision.HOLD, "speed", "speed_scale", detail, asked, SLOWEST)


def _joins(reference: FloatArray, start: float, timed: Trajectory) -> list[Trajectory]:
    """Motions that reach ``timed`` after one of the durations; from the first instant when they are the same motion."""
    motions = []
    first = timed.start - start  # 0 when the plan begins with the reference
    lengths = [max(first, JOINS_S[0]), *(first + join for join in JOINS_S)]
    for length in dict.fromkeys(min(length, timed.end - start) for length in lengths):
        onto = start + length
        rest = timed.part(onto, timed.end, gap=KNOT_GAP_S)
        times = np.concatenate([[start], rest.times])
        motions.append(Trajectory(times, np.concatenate([reference[None], rest.states])))
    return motions


def _cut(plan: Trajectory, until: float) -> Trajectory | None:
    """The plan up to ``until``, None when nothing is left."""
    return plan.part(plan.start, until) if until > plan.start else None


def _best(failures: list[Joined]) -> Joined:
    """The one that leaves most; only a HOLD leaves anything."""
    return max(failures, key=lambda failure: failure.verdict.until_s)


def _slowed(answer: Joined, cause: Verdict) -> Joined:
    slow = Verdict(Decision.SLOW, cause.rule, cause.reason, cause.detail, cause.value, cause.limit, scale=answer.scale)
    return Joined(slow, answer.motion, answer.origin_s, answer.start_s, answer.scale)


def _merge(joined: Joined, position: Verdict | None, pace: Verdict) -> Joined:
    verdict = worst([joined.verdict, position, pace])
    return Joined(verdict, joined.motion, joined.origin_s, joined.start_s, joined.scale)


def _refused(cause: Verdict, detail: str) -> Verdict:
    return Verdict(Decision.HOLD, cause.rule, cause.reason, detail, cause.value, cause.limit)


def _expired(late: float) -> Verdict:
    detail = f"the plan ended {max(late, 0.0):.3f} s ago; plan further ahead, or faster"
    return Verdict(Decision.HOLD, "content_age", "chunk_expired", detail, late, 0.0, brakes=False)
