"""The gate of an arm: proposals in, decisions and messages out. ROS-free; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import RLock

import numpy as np

from vla_core.safety.checking import Checker, Prepared, Snapshot
from vla_core.safety.clock import Now, StreamClock
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import PASSED, Decision, Verdict
from vla_core.safety.grip import Grip
from vla_core.safety.latch import Latch, emergency
from vla_core.safety.lead import Lead
from vla_core.safety.proposal import Proposal, Trace
from vla_core.safety.rules.ages import LATER
from vla_core.safety.rules.dead_man import WAY
from vla_core.safety.sources import SourceRule
from vla_core.safety.status import Status
from vla_core.safety.stream import Message, Stream
from vla_core.safety.supervision import Supervision
from vla_core.safety.unheard import Unheard
from vla_core.safety.upstream import Upstream
from vla_core.types import FloatArray

# Position, velocity, acceleration: what is committed may shift this much while a plan is checked, because near knots
# are skipped. What is sent is checked again from where it really is.
SAME = np.array([1e-3, 2e-2, 2.0])


@dataclass(frozen=True, slots=True)
class Command:
    """What to publish now. gripper: set-point [m] or None. trace: set on the first command of a plan."""

    message: Message
    gripper: float | None
    trace: Trace | None


class ArmGate:
    """Validates whole plans and streams them with a braking tail always attached.

    Two threads share it: one proposes and measures, one ticks. ``check`` takes its time outside the lock.
    """

    def __init__(self, config: GateConfig) -> None:
        self.config = config
        self.lock = RLock()
        self._clock = StreamClock(config.clock)
        self._checker = Checker(config)
        self._stream = Stream(
            config.limits,
            config.brake,
            self._checker.position,
            self._checker.derivatives,
            config.stream,
            self._checker.collision,
        )
        self._grip = None if config.gripper is None else Grip(config.gripper)
        self._latch = Latch()
        self._sources = SourceRule(config.source_grace_s)
        self._robot = Supervision(config)
        self._unheard = Unheard()
        self._lead = Lead(config, self._checker, self._stream, self._robot)
        self._upstream = Upstream(config.upstream, config.clock, LATER)
        self._epoch = 0
        self._scale = 1.0
        self._scale_time = 0.0
        self._first: Trace | None = None
        self._rest_since: float | None = None
        self._grip_time = 0.0

    # --- what is measured, and what the operator wants

    def measure(
        self,
        position: FloatArray,
        velocity: FloatArray | None,
        gripper: float | None,
        now: Now,
        effort: FloatArray | None = None,
    ) -> None:
        """A joint state: (J,) in the configured order. Values that are not finite count as none received."""
        with self.lock:
            self._robot.measure(position, velocity, gripper, effort, now)

    def press(self, pressed: bool) -> None:
        """The operator's button on a topic."""
        with self.lock:
            self._latch.press(pressed)
            self._obey_latch()

    def stop(self, verdict: Verdict) -> None:
        """Latch a stop and brake."""
        with self.lock:
            self._latch.stop(verdict)
            self._obey_latch()

    def emergency_stop(self, cause: str) -> None:
        """Latch the operator's stop and brake."""
        self.stop(emergency(cause))

    def reset(self, now: Now) -> str:
        """Arm from rest, without any plan; returns why not, empty when armed."""
        with self.lock:
            self._clock.start(now)  # a plan may come before the first tick
            time = self._clock.ahead(now.steady_ns)
            cause = self._robot.unfit(now) or self._unheard.refusal()
            if cause is not None:
                return f"{cause.reason}: {cause.detail}"
            if self._stream.moving(time):
                return "the arm is still coming to rest; try again"
            if self._robot.moves:
                return "the arm is moving; let it come to rest first"
            refused = self._latch.reset()
            if not refused:
                self._lead.adopt(time)
                self._epoch += 1
                self._upstream.forget(now.ros_ns)
                self._scale, self._scale_time = 1.0, time
                self._sources.release()
                self._rest_since = None
            return refused

    def disarm(self) -> None:
        """Brake, and accept nothing until the next reset."""
        with self.lock:
            self._latch.disarm()
            self._give_up()

    # --- plans

    def check(self, proposal: Proposal, now: Now, lead_s: float) -> Prepared:
        """Judge ``proposal`` for a start ``lead_s`` from now. Moves nothing; then ``install`` it."""
        with self.lock:
            time = self._clock.ahead(now.steady_ns)
            refused = self._unfit(proposal, now, time)
            if refused is not None:
                return Prepared(proposal, refused, self._epoch)
            quiet = self._quiet(time)
            if quiet:
                self._lead.adopt(time)
            wait_s = self._lead.wait_s(time, quiet)
            start = time + lead_s + wait_s
            snapshot = Snapshot(
                self._epoch, self._stream.committed.state(start), start, self._robot.position, self._speed_allowed(time)
            )
        plan_zero = start if proposal.t0_ns is None else self._clock.of_stamp(proposal.t0_ns) + wait_s
        return self._checker.prepare(proposal, snapshot, plan_zero)

    def install(self, prepared: Prepared, now: Now) -> Verdict | None:
        """Carry the decision out; None when it came too late and ``check`` must be repeated with a longer lead."""
        with self.lock:
            time = self._clock.ahead(now.steady_ns)
            verdict = prepared.verdict
            if prepared.motion is not None and prepared.epoch != self._epoch:
                verdict = _superseded()
            elif prepared.motion is not None and not self._follow(prepared, now, time):
                return None
            trace = prepared.proposal.trace
            self._latch.decide(verdict, trace, followed=prepared.motion is not None)
            self._upstream.decided(prepared.proposal, verdict)
            if verdict.decision >= Decision.HOLD and verdict.brakes and prepared.motion is None:
                self._give_up()
            if self._latch.refusals >= self.config.refusals_to_stop:
                self.stop(_too_many(self._latch.refusals, verdict))
            return verdict

    def submit(self, proposal: Proposal, now: Now) -> Verdict:
        """Check and install at one instant."""
        with self.lock:
            if self._single(proposal, now):
                return PASSED
            verdict = self.install(self.check(proposal, now, 0.0), now)
            assert verdict is not None
            return verdict

    def _single(self, proposal: Proposal, now: Now) -> bool:
        """Follow a command of one point that passes as it is; False: nothing was done."""
        time = self._clock.ahead(now.steady_ns)
        if self._unfit(proposal, now, time) is not None or self._lead.wait_s(time, self._quiet(time)):
            return False
        reference = self._stream.committed.state(time)
        motion = self._checker.single(proposal, Snapshot(self._epoch, reference, time, None, 1.0))
        if motion is None:
            return False
        self._stream.install_whole(motion)
        self._sources.take(proposal.trace.source, motion.end)
        self._upstream.installed(proposal.trace, now.steady_ns, time)
        self._scale, self._scale_time, self._rest_since = 1.0, time, time
        self._latch.decide(PASSED, proposal.trace)
        return True

    def refuse(self, verdict: Verdict, trace: Trace, now: Now) -> Verdict:
        """Record the refusal of something that never became a proposal."""
        empty = np.zeros(0)
        proposal = Proposal(trace, (), empty, empty)
        with self.lock:
            busy = self._sources.check(trace.source, self._clock.ahead(now.steady_ns))
            answer = self.install(Prepared(proposal, busy or verdict, self._epoch), now)
        return answer or verdict

    # --- the stream

    def tick(self, now: Now) -> Command | None:
        """One command period: judge the robot, move on, say what to publish; None: nothing."""
        with self.lock:
            fault = self._clock.advance(now, self._robot.silent(now))
            time = self._clock.time
            self._judge(fault, now, time)
            if self._clock.stands:
                return None  # a stop begins when there is somebody to stop; what was sent ends at rest
            self._stream.advance(time)
            return self._command(time)

    def command(self, now: Now) -> Command | None:
        """What to publish at once, between ticks."""
        with self.lock:
            time = self._clock.ahead(now.steady_ns)
            self._stream.advance(time)
            return self._command(time)

    def moving(self, now: Now) -> bool:
        """Whether anything committed is still to be carried out."""
        with self.lock:
            return self._stream.moving(self._clock.ahead(now.steady_ns))

    def status(self) -> Status:
        """Snapshot for the outside."""
        with self.lock:
            moving = self._stream.moving(self._clock.time)
            return self._latch.status(moving, self._stream.following, self._scale)

    # --- inside, with the lock held

    def _unfit(self, proposal: Proposal, now: Now, time: float) -> Verdict | None:
        """Why no plan of this source may run now, whatever it says."""
        if not self._latch.armed:
            return self._latch.refusal()
        busy = self._sources.check(proposal.trace.source, time)
        if busy is not None:
            return busy
        aged = self._upstream.aged(proposal, now)
        if aged is not None:
            return aged
        fault = self._robot.unfit(now)
        if fault is not None:
            # The tick brakes for it. Nothing is wrong with the plan: it must not count among the refusals that latch.
            return replace(fault, brakes=False)
        elsewhere = self._unheard.refusal() or self._lead.refusal(time, self._quiet(time))
        return elsewhere or self._upstream.judge(proposal, self._robot.places.at, now, time)

    def _quiet(self, time: float) -> bool:
        """Whether nothing moves, and nothing is being published."""
        return self._rest_since is None and not self._stream.moving(time)

    def _follow(self, prepared: Prepared, now: Now, time: float) -> bool:
        """Install the motion, unless the arm has meanwhile gone past its start."""
        motion = prepared.motion
        assert motion is not None
        gap = np.abs(self._stream.committed.state(motion.start) - motion.states[0]).max(axis=1)
        if time > motion.start + 1e-6 or (gap > SAME).any():
            return False
        quiet = self._quiet(time)
        if self._lead.wait_s(time, quiet) > motion.start - time + 1e-6:
            return False
        if quiet:
            self._lead.before(motion.start, time)
        self._stream.install(motion, time)
        self._sources.take(prepared.proposal.trace.source, motion.end)
        self._upstream.installed(prepared.proposal.trace, now.steady_ns, time)
        self._scale, self._scale_time = prepared.scale, time
        self._first = prepared.proposal.trace
        self._rest_since = time
        if self._grip is not None and prepared.grip is not None:
            self._grip.install(*prepared.grip, self._robot.grip)
        return True

    def _judge(self, clock_fault: Verdict | None, now: Now, time: float) -> None:
        """Faults of clock, robot and planner."""
        if self._unheard.hear(self._robot.overdue(now), time):
            self._rest_since = None
        unknown = self._rest_since is None or self._unheard.mute
        commanded = None if unknown else self._stream.committed.state(time)[0]
        verdict = self._robot.judge(clock_fault, commanded, now)
        if not self._latch.armed:
            return
        if verdict is None:
            verdict = self._upstream.overdue(lambda: self._has_way(time), now.steady_ns, time)
        if verdict is None:
            return
        if verdict.decision is Decision.STOP:
            self.stop(verdict)
        else:
            self._latch.note(verdict)
            self._give_up()

    def _command(self, time: float) -> Command | None:
        # Commands between ticks take their part of the period, so that together they go no faster than one.
        elapsed, self._grip_time = max(time - self._grip_time, 0.0), max(time, self._grip_time)
        self._lead.begin(time)
        if not self._lead.in_time(time):
            self._rest_since = None
            self._latch.note(_late())
            self._give_up()
        moving = self._stream.moving(time)
        if moving:
            self._rest_since = time
        else:
            self._sources.shorten(time)
        if self._rest_since is None:
            return None
        if time - self._rest_since > self.config.quiet_after_s:
            self._rest_since = None
            return None
        message = None if self._unheard.mute else self._stream.message(time)
        if message is None:
            return None
        self._unheard.sent(float(message.times[-1]))
        gripper = None if self._grip is None else self._grip.advance(time, elapsed)
        self._lead.sent = True
        first, self._first = self._first, None
        return Command(message, gripper, first)

    def _has_way(self, time: float) -> bool:
        grip = 0.0 if self._grip is None else self._grip.way_left(time)
        return max(self._stream.way_left(time), grip) > WAY.value

    def _obey_latch(self) -> None:
        if self._latch.stopped:
            self._give_up()

    def _give_up(self) -> None:
        """Brake now and keep the grip; what was not begun is not begun."""
        self._epoch += 1
        self._lead.drop()
        self._stream.give_up()
        self._upstream.given_up()
        self._first = None
        if self._grip is not None:
            self._grip.freeze()

    def _speed_allowed(self, time: float) -> float:
        """Speed recovers gradually after a plan had to be slowed, so that it does not chatter."""
        return min(1.0, self._scale + self.config.recovery_per_s * max(time - self._scale_time, 0.0))


def _late() -> Verdict:
    detail = "the command period came too late to lead the controller to where the plan begins; plan again"
    return Verdict(Decision.HOLD, "step", "lead_late", detail, brakes=False)


def _superseded() -> Verdict:
    return Verdict(
        Decision.HOLD, "operator", "superseded", "the arm was braked while the plan was checked", brakes=False
    )


def _too_many(count: int, last: Verdict) -> Verdict:
    detail = f"{count} plans in a row were refused, the last for {last.reason}: {last.detail}"
    return Verdict(Decision.STOP, last.rule, "repeated_refusals", detail, float(count), float(count))
