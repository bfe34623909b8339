"""The planner that a contract and a robot ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vla_core.chunking import TwistLimits
from vla_core.contract import Contract
from vla_core.errors import PreflightError
from vla_core.limits import JointLimits, load_joint_limits
from vla_core.resolve import TWIST_AXES, PoseSolver
from vla_inference.inference.parameters import BaseLimits
from vla_inference.inference.planner import JointPlanner, Planner, TwistPlanner
from vla_inference.inference.samples import JointSample


@dataclass(frozen=True, slots=True)
class RobotModel:
    """urdf, joint_limits_file: None only where no joints are moved."""

    urdf: str | None
    joint_limits_file: Path | None
    base: BaseLimits


def moves_joints(contract: Contract) -> bool:
    """Whether the policy commands joints, and so needs to know the robot's limits."""
    return contract.action.space != "base_twist"


def make_planner(contract: Contract, robot: RobotModel, newest_joints: Callable[[], JointSample | None]) -> Planner:
    """newest_joints: see JointPlanner.

    Raises:
        LimitsError: the robot's limits are incomplete, or it has no such joint.
        KinematicsError: the URDF does not reach the tip.
        PreflightError: an end-effector policy whose state has no joints.
    """
    if not moves_joints(contract):
        return TwistPlanner(contract, _twist_limits(contract, robot.base))
    urdf, limits_file = robot.urdf, robot.joint_limits_file
    if urdf is None or limits_file is None:
        raise ValueError("a policy that moves joints needs URDF and joint limits")
    limits = load_joint_limits(urdf, limits_file, arm_joints(contract))
    gripper = contract.action.gripper
    gripper_limits = None if gripper is None else load_joint_limits(urdf, limits_file, [gripper.name])
    return JointPlanner(contract, limits, newest_joints, gripper_limits, _end_effector(contract, urdf, limits))


def _twist_limits(contract: Contract, base: BaseLimits) -> TwistLimits:
    """Zero for every component that the contract does not name: the base cannot move that way."""
    velocity, acceleration = np.zeros(6), np.zeros(6)
    for name in contract.action.names:
        axis = TWIST_AXES.index(name)
        linear = name.startswith("linear")
        velocity[axis] = base.linear if linear else base.angular
        acceleration[axis] = base.linear_acceleration if linear else base.angular_acceleration
    return TwistLimits(velocity, acceleration)


def arm_joints(contract: Contract) -> tuple[str, ...]:
    """The joints that plans are about, without the gripper.

    Raises:
        PreflightError: an end-effector policy whose state has no joints.
    """
    if contract.action.space != "ee_pose_delta":
        return contract.action.names
    gripper = contract.action.gripper
    joints = tuple(name for name in contract.state_names if gripper is None or name != gripper.name)
    if not joints:
        raise PreflightError(
            f"{contract.policy_id} moves the end effector, but its state names no joints to move; add them to 'state'"
        )
    return joints


def _end_effector(contract: Contract, urdf: str, limits: JointLimits) -> PoseSolver | None:
    spec = contract.action
    if spec.space != "ee_pose_delta" or spec.tip is None:
        return None
    # Loaded only where it is needed: Pinocchio takes half a second to load.
    from vla_core.kinematics import DifferentialIk, EndEffector, RobotKinematics

    return EndEffector(DifferentialIk(RobotKinematics(urdf, limits.joint_names), limits, spec.tip))
