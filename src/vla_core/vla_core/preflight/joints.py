"""The contract's joints against the robot's: names, units, limits, and where the arm is now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from vla_core.contract.model import Contract
from vla_core.preflight.facts import RobotFacts
from vla_core.preflight.report import Finding, refuse, warn
from vla_core.urdf import MOVING_TYPES, UrdfJoint

_OTHER_ROBOT = "load a policy that was trained for this robot"


def check_joints(contract: Contract, robot: RobotFacts) -> Iterator[Finding]:
    """Names and units of state, action and gripper; the gripper's ends; frames of the action."""
    units = {dimension.name: dimension.unit for dimension in contract.state}
    gripper = contract.action.gripper
    if contract.action.space in ("joint_position", "joint_velocity"):
        units |= {dimension.name: dimension.unit.removesuffix("/s") for dimension in contract.action.dimensions}
    if gripper is not None:
        units[gripper.name] = gripper.unit
    if robot.joints is None:
        if units:
            yield refuse("robot description", "the robot has none", "publish its URDF on robot_description")
        return
    for name, unit in units.items():
        yield from _check_joint(name, unit, robot.joints)
    if gripper is not None and gripper.name in robot.joints:
        yield from _check_gripper(gripper.name, (gripper.open, gripper.closed), robot.joints[gripper.name])
    for what, link in (("frame", contract.action.frame), ("tip", contract.action.tip)):
        if link is not None and link not in robot.links:
            known = ", ".join(robot.links) or "(none)"
            yield refuse(f"action {what}", f"the robot has no link '{link}'; it has {known}", _OTHER_ROBOT)


def check_state(contract: Contract, robot: RobotFacts) -> Iterator[Finding]:
    """The live joint state: complete, finite, and inside the range that the policy was trained in."""
    if not contract.state:
        return
    if robot.state is None:
        yield refuse("joint state", "none has come", "start the robot's driver and check the topic joint_states")
        return
    for name in contract.state_names:
        if name not in robot.state:
            known = ", ".join(robot.state) or "(none)"
            yield refuse(f"joint {name}", f"is not in the joint state, which has {known}", "publish it with the others")
        elif not math.isfinite(robot.state[name]):
            yield refuse(f"joint {name}", f"its position is {robot.state[name]}", "repair its encoder or driver")
    yield from _check_training_range(contract, robot)


def _check_joint(name: str, unit: str, joints: Mapping[str, UrdfJoint]) -> Iterator[Finding]:
    joint = joints.get(name)
    subject = f"joint {name}"
    if joint is None:
        movable = ", ".join(one.name for one in joints.values() if one.kind in MOVING_TYPES) or "(none)"
        yield refuse(subject, f"the robot has no such joint; it has {movable}", _OTHER_ROBOT)
    elif joint.kind not in MOVING_TYPES:
        yield refuse(subject, f"is {joint.kind} on this robot and cannot move", _OTHER_ROBOT)
    elif joint.unit != unit:
        yield refuse(subject, f"is in {joint.unit} on this robot and in {unit} in the contract", _OTHER_ROBOT)


def _check_gripper(name: str, ends: tuple[float, float], joint: UrdfJoint) -> Iterator[Finding]:
    for end in ends:
        if (joint.lower is not None and end < joint.lower - 1e-6) or (
            joint.upper is not None and end > joint.upper + 1e-6
        ):
            difference = f"the contract moves it to {end:g}, its limits are {joint.lower} to {joint.upper} {joint.unit}"
            yield refuse(f"gripper {name}", difference, _OTHER_ROBOT)


def _check_training_range(contract: Contract, robot: RobotFacts) -> Iterator[Finding]:
    span = contract.state_range
    if span is None:
        yield warn(
            "state_range",
            "the contract does not state the training range, so that the live state cannot be compared",
            "export the policy with state_range",
        )
        return
    for dimension, low, high in zip(contract.state, span.min, span.max, strict=True):
        name, unit = dimension.name, dimension.unit
        joint = (robot.joints or {}).get(name)
        if joint is not None and _apart((low, high), joint):
            difference = f"was trained in {low:g} to {high:g} {unit}, all of it outside its limits"
            yield refuse(f"joint {name}", f"{difference} {joint.lower} to {joint.upper}", _OTHER_ROBOT)
        value = (robot.state or {}).get(name, math.nan)
        if math.isfinite(value) and not low - span.margin <= value <= high + span.margin:
            yield refuse(
                f"joint {name}",
                f"is at {value:.3f} {unit}, the policy was trained in {low:.3f} to {high:.3f} (margin {span.margin:g})",
                f"move it to {min(max(value, low), high):.3f} {unit} or further inside",
            )


def _apart(span: tuple[float, float], joint: UrdfJoint) -> bool:
    return (joint.lower is not None and span[1] < joint.lower) or (joint.upper is not None and span[0] > joint.upper)
