"""sim.launch.py twice in one ROS domain: two robots come up, obey at once, each by its own clock, and end in order."""

import unittest
from concurrent.futures import ThreadPoolExecutor

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_testing import post_shutdown_test
from launch_testing.actions import ReadyToTest
from launch_testing.asserts import assertExitCodes
from sensor_msgs.msg import JointState

from vla_bringup.commands.gate import reset
from vla_bringup.graph.instruction import InstructionClient
from vla_bringup.graph.session import BEST_EFFORT, session
from vla_bringup.graph.stack_view import watch
from vla_bringup.launching import shipped

ROBOTS = {"left": "3", "right": "4"}  # namespace -> seed


def generate_test_description():
    file = shipped("vla_bringup", "launch", "sim.launch.py")
    robots = [  # each with a source of its own: one loads the file's actions once
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(file), launch_arguments={"namespace": name, "seed": seed}.items()
        )
        for name, seed in ROBOTS.items()
    ]
    return LaunchDescription([*robots, ReadyToTest()])


def obey(namespace):
    """Follow an instruction; how far a joint went [rad]."""
    positions = []
    with session("test", namespace) as ros:
        view = watch(ros)
        assert ros.wait_for(lambda: view.inference_state == "IDLE", 90.0), f"{namespace}: {view.inference_state}"
        assert view.gate_state == "DISARMED"
        reset(namespace)
        ros.subscribe(JointState, "joint_states", lambda message: positions.append(message.position), BEST_EFFORT)
        client = InstructionClient(ros)
        client.wait_for_server(20.0)
        outcome = client.send("pick up the red cube", 10.0).outcome(120.0)
        clocks = {name for name, _ in ros.node.get_topic_names_and_types() if name.endswith("/clock")}
    assert outcome.name in ("COMPLETED", "TIMEOUT"), outcome.message  # a busy machine may need longer
    assert outcome.chunks > 0
    assert clocks == {f"/{name}/clock" for name in ROBOTS}
    return max(max(column) - min(column) for column in zip(*positions, strict=True))


class TestBoth(unittest.TestCase):
    def test_both_obey_at_once(self):
        with ThreadPoolExecutor() as pool:
            for ways in pool.map(obey, ROBOTS):
                self.assertGreater(ways, 0.1)


@post_shutdown_test()
class TestTheEnd(unittest.TestCase):
    def test_every_process_ended_well(self, proc_info):
        self.assertEqual(len(list(proc_info)), 6)
        assertExitCodes(proc_info)
