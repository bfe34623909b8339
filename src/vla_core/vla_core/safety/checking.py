"""All content rules of an arm's plan, in their order, and the repair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vla_core.safety.config import GateConfig
from vla_core.safety.decision import PASSED, Decision, Verdict, worst
from vla_core.safety.joining import SLOWEST, Joined, Joiner, good_part, too_slow
from vla_core.safety.planning import plan_from, plan_of
from vla_core.safety.proposal import Proposal
from vla_core.safety.quintic import Box
from vla_core.safety.rules.acceleration import AccelerationRule
from vla_core.safety.rules.ages import LATER
from vla_core.safety.rules.collision import CollisionRule
from vla_core.safety.rules.dimensions import DimensionsRule
from vla_core.safety.rules.finite import FiniteRule
from vla_core.safety.rules.gripper import GripperRule
from vla_core.safety.rules.jerk import JerkRule
from vla_core.safety.rules.names import NamesRule
from vla_core.safety.rules.position import PositionRule
from vla_core.safety.rules.step import StepRule
from vla_core.safety.rules.stopping import StoppingRule
from vla_core.safety.rules.times import LENGTH, TimesRule
from vla_core.safety.rules.velocity import VelocityRule
from vla_core.safety.trajectory import Trajectory, resting_state
from vla_core.types import FloatArray

LOOK_BACK_S = 0.6  # how far a slowed arm may lag behind its plan and still continue where it is
NEARER = 0.5  # it does so when that halves the gap
SHORTEST_S = 0.01  # a motion shorter than a command period is no motion
LONGEST_S = LENGTH.value + LATER.value  # a plan may last so long and begin so late; to check more takes all memory
REPAIRS = 8  # slowing a command that starts in motion is not exact; this many rounds approach it


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a plan is checked against.

    reference: (3, J), what is committed for ``start`` (stream time). measured: (J,). speed: largest scale, (0, 1].
    """

    epoch: int
    reference: FloatArray
    start: float
    measured: FloatArray | None
    speed: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """A checked proposal. motion: in stream time, None when nothing of it runs. grip: stream times and positions."""

    proposal: Proposal
    verdict: Verdict
    epoch: int
    motion: Trajectory | None = None
    scale: float = 1.0
    grip: tuple[FloatArray, FloatArray] | None = None


class Checker:
    """The rules of one arm. Stateless: safe to use while the stream runs."""

    def __init__(self, config: GateConfig) -> None:
        limits = config.limits
        names = limits.joint_names
        gripper = None if config.gripper is None else config.gripper.joint_names[0]
        self._joints, self._gripper_joint = names, gripper
        self._shape_rules = (FiniteRule(), DimensionsRule(), TimesRule(), NamesRule(names, gripper))
        self._gripper = None if config.gripper is None else GripperRule(config.gripper)
        self._step = StepRule(names, config.step)
        self.position = PositionRule(limits)
        self.derivatives = (
            VelocityRule(names, limits.velocity),
            AccelerationRule(names, limits.acceleration),
            JerkRule(names, limits.jerk),
        )
        self._stopping = StoppingRule(limits, config.brake)
        self.collision = None if config.collision is None else CollisionRule(config.collision, config.brake)
        self._joiner = Joiner(self.position, self.derivatives, self._stopping, self.collision)
        self._limits = limits
        self._short_s = min(config.promised_stop_s - config.period_s, config.stream.horizon_s)
        self._single_shape = (1, len(names))
        self._box = Box.of(limits.lower, limits.upper, limits.velocity, limits.acceleration, limits.jerk)

    def prepare(self, proposal: Proposal, snapshot: Snapshot, plan_zero: float) -> Prepared:
        """Judge and repair; ``plan_zero``: stream time that the proposal's times count from."""
        if self._gripper_joint is not None and proposal.gripper_joint is None:
            proposal = proposal.without_gripper_column(self._gripper_joint)
        for rule in self._shape_rules:
            verdict = rule.check(proposal)
            if verdict is not None:
                return Prepared(proposal, verdict, snapshot.epoch)
        proposal = proposal.columns(self._joints)
        if self._gripper is not None and proposal.gripper_positions is not None:
            verdict = self._gripper.check(proposal.gripper_positions)
            if verdict is not None:
                return Prepared(proposal, verdict, snapshot.epoch)
        if proposal.t0_ns is None or not proposal.trace.of_chunk:
            joined = self._command(proposal, snapshot, plan_zero)
        else:
            joined = self._chunk(proposal, snapshot, plan_zero)
        return Prepared(
            proposal, joined.verdict, snapshot.epoch, joined.motion, joined.scale, self._grip(proposal, joined)
        )

    def single(self, proposal: Proposal, snapshot: Snapshot) -> Trajectory | None:
        """The motion of a command of one point that needs no repair: from the reference to rest at the point.

        The shortest way through the same rules, for a commander in a loop. None: take the long way, which also says
        what is wrong.
        """
        if proposal.joint_names != self._joints or proposal.positions.shape != self._single_shape:
            return None
        if proposal.t0_ns is not None or proposal.velocities is not None or proposal.gripper_positions is not None:
            return None
        duration = float(proposal.times_s[0])
        if not SHORTEST_S <= duration <= self._short_s or proposal.speed_scale != 1.0:
            return None
        ends = np.zeros((6, len(self._joints)))
        ends[:3] = snapshot.reference
        ends[3] = proposal.positions[0]  # a value that is not finite fails every comparison in the box
        states = ends.copy()
        ends[1] *= duration
        ends[2] *= duration * duration
        if not self._box.holds(ends, duration):
            return None
        times = np.array([snapshot.start, snapshot.start + duration])
        motion = Trajectory(times, states.reshape(2, 3, -1))
        clear = self.collision is None or self.collision.surely_clear(motion) or self.collision.check(motion) is None
        return motion if clear else None

    def _chunk(self, proposal: Proposal, snapshot: Snapshot, plan_zero: float) -> Joined:
        """A plan stamped by its observation: joined where it is due now, or where the arm is along it."""
        plan = plan_of(proposal)
        due = snapshot.start - plan_zero
        origin = self._along(plan, due, snapshot)
        if snapshot.measured is not None and plan.start <= origin <= plan.end:
            step = self._step.check(plan.state(origin)[0], snapshot.measured)
            if step is not None:
                return Joined(step)
        asked = min(proposal.speed_scale, snapshot.speed)
        joined = self._joiner.join(snapshot.reference, snapshot.start, plan, origin, asked)
        if joined.verdict.decision is Decision.PASS and joined.scale < 1.0:
            return Joined(_asked(proposal, joined.scale), joined.motion, joined.origin_s, joined.start_s, joined.scale)
        return joined

    def _along(self, plan: Trajectory, due: float, snapshot: Snapshot) -> float:
        """Plan time to continue at: ``due``, or earlier where the arm really is when it has been slowed or held."""
        first = max(plan.start, due - LOOK_BACK_S)
        if due <= first or due >= plan.end:
            return due
        times = np.linspace(first, due, 16)
        gaps = np.abs(plan.sample(times)[:, 0] - snapshot.reference[0]).max(axis=1)
        best = int(np.argmin(gaps))
        return float(times[best]) if gaps[best] < NEARER * gaps[-1] and gaps[-1] > 0.02 else due

    def _command(self, proposal: Proposal, snapshot: Snapshot, plan_zero: float) -> Joined:
        """A command that counts from now: from the reference through its points, slower where it must be."""
        shift = plan_zero - snapshot.start
        times = proposal.times_s + shift if shift else proposal.times_s
        if times[-1] <= 1e-3 and shift < 0.0:
            return Joined(_past(-float(times[-1])))
        if times[-1] <= 1e-3:
            times = times.copy()
            times[-1] = self.soonest(snapshot.reference[0], proposal.positions[-1])
        scale, cause = proposal.speed_scale, PASSED
        if scale < SLOWEST:
            return Joined(too_slow(scale))
        for _ in range(REPAIRS):
            motion = plan_from(proposal, times, snapshot.reference, scale, snapshot.start)
            slow = [rule.check(motion) for rule in self.derivatives]
            verdict = worst(slow)
            if verdict.decision is Decision.PASS:
                break
            cause = verdict if cause is PASSED else cause
            scale *= min(0.98, *(v.scale for v in slow if v is not None))
            if scale < SLOWEST:
                break
        if verdict.decision is not Decision.PASS:
            return Joined(Verdict(Decision.HOLD, cause.rule, cause.reason, cause.detail, cause.value, cause.limit))
        if motion.end - motion.start > LONGEST_S:
            return Joined(_too_long(motion.end - motion.start))
        final = self._places(motion)
        if final is not None:
            return Joined(final, good_part(motion, final, self.collision), 0.0, snapshot.start, scale)
        if scale < 1.0:
            cause = _asked(proposal, scale) if cause is PASSED else _slow(cause, scale)
        return Joined(cause, motion, 0.0, snapshot.start, scale)

    def _places(self, motion: Trajectory) -> Verdict | None:
        position = self.position.check(motion)
        if position is not None:
            return position
        # A short motion comes to rest by itself before a stop would have to.
        short = motion.end - motion.start <= self._short_s and motion.ends_at_rest
        stopping = None if short else self._stopping.check(motion)
        if stopping is not None or self.collision is None:
            return stopping
        return self.collision.check(motion)

    def clear(self, start: FloatArray, target: FloatArray, duration: float) -> bool:
        """Whether the way from rest to rest, (J,) each, comes near nothing."""
        ends = np.stack([resting_state(start), resting_state(target)])
        motion = Trajectory(np.array([0.0, duration]), ends)
        return self.collision is None or self.collision.check(motion, tails=False) is None

    def soonest(self, start: FloatArray, target: FloatArray) -> float:
        """The duration of a quintic from rest to rest at the limits [s]; ``start``, ``target``: (J,)."""
        way = np.abs(target - start)
        limits = self._limits
        each = np.maximum(1.875 * way / limits.velocity, np.sqrt(5.7735 * way / limits.acceleration))
        return max(0.02, float(np.maximum(each, np.cbrt(60.0 * way / limits.jerk)).max()) * 1.01)

    @staticmethod
    def _grip(proposal: Proposal, joined: Joined) -> tuple[FloatArray, FloatArray] | None:
        if proposal.gripper_positions is None or joined.motion is None:
            return None
        times = joined.start_s + (proposal.times_s - joined.origin_s) / joined.scale
        return times, proposal.gripper_positions


def _asked(proposal: Proposal, scale: float) -> Verdict:
    asked = proposal.speed_scale <= scale + 1e-9
    reason = "speed_scale" if asked else "speed_recovery"
    detail = "the plan asks to go slower" if asked else "speed recovers after a plan had to be slowed"
    return Verdict(Decision.SLOW, "speed", reason, detail, scale, 1.0, scale=scale)


def _slow(cause: Verdict, scale: float) -> Verdict:
    return Verdict(Decision.SLOW, cause.rule, cause.reason, cause.detail, cause.value, cause.limit, scale=scale)


def _past(late: float) -> Verdict:
    detail = f"the last point was due {late:.3f} s ago; stamp the command 0 to start now"
    return Verdict(Decision.HOLD, "times", "command_past", detail, late, 0.0, brakes=False)


def _too_long(length: float) -> Verdict:
    detail = f"the motion would last {length:.1f} s; stamp the command 0 to start now, or ask for less"
    return Verdict(Decision.HOLD, "times", "times_order", detail, length, LONGEST_S)
