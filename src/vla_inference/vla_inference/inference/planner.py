"""From a policy's chunk to the motion to send: resolve, then schedule."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import numpy as np

from vla_core.chunking import ChunkScheduler, Dropped, JointState, TwistLimits, TwistScheduler
from vla_core.contract import Contract
from vla_core.limits import JointLimits
from vla_core.resolve import PoseSolver, resolve
from vla_core.sync import order_joints
from vla_core.types import ActionChunk, FloatArray, JointPlan, Observation, TwistPlan
from vla_inference.inference.samples import JointSample

# Beyond this distance between what was planned and what is measured, the plan is not what was executed: another
# commander moved the arm, or the gate refused. Well above the lag of a servo at full speed [rad or m].
_ASTRAY = 0.2
# At the start of an instruction the arm rests, and the plan may not begin with a jump.
_ASTRAY_AT_REST = 0.02

# Slower than this is at rest [rad/s or m/s]; measured velocities are noisy.
_AT_REST = 0.02

_log = logging.getLogger(__name__)


class Planner(Protocol):
    """One per policy and robot; used by the inference thread alone."""

    def start_task(self) -> None:
        """A new instruction: what the last one wanted does not count any more."""
        ...

    def restart(self) -> None:
        """What was sent was not executed as it was sent."""
        ...

    def plan(self, observation: Observation, chunk: ActionChunk, now_ns: int) -> JointPlan | TwistPlan | None:
        """The motion to send, None when the chunk is of no use any more. ROS time.

        Raises:
            ActionError, KinematicsError: the chunk cannot be executed.
        """
        ...


class TwistPlanner:
    """For a mobile base: chunks become one velocity over time that does not jump and ends at zero.

    A base that was stopped, or not yet moved, is taken to stand still: its odometry is not among the policy's inputs,
    and the gate ramps from what it really does.
    """

    def __init__(self, contract: Contract, limits: TwistLimits) -> None:
        self._contract = contract
        self._scheduler = TwistScheduler(limits, contract.action.frame or "base_link")
        self._known = False

    def start_task(self) -> None:
        """See Planner."""
        self._scheduler.forget()

    def restart(self) -> None:
        """See Planner."""
        self._known = False

    def plan(self, observation: Observation, chunk: ActionChunk, now_ns: int) -> JointPlan | TwistPlan | None:
        """See Planner."""
        wanted = resolve(chunk, self._contract, observation.state, observation.t0_ns)
        if isinstance(wanted, JointPlan):
            raise ValueError("a twist planner got a contract for an arm")
        if not self._known:
            self._scheduler.reset(np.zeros(6), now_ns)
            self._known = True
        plan = self._scheduler.add(wanted, now_ns)
        if isinstance(plan, Dropped):
            self._known = not _told_to_reset(plan)
            return None
        return plan


class JointPlanner:
    """For an arm: chunks become one smooth motion that goes on from what was executed.

    limits: of the arm joints, in the order of the resolved plans. gripper_limits: of the gripper joint, if any.
    newest_joints: the newest joint state, for where the arm is when it is not where it was sent.
    """

    def __init__(
        self,
        contract: Contract,
        limits: JointLimits,
        newest_joints: Callable[[], JointSample | None],
        gripper_limits: JointLimits | None = None,
        end_effector: PoseSolver | None = None,
    ) -> None:
        self._contract = contract
        self._end_effector = end_effector
        self._joint_names = limits.joint_names
        self._newest_joints = newest_joints
        self._scheduler = ChunkScheduler(limits, gripper_limits=gripper_limits)
        self._columns = [contract.state_names.index(name) for name in limits.joint_names]
        gripper = contract.action.gripper
        with_gripper = gripper is not None and gripper.name in contract.state_names
        self._gripper_column = contract.state_names.index(gripper.name) if gripper and with_gripper else None
        self._known = False
        self._task_started = False

    def start_task(self) -> None:
        """See Planner."""
        self._task_started = True

    def restart(self) -> None:
        """See Planner."""
        self._known = False

    def plan(self, observation: Observation, chunk: ActionChunk, now_ns: int) -> JointPlan | TwistPlan | None:
        """See Planner."""
        wanted = resolve(chunk, self._contract, observation.state, observation.t0_ns, self._end_effector)
        if isinstance(wanted, TwistPlan):
            raise ValueError("a joint planner got a contract for a mobile base")
        self._follow_robot(observation, now_ns)
        plan = self._scheduler.add(wanted, now_ns)
        if isinstance(plan, Dropped):
            self._known = not _told_to_reset(plan)
            return None
        return plan

    def _follow_robot(self, observation: Observation, now_ns: int) -> None:
        """Bring the scheduler to where the arm is, when it is not where the scheduler thinks."""
        measured = observation.state[self._columns]
        if not self._known or self._is_astray(measured, observation.state_stamp_ns):
            gripper = None if self._gripper_column is None else float(observation.state[self._gripper_column])
            self._scheduler.reset(measured, now_ns, gripper)
            self._resume_in_motion(now_ns)
        elif self._task_started:
            self._scheduler.forget()
        self._known, self._task_started = True, False

    def _resume_in_motion(self, now_ns: int) -> None:
        """Where the arm still moves, as when the gate slowed it down or lets it brake, go on from there."""
        newest = self._newest_joints()
        if newest is None or len(newest.velocities) != len(newest.names):
            return
        if not np.isfinite(newest.velocities).all():
            return  # a driver that does not measure them says NaN
        velocities = order_joints(self._joint_names, newest.names, newest.velocities)
        if np.abs(velocities).max() > _AT_REST:
            positions = order_joints(self._joint_names, newest.names, newest.positions)
            self._scheduler.resume(JointState(positions, velocities, np.zeros(len(positions))), now_ns)

    def _is_astray(self, measured: FloatArray, stamp_ns: int) -> bool:
        planned: JointState = self._scheduler.executed(stamp_ns)
        at_rest = self._task_started and not planned.velocities.any()
        return bool(np.abs(planned.positions - measured).max() > (_ASTRAY_AT_REST if at_rest else _ASTRAY))


def _told_to_reset(dropped: Dropped) -> bool:
    """Log why a chunk is not used; True when the scheduler needs a reset before the next one."""
    _log.info("chunk dropped: %s: %s", dropped.reason, dropped.detail)
    return dropped.reason in ("no_state", "clock_went_back")
