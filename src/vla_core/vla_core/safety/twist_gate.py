"""The gate of a mobile base: twists in, twists with bounded acceleration out, zeros at the end, then silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import RLock

import numpy as np

from vla_core.errors import LimitsError
from vla_core.safety.clock import ClockConfig, Now, StreamClock
from vla_core.safety.decision import PASSED, Decision, Limit, Verdict, worst
from vla_core.safety.latch import Latch
from vla_core.safety.proposal import Trace
from vla_core.safety.rules.ages import ContentAgeRule
from vla_core.safety.rules.twist import TwistProposal, TwistShapeRule, TwistSpeedRule
from vla_core.safety.sources import SourceRule
from vla_core.safety.status import Status
from vla_core.types import FloatArray

_PARTS = (slice(0, 3), slice(3, 6))


@dataclass(frozen=True, slots=True)
class TwistConfig:
    """Limits of a base; checked as a whole when made.

    timeout_s: how long a twist is good for when nothing follows. zeros_s: how long zeros are sent before silence.
    """

    linear: Limit
    angular: Limit
    linear_acceleration: Limit
    angular_acceleration: Limit
    frame_id: str = "base_link"
    axes: Sequence[str] = ("linear.x", "angular.z")
    timeout_s: float = 0.3
    zeros_s: float = 0.5
    period_s: float = 0.01
    promised_stop_s: float = 0.4
    source_grace_s: float = 0.2
    refusals_to_stop: int = 10
    clock: ClockConfig = field(default_factory=ClockConfig)
    content_age: Limit = field(default_factory=lambda: Limit(1.0, "s", "older images show another scene"))

    def __post_init__(self) -> None:
        pairs = ((self.linear, self.linear_acceleration), (self.angular, self.angular_acceleration))
        for speed, power in pairs:
            total = self.period_s + speed.value / power.value
            if total > self.promised_stop_s:
                raise LimitsError(
                    f"the promised time to rest {self.promised_stop_s:.3f} s cannot be kept: reaction "
                    f"{self.period_s:.3f} s + {speed.value} {speed.unit} / {power.value} {power.unit} = {total:.3f} s; "
                    f"lower the speed to {(self.promised_stop_s - self.period_s) * power.value:.3f} {speed.unit}"
                )


@dataclass(frozen=True, slots=True)
class TwistCommand:
    """What to publish now. twist: (6,) [m/s, rad/s]. trace: set on the first command of a plan."""

    twist: FloatArray
    trace: Trace | None


class TwistGate:
    """Validates twists and streams them. Two threads share it, as with ArmGate."""

    def __init__(self, config: TwistConfig) -> None:
        self.config = config
        self.lock = RLock()
        self._clock = StreamClock(config.clock)
        self._latch = Latch()
        self._sources = SourceRule(config.source_grace_s)
        self._shape = TwistShapeRule(config.frame_id, config.axes)
        self._speed = TwistSpeedRule(config.linear, config.angular)
        self._age = ContentAgeRule(config.content_age)
        self._power = (config.linear_acceleration.value, config.angular_acceleration.value)
        self._fault: Verdict | None = None
        self._plan: tuple[FloatArray, FloatArray, float] | None = None  # stream times, twists, end
        self._twist: FloatArray = np.zeros(6)
        self._time = 0.0
        self._zeros_since: float | None = None
        self._scale = 1.0
        self._first: Trace | None = None
        self._armed_ros_ns = 0
        self._last_t0_ns: int | None = None

    def press(self, pressed: bool) -> None:
        """The operator's button on a topic."""
        with self.lock:
            self._latch.press(pressed)
            if pressed:
                self._give_up()

    def stop(self, verdict: Verdict) -> None:
        """Latch a stop and brake."""
        with self.lock:
            self._latch.stop(verdict)
            self._give_up()

    def reset(self, now: Now) -> str:
        """Arm, without any plan; returns why not, empty when armed."""
        with self.lock:
            if self._fault is not None:
                return f"{self._fault.reason}: {self._fault.detail}"
            if self._twist.any():
                return "the base is still coming to rest; try again"
            refused = self._latch.reset()
            if not refused:
                self._armed_ros_ns, self._last_t0_ns, self._scale = now.ros_ns, None, 1.0
                self._sources.release()
            return refused

    def disarm(self) -> None:
        """Brake, and accept nothing until the next reset."""
        with self.lock:
            self._latch.disarm()
            self._give_up()

    def submit(self, proposal: TwistProposal, now: Now) -> Verdict:
        """Judge ``proposal`` and follow it as far as it is good."""
        with self.lock:
            time = self._clock.ahead(now.steady_ns)
            verdict = self._judge(proposal, now, time)
            if proposal.t0_ns is not None and verdict.reason not in ("nonfinite", "chunk_future"):
                self._last_t0_ns = max(proposal.t0_ns, self._last_t0_ns or proposal.t0_ns)
            self._latch.decide(verdict, proposal.trace)
            if verdict.decision in (Decision.PASS, Decision.SLOW):
                self._follow(proposal, verdict, time)
            elif verdict.brakes:
                self._give_up()
            if self._latch.refusals >= self.config.refusals_to_stop:
                detail = f"{self._latch.refusals} twists in a row were refused: {verdict.detail}"
                self.stop(Verdict(Decision.STOP, verdict.rule, "repeated_refusals", detail))
            return verdict

    def refuse(self, verdict: Verdict, trace: Trace, now: Now) -> None:
        """Record the refusal of something that never became a proposal."""
        with self.lock:
            busy = self._sources.check(trace.source, self._clock.ahead(now.steady_ns))
            self._latch.decide(busy or verdict, trace)
            if busy is None:
                self._give_up()

    def tick(self, now: Now) -> TwistCommand | None:
        """One command period; None: nothing to publish."""
        with self.lock:
            self._fault = self._clock.advance(now)
            if self._fault is not None and self._latch.armed:
                if self._fault.decision is Decision.STOP:
                    self.stop(self._fault)
                else:
                    self._latch.note(self._fault)
                    self._give_up()
            return self._command(self._clock.time)

    def command(self, now: Now) -> TwistCommand | None:
        """What to publish at once, between ticks."""
        with self.lock:
            return self._command(self._clock.ahead(now.steady_ns))

    def moving(self, now: Now) -> bool:
        """Whether the base is not commanded to rest."""
        with self.lock:
            return bool(self._twist.any()) or self._plan is not None

    def status(self) -> Status:
        """Snapshot for the outside."""
        with self.lock:
            moving = bool(self._twist.any()) or self._plan is not None
            return self._latch.status(moving, self._plan is not None, self._scale)

    # --- inside, with the lock held

    def _judge(self, proposal: TwistProposal, now: Now, time: float) -> Verdict:
        if not self._latch.armed:
            reason = "stopped" if self._latch.stopped else "disarmed"
            return Verdict(Decision.HOLD, "operator", reason, f"the gate is {reason}; call vla/reset", brakes=False)
        busy = self._sources.check(proposal.trace.source, time)
        if busy is not None:
            return busy
        if proposal.t0_ns is not None:
            age = self._age.check(proposal.t0_ns, now.ros_ns, self._last_t0_ns, self._armed_ros_ns)
            if age is not None:
                return age
        if self._fault is not None:
            return replace(self._fault, brakes=False)  # the tick brakes for it; nothing is wrong with the plan
        refused = self._shape.check(proposal)
        if refused is not None:
            return refused
        asked = PASSED
        if proposal.speed_scale < 1.0:
            asked = Verdict(Decision.SLOW, "speed", "speed_scale", "the plan asks to go slower", proposal.speed_scale,
                            1.0, scale=proposal.speed_scale)  # fmt: skip
        return worst([asked, self._speed.check(proposal)])

    def _follow(self, proposal: TwistProposal, verdict: Verdict, time: float) -> None:
        start = time if proposal.t0_ns is None else self._clock.of_stamp(proposal.t0_ns)
        times = start + proposal.times_s
        self._scale = min(verdict.scale, proposal.speed_scale)
        end = max(times[-1], time) + self.config.timeout_s
        self._plan = (times, proposal.twists * self._scale, end)
        self._sources.take(proposal.trace.source, end)
        self._first = proposal.trace
        self._zeros_since = None

    def _command(self, time: float) -> TwistCommand | None:
        elapsed, self._time = max(time - self._time, 0.0), max(time, self._time)
        if self._plan is not None and time >= self._plan[2]:
            self._plan = None
        target = np.zeros(6)
        if self._plan is not None:
            times, twists, _ = self._plan
            target = np.array([np.interp(time, times, column) for column in twists.T])
        self._approach(target, min(elapsed, 2.0 * self.config.period_s))
        if self._plan is None and not self._twist.any():
            if self._zeros_since is None:
                return None
            if time - self._zeros_since > self.config.zeros_s:
                self._zeros_since = None
                return None
        else:
            self._zeros_since = time
        first, self._first = self._first, None
        return TwistCommand(self._twist.copy(), first)

    def _approach(self, target: FloatArray, elapsed: float) -> None:
        """Move towards ``target`` no faster than the accelerations allow."""
        for part, power in zip(_PARTS, self._power, strict=True):
            gap = target[part] - self._twist[part]
            size = float(np.linalg.norm(gap))
            step = power * elapsed
            self._twist[part] = target[part] if size <= step else self._twist[part] + gap * (step / size)

    def _give_up(self) -> None:
        self._plan = None
        self._first = None
        self._sources.shorten(self._clock.time)
