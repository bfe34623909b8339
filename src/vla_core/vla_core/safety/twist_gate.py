"""The gate of a mobile base: twists in, jerk-limited twists out, zeros at the end, then silence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import RLock

import numpy as np

from vla_core.safety.clock import Now, StreamClock
from vla_core.safety.decision import PASSED, Decision, Verdict, worst
from vla_core.safety.latch import Latch
from vla_core.safety.places import Places
from vla_core.safety.proposal import Trace
from vla_core.safety.ramp import within
from vla_core.safety.rules.ages import FUTURE
from vla_core.safety.rules.twist import TwistProposal, TwistShapeRule, TwistSpeedRule
from vla_core.safety.sources import SourceRule
from vla_core.safety.status import Status
from vla_core.safety.supervision import PAST
from vla_core.safety.twist_config import TwistConfig
from vla_core.safety.upstream import Upstream
from vla_core.types import FloatArray


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
        self._upstream = Upstream(config.upstream, config.clock, FUTURE)
        self._ramps = config.ramps
        self._together = config.together
        self._fault: Verdict | None = None
        self._plan: tuple[FloatArray, FloatArray, float] | None = None  # stream times, twists, end
        self._twist: FloatArray = np.zeros(6)
        self._acceleration: FloatArray = np.zeros(6)
        self._way: FloatArray = np.zeros(2)  # commanded so far: linear [m], angular [rad]
        self._ways = Places(PAST * config.upstream.content_age.value)
        self._time = 0.0
        self._zeros_since: float | None = None
        self._scale = 1.0
        self._first: Trace | None = None

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
            self._clock.start(now)  # a plan may come before the first tick
            if self._fault is not None:
                return f"{self._fault.reason}: {self._fault.detail}"
            if self._rolls:
                return "the base is still coming to rest; try again"
            refused = self._latch.reset()
            if not refused:
                self._upstream.forget(now.ros_ns)
                self._scale = 1.0
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
            self._upstream.decided(proposal, verdict)
            self._latch.decide(verdict, proposal.trace)
            if verdict.decision in (Decision.PASS, Decision.SLOW):
                self._follow(proposal, verdict, now, time)
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
            time = self._clock.time
            verdict = self._fault or self._upstream.overdue(lambda: self._has_way(time), now.steady_ns, time)
            if verdict is not None and self._latch.armed:
                if verdict.decision is Decision.STOP:
                    self.stop(verdict)
                else:
                    self._latch.note(verdict)
                    self._give_up()
            command = self._command(time)
            self._ways.add(now.ros_ns, self._way.copy())
            return command

    def command(self, now: Now) -> TwistCommand | None:
        """What to publish at once, between ticks."""
        with self.lock:
            return self._command(self._clock.ahead(now.steady_ns))

    def moving(self, now: Now) -> bool:
        """Whether the base is not commanded to rest."""
        with self.lock:
            return self._rolls or self._plan is not None

    def status(self) -> Status:
        """Snapshot for the outside."""
        with self.lock:
            moving = self._rolls or self._plan is not None
            return self._latch.status(moving, self._plan is not None, self._scale)

    # --- inside, with the lock held

    def _judge(self, proposal: TwistProposal, now: Now, time: float) -> Verdict:
        if not self._latch.armed:
            return self._latch.refusal()
        busy = self._sources.check(proposal.trace.source, time)
        if busy is not None:
            return busy
        aged = self._upstream.aged(proposal, now)
        if aged is not None:
            return aged
        if self._fault is not None:
            return replace(self._fault, brakes=False)  # the tick brakes for it; nothing is wrong with the plan
        refused = self._upstream.judge(proposal, self._ways.at, now, time) or self._shape.check(proposal)
        if refused is not None:
            return refused
        asked = PASSED
        if proposal.speed_scale < 1.0:
            asked = Verdict(Decision.SLOW, "speed", "speed_scale", "the plan asks to go slower", proposal.speed_scale,
                            1.0, scale=proposal.speed_scale)  # fmt: skip
        return worst([asked, self._speed.check(proposal)])

    @property
    def _rolls(self) -> bool:
        return bool(self._twist.any() or self._acceleration.any())

    def _has_way(self, time: float) -> bool:
        """Whether the base is driven, now or later in the plan."""
        if self._plan is None:
            return False
        times, twists, _ = self._plan
        return self._rolls or bool(twists[times > time].any())

    def _follow(self, proposal: TwistProposal, verdict: Verdict, now: Now, time: float) -> None:
        # A twist command is for now, however long it took to come; its stamp only says how old it is.
        of_chunk = proposal.trace.of_chunk and proposal.t0_ns is not None
        start = self._clock.of_stamp(proposal.t0_ns or 0) if of_chunk else time
        times = start + proposal.times_s
        self._scale = min(verdict.scale, proposal.speed_scale)
        end = max(times[-1], time) + self.config.timeout_s
        self._plan = (times, proposal.twists * self._scale, end)
        self._sources.take(proposal.trace.source, end)
        self._upstream.installed(proposal.trace, now.steady_ns, time)
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
        if self._plan is None and not self._rolls:
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
        """Move towards ``target`` no faster than accelerations and jerks allow."""
        before = self._twist.copy()
        for axes, limit in self._together:
            pairs = zip(self._ramps[axes], self._twist[axes].tolist(), self._acceleration[axes].tolist(), strict=True)
            reach = np.array([ramp.reach(velocity, acceleration) for ramp, velocity, acceleration in pairs])
            target[axes] = within(target[axes], reach, limit)
        states = zip(self._ramps, self._twist.tolist(), self._acceleration.tolist(), target.tolist(), strict=True)
        for axis, (ramp, velocity, acceleration, wanted) in enumerate(states):
            if velocity != wanted or acceleration != 0.0:
                followed = ramp.follow(velocity, acceleration, wanted, elapsed)
                self._twist[axis], self._acceleration[axis] = followed
        mean = 0.5 * (before + self._twist)
        self._way += elapsed * np.array([np.linalg.norm(mean[:3]), np.linalg.norm(mean[3:])])

    def _give_up(self) -> None:
        self._plan = None
        self._first = None
        self._upstream.given_up()
        self._sources.shorten(self._clock.time)
