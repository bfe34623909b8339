"""Declaring the parameters, on a node that is never spun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import rclpy
from rclpy.node import Node

from vla_sim.ros.parameters import ParameterError, declare_parameters

CONFIG = Path(__file__).parents[3] / "vla_bringup" / "config"


@contextmanager
def node(*arguments: str) -> Iterator[Node]:
    context = rclpy.Context()
    rclpy.init(context=context)
    made = Node("sim_node", context=context, cli_args=["--ros-args", *arguments], use_global_arguments=False)
    try:
        yield made
    finally:
        made.destroy_node()
        rclpy.shutdown(context=context)


def test_defaults_suit_the_tabletop_arm(ros_domain: int) -> None:
    with node() as made:
        parameters = declare_parameters(made)
        assert (parameters.robot, parameters.image_rate, parameters.joint_state_rate) == ("arm", 30.0, 100.0)
        assert all(made.describe_parameter(name).description for name in ("seed", "state_log", "cmd_vel_timeout"))


@pytest.mark.parametrize(("file", "robot"), [("sim_node.yaml", "arm"), ("sim_node_base.yaml", "base")])
def test_the_shipped_files_are_accepted(ros_domain: int, file: str, robot: str) -> None:
    with node("--params-file", str(CONFIG / file)) as made:
        assert declare_parameters(made).robot == robot


def test_the_shipped_file_of_the_arm_states_the_defaults(ros_domain: int) -> None:
    with node("--params-file", str(CONFIG / "sim_node.yaml")) as stated, node() as default:
        assert declare_parameters(stated) == declare_parameters(default)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("initial_positions:=[0.0, 1.0]", "initial_positions: 2 values"),
        ("arm_command_interface:=velocity", "'velocity' is not one of 'joint_trajectory', 'forward_position'"),
        ("real_time_factor:=1", "real_time_factor"),
        ("domain_randomization:=1.5", "domain_randomization"),
        ("image_wdith:=224", "unknown parameter image_wdith"),
    ],
)
def test_wrong_ones_are_named(ros_domain: int, argument: str, message: str) -> None:
    with node("-p", argument) as made, pytest.raises(ParameterError, match=message):
        declare_parameters(made)


def test_another_speed_needs_the_simulated_clock(ros_domain: int) -> None:
    with (
        node("-p", "real_time_factor:=2.0", "-p", "use_sim_clock:=false") as made,
        pytest.raises(ParameterError, match="use_sim_clock"),
    ):
        declare_parameters(made)
