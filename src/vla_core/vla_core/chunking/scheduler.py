"""Successive late chunks in, one smooth motion out.

Each chunk says where the arm shall be at ``t0 + times_s``. Actions that are already past are skipped by their stamps
alone, never by an estimate of the latency; the new motion leaves the one that was sent before at a knot that lies
slightly in the future, with its position, velocity and acceleration.
"""

from __future__ import annotations

import numpy as np

from vla_core.chunking.admission import Admission
from vla_core.chunking.config import NS_PER_S, Dropped, SchedulerConfig
from vla_core.chunking.ensemble import Member, ensemble, retimed_to_rest
from vla_core.chunking.envelope import Envelope
from vla_core.chunking.following import brake, follow, slowed
from vla_core.chunking.gripper import GripperTrack
from vla_core.chunking.publishing import check_plan, plan_of
from vla_core.chunking.smoothing import LENGTH_STEP, MIN_LENGTH, padded_length, smoothing_bank
from vla_core.chunking.spline import JointState, Motion, controls_at
from vla_core.errors import ActionError
from vla_core.limits import JointLimits
from vla_core.types import FloatArray, JointPlan, read_only

HISTORY_S = 1.0  # how far back the commanded motion is remembered
WARM_HORIZON_S = 1.5  # matrices for motions up to this length are computed at construction


class ChunkScheduler:
    """Turns resolved plans into the plan to publish. Not thread-safe; all instants are ROS time in ns.

    Args:
        limits: of the arm joints, in the order of the plans. Plans stay inside them with the margins of ``config``.
        config: see SchedulerConfig.
        gripper_limits: of the gripper joint; None leaves its set-points as the policy gives them.
    """

    def __init__(
        self,
        limits: JointLimits,
        config: SchedulerConfig | None = None,
        gripper_limits: JointLimits | None = None,
    ) -> None:
        self.limits = limits
        self.config = config = config or SchedulerConfig()
        self._envelope = Envelope(limits, config.knot_s, config.limit_fraction, config.position_margin)
        self._cruise = limits.velocity * config.cruise_fraction * config.knot_s  # [rad or m] a knot
        self._ratios = tuple(tau / config.knot_s for tau in config.smoothing_s)
        self._gripper = GripperTrack(gripper_limits, config.knot_s, config.limit_fraction)
        self._admission = Admission()
        self._members: list[Member] = []
        self._motion: Motion | None = None
        for intervals in range(MIN_LENGTH, padded_length(self._intervals(WARM_HORIZON_S)) + 1, LENGTH_STEP):
            smoothing_bank(intervals, self._ratios)

    # -- what is true of the robot ------------------------------------------------------------------------------------

    def reset(self, measured_positions: FloatArray, now_ns: int, gripper: float | None = None) -> None:
        """The arm is at rest at ``measured_positions`` (J,) [rad or m]; every chunk is forgotten.

        Call it before the first chunk and whenever the gate no longer executes what was published.

        Raises:
            ActionError: not one finite number for each joint.
        """
        still = np.zeros(len(self.limits))
        self.resume(JointState(np.asarray(measured_positions, dtype=np.float64), still, still), now_ns)
        self.forget()
        self._admission = Admission()
        self._gripper.reset(gripper, self._knot_before(now_ns))

    def resume(self, state: JointState, at_ns: int) -> None:
        """The arm was commanded to ``state`` at ``at_ns``, whatever was published; from there it brakes to rest.

        Chunks are kept. For a gate that stretched or cut a plan and is still moving.
        """
        for name in ("positions", "velocities", "accelerations"):
            values = getattr(state, name)
            if np.shape(values) != (len(self.limits),) or not np.isfinite(values).all():
                raise ActionError(f"{name} must be {len(self.limits)} finite numbers, one for each joint; got {values}")
        controls = controls_at(state, self.config.knot_s)
        if np.ptp(controls, axis=0).any():
            controls = brake(controls, self._envelope, self._intervals(self.config.max_horizon_s))
        self._motion = Motion(self.config.knot_ns, self._knot_before(at_ns) - 1, read_only(controls))

    def forget(self) -> None:
        """Discard all chunks: the instruction changed. The motion that was sent goes on until the next chunk."""
        self._members.clear()

    def executed(self, at_ns: int) -> JointState:
        """What was commanded for ``at_ns`` by the plans so far. Raises ActionError before the first ``reset``."""
        if self._motion is None:
            raise ActionError("the scheduler knows no state of the arm; call reset with the measured positions first")
        return self._motion.state(at_ns)

    # -- chunks in, plan out ------------------------------------------------------------------------------------------

    def add(self, plan: JointPlan, now_ns: int) -> JointPlan | Dropped:
        """The plan to publish now that ``plan`` is known, or why it is not used.

        The result keeps the plan's t0. Its points begin at the newest knot before ``now_ns`` with what was already
        sent, leave it at the splice, end at rest, and carry velocities and accelerations.

        Raises:
            ActionError: other joints than the limits have, wrong shapes, or a value that is not finite.
        """
        check_plan(plan, self.limits.joint_names)
        if self._motion is None:
            return Dropped("no_state", "no reset has told the measured state of the arm")
        member = Member.through(plan.t0_ns, plan.times_s, plan.positions, plan.velocities)
        splice = -(-(now_ns + round(self.config.splice_lead_s * NS_PER_S)) // self.config.knot_ns)
        end_ns = member.end_ns(self.config.max_horizon_s)
        dropped = self._admission.admit(plan.t0_ns, end_ns, now_ns, splice * self.config.knot_ns)
        if dropped is not None:
            return dropped
        self._remember(member, splice * self.config.knot_ns)
        return self._spliced(self._motion, plan, splice, end_ns, now_ns)

    def _spliced(self, motion: Motion, plan: JointPlan, splice: int, end_ns: int, now_ns: int) -> JointPlan:
        splice_ns, brake_s = splice * self.config.knot_ns, self.config.brake_s
        end_s = (end_ns - splice_ns) / NS_PER_S
        intervals = padded_length(max(self._intervals(end_s + brake_s), motion.last_knot - splice))
        instants_s = retimed_to_rest(np.arange(1.0, intervals + 1) * self.config.knot_s, end_s, brake_s)

        wish = ensemble(self._members, splice_ns, instants_s, self.config.ensemble_decay)
        wish = np.clip(wish, self._envelope.lower, self._envelope.upper)
        reference = slowed(motion.state(splice_ns).positions, wish, self._cruise, self._intervals(brake_s))
        bank = smoothing_bank(intervals, self._ratios)
        controls = follow(reference, motion.window(splice - 1, intervals + 3), bank, self._envelope)
        keep = self._knot_before(now_ns) - self._intervals(HISTORY_S)
        self._motion = motion = motion.spliced(splice, controls, keep)

        from_ns = max(self._knot_before(now_ns) * self.config.knot_ns, plan.t0_ns)
        return plan_of(motion, from_ns, plan, self._gripper_along(plan, splice, instants_s, self._knot_before(from_ns)))

    def _gripper_along(self, plan: JointPlan, splice: int, instants_s: FloatArray, first: int) -> FloatArray | None:
        """(K,) set-points at the knots from ``first`` to the end of the motion; None: the plan has no gripper."""
        if plan.gripper_positions is None:
            return None
        # Straight between waypoints: a cubic would overshoot the ends of the gripper's range.
        times_s = instants_s + (splice * self.config.knot_ns - plan.t0_ns) / NS_PER_S
        self._gripper.splice(splice, np.interp(times_s, plan.times_s, plan.gripper_positions), first)
        return self._gripper.window(first, splice + len(instants_s) - first + 1)

    def _remember(self, member: Member, splice_ns: int) -> None:
        alive = [m for m in self._members if m.end_ns(self.config.max_horizon_s) > splice_ns]
        most = self.config.max_members if self.config.mode == "ensemble" else 1
        self._members = [*alive, member][-most:]

    def _knot_before(self, at_ns: int) -> int:
        return at_ns // self.config.knot_ns

    def _intervals(self, duration_s: float) -> int:
        return max(0, -(-round(duration_s * NS_PER_S) // self.config.knot_ns))
