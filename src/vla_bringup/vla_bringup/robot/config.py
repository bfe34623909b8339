"""A robot's parameter file through the nodes' own declarations: names, types and ranges are checked by them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.exceptions import InvalidTopicNameException, ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.validate_topic_name import validate_topic_name

from vla_bringup.errors import RobotConfigError
from vla_bringup.graph.session import Session
from vla_bringup.robot.parameter_file import parameters_of
from vla_core.errors import VlaError
from vla_inference.inference.parameters import (
    InferenceParameters,
    declare_parameters,
    read_parameters,
    refuse_unknown_parameters,
)
from vla_inference.monitor import parameters as monitor_parameters

_RULE = re.compile(r"[~/\w]+:=[~/\w]+")


@dataclass(frozen=True, slots=True)
class RobotConfig:
    """What both nodes would be told.

    monitor: its parameters by name. inference: of inference_node.
    monitor_node, inference_node: stand-ins that resolve names as those would, remappings applied.
    """

    monitor: dict[str, Any]
    inference: InferenceParameters
    monitor_node: Node
    inference_node: Node

    @property
    def is_arm(self) -> bool:
        """Joint trajectories; else twists."""
        return bool(self.monitor["robot"] == "arm")

    @property
    def joints(self) -> list[str]:
        """Of the arm, in the order of its command."""
        return list(self.monitor["joints"])

    @property
    def gripper(self) -> str:
        """Empty: none."""
        return str(self.monitor["gripper_joint"])


def load_robot_config(ros: Session, path: Path, namespace: str, remappings: list[str]) -> RobotConfig:
    """``path`` as the two nodes would read it.

    Raises:
        RobotConfigError: the file, a name, a type or a range is wrong.
    """
    for rule in remappings:
        if not _RULE.fullmatch(rule):
            raise RobotConfigError(f"--remap {rule!r} is no rule; write FROM:=TO, e.g. joint_states:=ur/joint_states")
    monitor = parameters_of(path, "safety_monitor", namespace)
    if monitor is None:
        raise RobotConfigError(
            f"{path}: no section for safety_monitor; write /**/safety_monitor: with ros__parameters below it"
        )
    inference = parameters_of(path, "inference_node", namespace)
    arguments = ["--ros-args", *(word for rule in remappings for word in ("-r", rule))]
    options: dict[str, Any] = {"namespace": namespace, "cli_args": arguments, "use_global_arguments": False}
    try:
        gate = ros.make_node("vla_check_gate", parameter_overrides=_overrides(monitor), **options)
        monitor_parameters.declare(gate)
        monitor_parameters.refuse_unknown(gate)
        no_cameras = [Parameter("cameras", Parameter.Type.STRING_ARRAY, [])]
        overrides = _overrides(inference) if inference is not None else no_cameras
        eyes = ros.make_node("vla_check_eyes", parameter_overrides=overrides, **options)
        declare_parameters(eyes)
        parameters = read_parameters(eyes)
        refuse_unknown_parameters(eyes)
        for topic in ("command_topic", "gripper_topic", "twist_topic"):
            validate_topic_name(gate.get_parameter(topic).value)
    except (ParameterException, InvalidTopicNameException, ValueError, TypeError, VlaError) as error:
        raise RobotConfigError(f"{path}: {error}") from error
    values = monitor_parameters.values(gate)
    if values["robot"] not in ("arm", "base"):
        raise RobotConfigError(f"{path}: safety_monitor: robot is {values['robot']!r}; valid: 'arm', 'base'")
    return RobotConfig(values, parameters, gate, eyes)


def _overrides(values: dict[str, Any]) -> list[Parameter]:
    return [Parameter(name, value=value) for name, value in values.items()]
