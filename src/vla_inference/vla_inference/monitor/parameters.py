"""Parameters of the safety monitor, and the gate they describe."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from vla_core.errors import LimitsError


@dataclass(frozen=True, slots=True)
class Spec:
    """One parameter: default, meaning with unit, and its range where it has one."""

    default: Any
    description: str
    low: float | None = None
    high: float | None = None


ARM_JOINTS = [f"joint{index}" for index in range(1, 8)]

SPECS: dict[str, Spec] = {
    "robot": Spec("arm", "'arm': joint trajectories; 'base': twists"),
    "joints": Spec(ARM_JOINTS, "joints of the arm, in the order of the robot's command"),
    "gripper_joint": Spec("finger_joint1", "commanded joint of the gripper; empty: none"),
    "robot_description": Spec("", "URDF; empty: taken from the latched topic robot_description"),
    "robot_description_timeout_s": Spec(10.0, "how long to wait for that topic [s]", 0.1, 120.0),
    "joint_limits_file": Spec(
        "package://vla_sim/urdf/joint_limits.yaml",
        "MoveIt-style acceleration and jerk limits; a path, or package://<name>/<path below its share>",
    ),
    "workspace_file": Spec(
        "",
        "enclosure, keep-out zones and links of the arm; a path or package:// as above; empty: nothing is checked for "
        "collisions",
    ),
    "workspace_override_file": Spec("", "the same form, may only take space away; empty: none"),
    "limits_override_file": Spec("", "the same form, may only tighten; empty: none"),
    "velocity_scale": Spec(1.0, "share of the velocity limits that is allowed, of arm or base (0, 1]", 0.01, 1.0),
    "command_topic": Spec("arm_controller/joint_trajectory", "where the arm's controller listens (JointTrajectory)"),
    "gripper_topic": Spec("gripper_controller/commands", "where the gripper's controller listens (Float64MultiArray)"),
    "twist_topic": Spec("cmd_vel", "where the base's controller listens"),
    "twist_stamped": Spec(True, "TwistStamped there; false: Twist"),
    "twist_frame": Spec("base_link", "frame of the base's velocities"),
    "rate_hz": Spec(100.0, "rate of the command stream [Hz]", 10.0, 500.0),
    "horizon_s": Spec(0.3, "how far a command follows the plan before its braking tail [s]", 0.05, 1.0),
    "first_point_s": Spec(0.08, "least distance of a command's first point, where limits allow [s]", 0.01, 0.3),
    "promised_stop_s": Spec(0.4, "promised time from a decision to rest, at full speed [s]", 0.05, 5.0),
    "brake_share": Spec(1.0, "share of the acceleration limits that a stop may use (0, 1]", 0.05, 1.0),
    "quiet_after_s": Spec(0.5, "how long the stream goes on after coming to rest [s]", 0.0, 60.0),
    "source_grace_s": Spec(0.2, "how long a commander keeps the gate after its plan [s]", 0.0, 10.0),
    "max_chunk_age_s": Spec(1.0, "oldest camera stamp of a chunk that is accepted [s]", 0.01, 10.0),
    "max_command_age_s": Spec(0.5, "oldest stamp of a joint or twist command; stamp 0 has no age [s]", 0.01, 10.0),
    "plan_timeout_s": Spec(0.5, "longest gap between fresh chunks in motion, at real-time factor 1 [s]", 0.02, 10.0),
    "min_speed_scale": Spec(0.2, "an unsure policy that asks for less speed than this is held (0, 1]", 0.001, 1.0),
    "resume_speed_scale": Spec(0.35, "and moves again when it asks for this much at least (0, 1]", 0.001, 1.0),
    "required_cameras": Spec([""], "cameras that each chunk must give evidence of"),
    "still_cameras": Spec([""], "fixed cameras without noise: their picture may stay the same while the robot moves"),
    "camera_stall_s": Spec(0.3, "how long a camera may send nothing new, at real-time factor 1 [s]", 0.02, 10.0),
    "camera_frozen_motion": Spec(0.02, "motion after which each picture must have changed [rad or m]", 0.001, 10.0),
    "max_joint_state_age_s": Spec(0.1, "longest gap between joint states, at real-time factor 1 [s]", 0.01, 5.0),
    "max_step": Spec(0.25, "furthest that a plan may be from the measured position now [rad or m]", 0.001, 3.0),
    "max_hold_error": Spec(0.05, "furthest that a controller not yet commanded lets the arm sag [rad or m]", 0.0, 0.5),
    "max_tracking_error": Spec(0.25, "furthest that the arm may be from its command [rad or m]", 0.001, 3.0),
    "tracking_patience_s": Spec(0.1, "how long a tracking error may last [s]", 0.0, 5.0),
    "effort_share": Spec(1.0, "share of the effort limits that a measured effort may reach (0, 1]", 0.01, 1.0),
    "effort_patience_s": Spec(0.2, "how long a measured effort may be above that [s]", 0.001, 5.0),
    "refusals_to_stop": Spec(10, "plans refused in a row for their content that latch a stop", 1, 1000),
    "recovery_per_s": Spec(1.0, "how fast the speed recovers after a plan was slowed [1/s]", 0.01, 100.0),
    "min_real_time_factor": Spec(0.5, "with use_sim_time: deadlines are stretched by its inverse", 0.01, 1.0),
    "clock_stall_s": Spec(0.15, "how long ROS time may stand still, at real-time factor 1 [s]", 0.02, 5.0),
    "clock_jump_s": Spec(0.5, "how far ROS time may leave the steady clock at once [s]", 0.05, 10.0),
    "max_linear": Spec(0.5, "base: linear speed [m/s]", 0.001, 50.0),
    "max_angular": Spec(1.5, "base: angular speed [rad/s]", 0.001, 50.0),
    "max_linear_acceleration": Spec(2.0, "base: linear acceleration [m/s^2]", 0.001, 100.0),
    "max_angular_acceleration": Spec(6.0, "base: angular acceleration [rad/s^2]", 0.001, 100.0),
    "max_linear_jerk": Spec(40.0, "base: linear jerk [m/s^3]", 0.01, 10000.0),
    "max_angular_jerk": Spec(120.0, "base: angular jerk [rad/s^3]", 0.01, 10000.0),
    "twist_axes": Spec(["linear.x", "angular.z"], "components that the base can follow; others must be zero"),
    "twist_timeout_s": Spec(0.3, "how long a twist command is good for [s]", 0.02, 5.0),
    "realtime_priority": Spec(10, "SCHED_FIFO priority, where the system allows it; 0: none", 0, 99),
    "nice": Spec(-10, "scheduling niceness where real time is not allowed; 0: leave it", -20, 19),
    "autostart": Spec(False, "configure and activate at start; still disarmed until vla/reset"),
}


def declare(node: Node) -> None:
    """Declare every parameter, read-only: a gate is not retuned in motion."""
    for name, spec in SPECS.items():
        descriptor = ParameterDescriptor(description=spec.description, read_only=True)
        if spec.low is not None and spec.high is not None:
            if isinstance(spec.default, int):
                descriptor.integer_range = [IntegerRange(from_value=int(spec.low), to_value=int(spec.high))]
            else:
                descriptor.floating_point_range = [FloatingPointRange(from_value=spec.low, to_value=spec.high)]
        node.declare_parameter(name, spec.default, descriptor)


def refuse_unknown(node: Node) -> None:
    """A misspelt limit must not silently be a default. Raises LimitsError with the valid names."""
    # rclpy keeps what it was given and did not need nowhere else.
    given: dict[str, object] = node._parameter_overrides
    known = {*SPECS, "use_sim_time", "start_type_description_service"}
    unknown = sorted(name for name in given if name not in known and not name.startswith("qos_overrides."))
    if unknown:
        near = {name: get_close_matches(name, SPECS, n=1) for name in unknown}
        hints = ", ".join(f"{name} (did you mean {match[0]}?)" if match else name for name, match in near.items())
        raise LimitsError(f"unknown parameters: {hints}; valid: {', '.join(sorted(SPECS))}")


def values(node: Node) -> dict[str, Any]:
    """Every parameter by name, and use_sim_time."""
    names = [*SPECS, "use_sim_time"]
    return {name: node.get_parameter(name).value for name in names}


def read_yaml(path: str) -> dict[str, Any]:
    """A YAML mapping. Raises LimitsError naming the file."""
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except (OSError, yaml.YAMLError) as error:
        raise LimitsError(f"cannot read {path!r}: {error}") from error
    if not isinstance(content, dict):
        raise LimitsError(f"{path!r} must be a mapping")
    return content
