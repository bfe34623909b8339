"""What an arm reports about itself, and whether it can be trusted to go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vla_core.safety.clock import Now
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import Limit, Verdict
from vla_core.safety.places import Places
from vla_core.safety.rules.ages import ReceiptAgeRule
from vla_core.safety.rules.effort import EffortRule
from vla_core.safety.rules.frozen import FrozenRule
from vla_core.safety.rules.tracking import TrackingRule
from vla_core.types import FloatArray, read_only

STILL = 0.05  # [rad/s or m/s], an arm faster than this is not at rest
SILENT_NS = 25_000_000  # two periods of joint states at 100 Hz, and their jitter
PAST = 1.5  # joint states are remembered for this much longer than images may be old


class Supervision:
    """Joint states: that they come, are finite and alive, follow the command, and push no harder than they may.

    position: (J,), newest that was finite, None before the first. grip: measured gripper [m], None: nobody measures it.
    places: where it was when images were taken. fault: why no plan may run now, None when nothing is wrong.
    """

    def __init__(self, config: GateConfig) -> None:
        limits, age = config.limits, config.joint_state_age
        scaled = Limit(config.clock.deadline(age.value), age.unit, age.reason)
        self._receipt = ReceiptAgeRule("joint_state", scaled)
        self._tracking = TrackingRule(limits.joint_names, config.tracking, config.tracking_patience)
        self._frozen = FrozenRule()
        self._effort_rule = EffortRule(limits.joint_names, limits.effort, config.effort_share, config.effort_patience)
        self.places = Places(PAST * config.upstream.content_age.value)
        self.position: FloatArray | None = None
        self.grip: float | None = None
        self.fault: Verdict | None = None
        self._velocity: FloatArray | None = None
        self._effort: FloatArray | None = None
        self._received_ns: int | None = None
        self._finite = True
        self._feels = False  # efforts have been reported

    def measure(
        self,
        position: FloatArray,
        velocity: FloatArray | None,
        grip: float | None,
        effort: FloatArray | None,
        now: Now,
    ) -> None:
        """A joint state, (J,) each. Positions or efforts that are not finite make it count as none received.

        A driver without force sensing says NaN for every effort; that is none reported, unless there were some before.
        """
        if effort is not None and not self._feels and np.isnan(effort).all():
            effort = None
        self._finite = bool(
            np.isfinite(position).all()
            and (grip is None or np.isfinite(grip))
            and (effort is None or np.isfinite(effort).all())
        )
        if not self._finite:
            return
        self.position = read_only(position)
        self._frozen.measure(self.position)
        self.places.add(now.ros_ns, self.position)
        self._velocity, self._effort = velocity, effort
        self._feels = self._feels or effort is not None
        self._received_ns = now.steady_ns
        if grip is not None:
            self.grip = grip

    @property
    def moves(self) -> bool:
        """Whether the arm is measured to move."""
        velocity = self._velocity
        return velocity is not None and bool((np.abs(velocity) > STILL).any())  # not of a maximum: NaN would hide

    def silent(self, now: Now) -> bool:
        """Whether joint states have stopped coming, if only for a moment."""
        return self._received_ns is not None and now.steady_ns - self._received_ns > SILENT_NS

    def overdue(self, now: Now) -> bool:
        """Whether joint states came, and have stopped."""
        return self._received_ns is not None and self._receipt.check(self._received_ns, now.steady_ns) is not None

    def unfit(self, now: Now) -> Verdict | None:
        """Why no plan may run at ``now``."""
        return self._receipt.check(self._received_ns, now.steady_ns) or self.fault

    def judge(self, clock_fault: Verdict | None, commanded: FloatArray | None, now: Now) -> Verdict | None:
        """Once a command period. ``commanded``: position (J,) it was sent to, None: nothing is being sent."""
        stale = self._receipt.check(self._received_ns, now.steady_ns)
        if stale is not None and not self._finite:
            detail = f"joint states are not finite: {stale.detail}"
            stale = replace(stale, reason="joint_state_nonfinite", detail=detail)
        pushes = None if self._effort is None else self._effort_rule.check(self._effort, now.steady_ns)
        self.fault = clock_fault or (stale if self.position is not None else None) or pushes
        if clock_fault is not None or stale is not None or pushes is not None:
            return clock_fault or stale or pushes
        if commanded is None or self.position is None:
            return None
        return self._frozen.check(commanded) or self._tracking.check(commanded, self.position, now.steady_ns)
