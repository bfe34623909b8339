"""policy_server.launch.py and robot.launch.py together: a served policy moves an arm with names of its own."""

import socket
import tempfile
import unittest
from pathlib import Path

import yaml
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessIO
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node
from launch_testing import post_shutdown_test
from launch_testing.actions import ReadyToTest
from launch_testing.asserts import assertExitCodes

from vla_bringup.commands.gate import reset
from vla_bringup.graph.instruction import InstructionClient
from vla_bringup.graph.session import session
from vla_bringup.graph.stack_view import watch
from vla_bringup.launching import shipped


def included(name, **arguments):
    source = PythonLaunchDescriptionSource(shipped("vla_bringup", "launch", f"{name}.launch.py"))
    return IncludeLaunchDescription(source, launch_arguments=arguments.items())


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def remote_bundle(folder, url):
    """The shipped policy's contract, to be asked at ``url``."""
    contract = yaml.safe_load(Path(shipped("vla_policy", "policies", "tabletop", "policy.yaml")).read_text())
    del contract["language"]
    folder.mkdir()
    (folder / "policy.yaml").write_text(yaml.safe_dump(contract | {"runtime": "remote", "url": url, "files": {}}))
    return str(folder)


def generate_test_description():
    port = free_port()
    bundle = remote_bundle(Path(tempfile.mkdtemp()) / "remote", f"ws://127.0.0.1:{port}")
    params = shipped("vla_bringup", "config", "tabletop.yaml")
    arm = Node(
        package="vla_sim",
        executable="sim_node",
        parameters=[params],
        remappings=[
            ("arm_controller/joint_trajectory", "ur/command"),
            ("joint_states", "ur/joint_states"),
            ("front_camera/image_raw", "camera/color/image_raw"),
        ],
    )
    robot = included(
        "robot",
        params=params,
        bundle=bundle,
        command="ur/command",
        joint_states="ur/joint_states",
        front_image="camera/color/image_raw",
    )
    started = []

    def when_it_serves(event):
        if b"serving" in event.text and not started:
            started.append(True)
            return [robot]
        return []

    handler = RegisterEventHandler(OnProcessIO(on_stderr=when_it_serves))
    return LaunchDescription([handler, arm, included("policy_server", port=str(port)), ReadyToTest()])


class TestRobot(unittest.TestCase):
    def test_the_served_policy_moves_the_arm(self):
        with session("test") as ros:
            view = watch(ros)
            self.assertTrue(ros.wait_for(lambda: view.inference_state == "IDLE", 120.0), view.inference)
            reset("")
            client = InstructionClient(ros)
            client.wait_for_server(20.0)
            outcome = client.send("pick up the red cube", 10.0).outcome(120.0)
        self.assertIn(outcome.name, ("COMPLETED", "TIMEOUT"), outcome.message)  # a busy machine may need longer
        self.assertGreater(outcome.chunks, 0)
        self.assertGreater(len(view.latencies), 0)  # the gate let chunks through


@post_shutdown_test()
class TestTheEnd(unittest.TestCase):
    def test_every_process_ended_well(self, proc_info):
        assertExitCodes(proc_info)
