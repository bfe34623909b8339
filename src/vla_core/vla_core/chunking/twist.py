"""The scheduler for a base: successive late twist plans become one twist that never jumps and ends at zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vla_core.chunking.admission import Admission
from vla_core.chunking.config import NS_PER_S, Dropped, SchedulerConfig
from vla_core.chunking.ensemble import Member, ensemble
from vla_core.chunking.publishing import check_twist_plan
from vla_core.errors import ActionError, LimitsError
from vla_core.types import FloatArray, TwistPlan, read_only


@dataclass(frozen=True, slots=True)
class TwistLimits:
    """Magnitudes (6,): linear x, y, z, angular x, y, z. Zero velocity: the base cannot move that way.

    velocity: [m/s], [rad/s]. acceleration: [m/s^2], [rad/s^2], positive where velocity is.
    """

    velocity: FloatArray
    acceleration: FloatArray

    def __post_init__(self) -> None:
        for name in ("velocity", "acceleration"):
            values = read_only(getattr(self, name))
            if values.shape != (6,) or not np.isfinite(values).all() or (values < 0.0).any():
                raise LimitsError(f"{name} {values} must be six finite numbers, none negative")
            object.__setattr__(self, name, values)
        if ((self.velocity > 0.0) & (self.acceleration == 0.0)).any():
            raise LimitsError(f"acceleration {self.acceleration} must be positive where velocity {self.velocity} is")


class TwistScheduler:
    """As ChunkScheduler, for twists: continuous in velocity, inside ``limits``, ramping to zero after the last action.

    The last action holds for one period before the ramp.
    """

    def __init__(self, limits: TwistLimits, frame_id: str = "base_link", config: SchedulerConfig | None = None) -> None:
        self.limits = limits
        self.frame_id = frame_id
        self.config = config or SchedulerConfig()
        self._step = limits.acceleration * self.config.limit_fraction * self.config.knot_s
        self._most = limits.velocity * self.config.limit_fraction
        self._members: list[Member] = []
        self._admission = Admission()
        self._first = 0
        self._twists = np.zeros((1, 6))

    def reset(self, measured_twist: FloatArray, now_ns: int) -> None:
        """The base moves with ``measured_twist`` (6,) now; every chunk is forgotten."""
        twist = np.array(measured_twist, dtype=np.float64)
        if twist.shape != (6,) or not np.isfinite(twist).all():
            raise ActionError(f"measured_twist must be six finite numbers, got {measured_twist}")
        self.forget()
        self._admission = Admission()
        self._first = now_ns // self.config.knot_ns
        self._twists = self._ramped(twist, np.zeros((self._knots_to_stop(twist), 6)))

    def forget(self) -> None:
        """Discard all chunks: the instruction changed. What was sent goes on until the next chunk."""
        self._members.clear()

    def executed(self, at_ns: int) -> FloatArray:
        """(6,) what was commanded for ``at_ns``, straight between knots."""
        knot, rest_ns = divmod(at_ns, self.config.knot_ns)
        before, after = self._window(knot, 2)
        twist: FloatArray = before + (after - before) * (rest_ns / self.config.knot_ns)
        return twist

    def add(self, plan: TwistPlan, now_ns: int) -> TwistPlan | Dropped:
        """The plan to publish now that ``plan`` is known, or why it is not used. Raises ActionError."""
        check_twist_plan(plan, self.frame_id)
        member = Member.through(plan.t0_ns, plan.times_s, plan.twists)
        splice = -(-(now_ns + round(self.config.splice_lead_s * NS_PER_S)) // self.config.knot_ns)
        splice_ns = splice * self.config.knot_ns
        end_ns = self._end_ns(member)
        dropped = self._admission.admit(plan.t0_ns, end_ns, now_ns, splice_ns)
        if dropped is not None:
            return dropped
        alive = [m for m in self._members if self._end_ns(m) > splice_ns]
        self._members = [*alive, member][-(self.config.max_members if self.config.mode == "ensemble" else 1) :]
        first = max(now_ns, plan.t0_ns) // self.config.knot_ns
        self._splice(splice, (end_ns - splice_ns) / NS_PER_S, min(first, splice))
        return self._plan_from(max(first * self.config.knot_ns, plan.t0_ns), plan)

    def _splice(self, splice: int, end_s: float, keep: int) -> None:
        """Follow the members from the knot after ``splice`` until ``end_s``, then stop."""
        past = self._window(keep, splice - keep + 1)
        count = -(-end_s // self.config.knot_s) + self._knots_to_stop(past[-1])
        offsets_s = np.arange(1.0, count) * self.config.knot_s
        wish = ensemble(self._members, splice * self.config.knot_ns, offsets_s, self.config.ensemble_decay)
        wish = np.clip(wish, -self._most, self._most)
        wish[offsets_s > end_s] = 0.0
        self._first, self._twists = keep, np.vstack([past[:-1], self._ramped(past[-1], wish)])

    def _ramped(self, start: FloatArray, wish: FloatArray) -> FloatArray:
        """(n + 1, 6) from ``start`` (6,) along ``wish`` (n, 6) by the accelerations that are allowed."""
        step = np.where(self._most > 0.0, self._step, np.inf)
        twists = np.empty((len(wish) + 1, 6))
        twists[0] = here = start
        for index, target in enumerate(wish, start=1):
            here = here + np.clip(target - here, -step, step)
            twists[index] = here
        return twists

    def _plan_from(self, from_ns: int, cause: TwistPlan) -> TwistPlan:
        first, last = from_ns // self.config.knot_ns, self._first + len(self._twists) - 1
        stamps_ns = np.arange(first, last + 1) * self.config.knot_ns - cause.t0_ns
        twists = self._window(first, len(stamps_ns))
        stamps_ns[0], twists[0] = from_ns - cause.t0_ns, self.executed(from_ns)
        return TwistPlan(cause.frame_id, cause.t0_ns, read_only(stamps_ns / NS_PER_S), read_only(twists))

    def _end_ns(self, member: Member) -> int:
        end_ns = member.end_ns(self.config.max_horizon_s)
        return end_ns + round(member.period_s * NS_PER_S)

    def _knots_to_stop(self, twist: FloatArray) -> int:
        moving = self._most > 0.0
        steps = np.maximum(self._most, np.abs(twist))[moving] / self._step[moving]
        return int(np.ceil(steps.max(initial=0.0))) + 2

    def _window(self, first: int, count: int) -> FloatArray:
        """(count, 6) twists at knots ``first`` …: the first one before what is known, zero after it."""
        index = np.arange(first, first + count) - self._first
        twists = self._twists[np.clip(index, 0, len(self._twists) - 1)]
        twists[index >= len(self._twists)] = 0.0
        return twists
