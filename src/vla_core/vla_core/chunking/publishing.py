"""Plans at the two ends of the scheduler: what may come in, and how a motion goes out."""

from __future__ import annotations

import numpy as np

from vla_core.chunking.config import NS_PER_S
from vla_core.chunking.spline import Motion, at_knots
from vla_core.errors import ActionError
from vla_core.types import FloatArray, JointPlan, TwistPlan, read_only


def check_plan(plan: JointPlan, joint_names: tuple[str, ...]) -> None:
    """Raises ActionError for other joints, wrong shapes, values that are not finite, or times that do not increase."""
    if plan.joint_names != joint_names:
        raise ActionError(f"plan is for joints {plan.joint_names}, the scheduler for {joint_names}")
    if (plan.gripper_joint is None) != (plan.gripper_positions is None):
        raise ActionError("gripper_joint and gripper_positions must be given together")
    shape = (len(plan.times_s), len(joint_names))
    _check_array("positions", plan.positions, shape)
    if plan.velocities is not None:
        _check_array("velocities", plan.velocities, shape)
    if plan.gripper_positions is not None:
        _check_array("gripper_positions", plan.gripper_positions, shape[:1])
    _check_times(plan.times_s)


def check_twist_plan(plan: TwistPlan, frame_id: str) -> None:
    """As ``check_plan``, for twists in ``frame_id``."""
    if plan.frame_id != frame_id:
        raise ActionError(f"plan is in frame {plan.frame_id!r}, the scheduler in {frame_id!r}")
    _check_array("twists", plan.twists, (len(plan.times_s), 6))
    _check_times(plan.times_s)


def _check_times(times_s: FloatArray) -> None:
    if len(times_s) == 0:
        raise ActionError("the plan has no actions; the policy must answer at least one")
    if not np.isfinite(times_s).all() or (np.diff(times_s) <= 0.0).any():
        raise ActionError(f"times_s must be finite and strictly increase, got {times_s}")


def _check_array(name: str, values: FloatArray, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise ActionError(f"{name} have shape {values.shape}, must be {shape}")
    if not np.isfinite(values).all():
        raise ActionError(f"{name} contain a value that is not finite; the policy's output must be numbers")


def plan_of(motion: Motion, from_ns: int, cause: JointPlan, gripper: FloatArray | None) -> JointPlan:
    """``motion`` from ``from_ns`` on to its end, stamped as ``cause``, for which it is published.

    from_ns: a knot, or the cause's t0 where that is later, since time_from_start cannot be negative.
    gripper: set-points at the knots from the one at or before ``from_ns`` on; None: no gripper.
    """
    first, last = from_ns // motion.knot_ns, motion.last_knot
    knots = at_knots(motion.window(first - 1, last - first + 3), motion.knot_ns / NS_PER_S)
    stamps_ns = np.arange(first, last + 1) * motion.knot_ns - cause.t0_ns
    if first * motion.knot_ns < from_ns:
        # Begin between two knots: what is left of a cubic piece is a cubic piece.
        stamps_ns[0] = from_ns - cause.t0_ns
        state = motion.state(from_ns)
        knots.positions[0], knots.velocities[0] = state.positions, state.velocities
        knots.accelerations[0] = state.accelerations
    return JointPlan(
        joint_names=cause.joint_names,
        t0_ns=cause.t0_ns,
        times_s=read_only(stamps_ns / NS_PER_S),
        positions=read_only(knots.positions),
        velocities=read_only(knots.velocities),
        accelerations=read_only(knots.accelerations),
        gripper_joint=cause.gripper_joint,
        gripper_positions=None if gripper is None else read_only(gripper),
    )
