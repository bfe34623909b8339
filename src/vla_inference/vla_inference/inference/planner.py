"""From a policy's chunk to the motion to send: resolve, then schedule."""

from __future__ import annotations

import logging
from typing import Protocol

import numpy as np

from vla_core.chunking import ChunkScheduler, Dropped, JointState
from vla_core.contract import Contract
from vla_core.limits import JointLimits
from vla_core.resolve import PoseSolver, resolve
from vla_core.types import ActionChunk, FloatArray, JointPlan, Observation, TwistPlan

# Beyond this distance between what was planned and what is measured, the plan is not what was executed: another
# commander moved the arm, or the gate refused. Well above the lag of a servo at full speed [rad or m].
_ASTRAY = 0.2
# At the start of an instruction the arm rests, and the plan may not begin with a jump.
_ASTRAY_AT_REST = 0.02

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
    """For a mobile base: each chunk is sent as it is, the newest replaces the last."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    def start_task(self) -> None:
        """Nothing is remembered."""

    def restart(self) -> None:
        """Nothing is remembered."""

    def plan(self, observation: Observation, chunk: ActionChunk, now_ns: int) -> JointPlan | TwistPlan | None:
        """See Planner."""
        plan = resolve(chunk, self._contract, observation.state, observation.t0_ns)
        end_ns = plan.t0_ns + round((float(plan.times_s[-1]) + self._contract.action.period_s) * 1e9)
        return plan if now_ns < end_ns else None


class JointPlanner:
    """For an arm: chunks become one smooth motion that goes on from what was executed.

    limits: of the arm joints, in the order of the resolved plans. gripper_limits: of the gripper joint, if any.
    """

    def __init__(
        self,
        contract: Contract,
        limits: JointLimits,
        gripper_limits: JointLimits | None = None,
        end_effector: PoseSolver | None = None,
    ) -> None:
        self._contract = contract
        self._end_effector = end_effector
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
            _log.info("chunk dropped: %s: %s", plan.reason, plan.detail)
            self._known = self._known and plan.reason != "clock_went_back"
            return None
        return plan

    def _follow_robot(self, observation: Observation, now_ns: int) -> None:
        """Bring the scheduler to where the arm is, when it is not where the scheduler thinks."""
        measured = observation.state[self._columns]
        if not self._known or self._is_astray(measured, observation.state_stamp_ns):
            gripper = None if self._gripper_column is None else float(observation.state[self._gripper_column])
            self._scheduler.reset(measured, now_ns, gripper)
        elif self._task_started:
            self._scheduler.forget()
        self._known, self._task_started = True, False

    def _is_astray(self, measured: FloatArray, stamp_ns: int) -> bool:
        planned: JointState = self._scheduler.executed(stamp_ns)
        at_rest = self._task_started and not planned.velocities.any()
        return bool(np.abs(planned.positions - measured).max() > (_ASTRAY_AT_REST if at_rest else _ASTRAY))
