"""The arm that the gate guards: URDF and limits from parameters and the latched description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.wait_for_message import wait_for_message
from std_msgs.msg import String

from vla_core.errors import LimitsError
from vla_core.limits import JointLimits, load_joint_limits
from vla_core.safety.clock import ClockConfig
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import Limit
from vla_core.safety.rules.evidence import EvidenceConfig
from vla_core.safety.stream import StreamConfig
from vla_core.safety.upstream import UpstreamConfig
from vla_core.safety.workspace.description import load_workspace
from vla_core.safety.workspace.model import CollisionModel
from vla_inference.monitor.parameters import read_yaml


def describe(node: Node, parameters: dict[str, Any]) -> str:
    """The URDF, from the parameter or the latched topic. Raises LimitsError when there is none."""
    if parameters["robot_description"]:
        return str(parameters["robot_description"])
    timeout = parameters["robot_description_timeout_s"]
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    found, message = wait_for_message(String, node, "robot_description", qos_profile=latched, time_to_wait=timeout)
    if not found or message is None:
        raise LimitsError(
            f"nothing on {node.resolve_topic_name('robot_description')!r} for {timeout} s; start the robot or the "
            "simulator, or set the parameter robot_description"
        )
    return str(message.data)


def resolve(uri: str, parameter: str = "joint_limits_file") -> Path:
    """A path, or package://<name>/<path below its share>; ``parameter``: where it was written."""
    if not uri.startswith("package://"):
        return Path(uri)
    package, _, path = uri.removeprefix("package://").partition("/")
    try:
        return Path(get_package_share_directory(package)) / path
    except PackageNotFoundError as error:
        raise LimitsError(f"{parameter}: package {package!r} is not installed; give a path instead") from error


def limits_of(urdf: str, joints: list[str], parameters: dict[str, Any]) -> JointLimits:
    """Limits of ``joints``, tightened by the override file and velocity_scale."""
    override_file = parameters["limits_override_file"]
    override = read_yaml(str(resolve(override_file))).get("joint_limits") if override_file else None
    limits = load_joint_limits(urdf, resolve(parameters["joint_limits_file"]), joints, override)
    scale = parameters["velocity_scale"]
    if scale < 1.0:
        slower = {name: {"max_velocity": float(v) * scale} for name, v in zip(joints, limits.velocity, strict=True)}
        limits = limits.tightened(slower, "velocity_scale")
    return limits


def collision_of(urdf: str, joints: list[str], parameters: dict[str, Any]) -> CollisionModel | None:
    """The arm in its workspace; None when no file is named. Raises LimitsError for a file that does not fit the arm."""
    file, override_file = parameters["workspace_file"], parameters["workspace_override_file"]
    if not file:
        if override_file:
            raise LimitsError("workspace_override_file tightens a workspace, and workspace_file names none; name one")
        return None
    workspace = load_workspace(resolve(file, "workspace_file"))
    if override_file:
        path = str(resolve(override_file, "workspace_override_file"))
        workspace = workspace.tightened(read_yaml(path), path)
    return CollisionModel(urdf, joints, workspace)


def clock_config(parameters: dict[str, Any]) -> ClockConfig:
    """Clock guard by parameters."""
    simulated = bool(parameters["use_sim_time"])
    return ClockConfig(
        simulated=simulated,
        min_rate=parameters["min_real_time_factor"] if simulated else 1.0,
        stall=Limit(parameters["clock_stall_s"], "s", "parameter clock_stall_s"),
        jump=Limit(parameters["clock_jump_s"], "s", "parameter clock_jump_s"),
    )


def upstream_config(parameters: dict[str, Any]) -> UpstreamConfig:
    """What is asked of a planner."""

    def limit(name: str, unit: str = "s") -> Limit:
        return Limit(parameters[name], unit, f"parameter {name}")

    least, resume = parameters["min_speed_scale"], parameters["resume_speed_scale"]
    return UpstreamConfig(
        content_age=limit("max_chunk_age_s"),
        command_age=limit("max_command_age_s"),
        plan_timeout=limit("plan_timeout_s"),
        min_speed_scale=least,
        resume_speed_scale=resume,
        evidence=EvidenceConfig(
            required=tuple(name for name in parameters["required_cameras"] if name),
            still=tuple(name for name in parameters["still_cameras"] if name),
            stall=limit("camera_stall_s"),
            motion=limit("camera_frozen_motion", "rad or m"),
        ),
    )


def gate_config(urdf: str, parameters: dict[str, Any]) -> GateConfig:
    """The whole gate. Raises LimitsError when limits are missing or the promise cannot be kept."""
    gripper = parameters["gripper_joint"]
    joints = list(parameters["joints"])
    return GateConfig(
        limits=limits_of(urdf, joints, parameters),
        collision=collision_of(urdf, joints, parameters),
        gripper=limits_of(urdf, [gripper], parameters | {"velocity_scale": 1.0}) if gripper else None,
        stream=StreamConfig(parameters["horizon_s"], parameters["first_point_s"]),
        clock=clock_config(parameters),
        brake_share=parameters["brake_share"],
        period_s=1.0 / parameters["rate_hz"],
        promised_stop_s=parameters["promised_stop_s"],
        quiet_after_s=parameters["quiet_after_s"],
        source_grace_s=parameters["source_grace_s"],
        refusals_to_stop=parameters["refusals_to_stop"],
        recovery_per_s=parameters["recovery_per_s"],
        upstream=upstream_config(parameters),
        joint_state_age=Limit(parameters["max_joint_state_age_s"], "s", "parameter max_joint_state_age_s"),
        step=Limit(parameters["max_step"], "rad or m", "parameter max_step"),
        tracking=Limit(parameters["max_tracking_error"], "rad or m", "parameter max_tracking_error"),
        tracking_patience=Limit(max(parameters["tracking_patience_s"], 1e-6), "s", "parameter tracking_patience_s"),
        effort_share=parameters["effort_share"],
        effort_patience=Limit(parameters["effort_patience_s"], "s", "parameter effort_patience_s"),
        hold_error=parameters["max_hold_error"],
    )
