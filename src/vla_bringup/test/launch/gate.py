"""gate.launch.py in front of a commander of our own: the monitor alone moves the arm, no policy anywhere."""

import unittest

from builtin_interfaces.msg import Duration
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node
from launch_testing import post_shutdown_test
from launch_testing.actions import ReadyToTest
from launch_testing.asserts import assertExitCodes
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_bringup.commands.gate import reset
from vla_bringup.graph.session import BEST_EFFORT, RELIABLE, session
from vla_bringup.graph.stack_view import watch
from vla_bringup.launching import shipped

JOINTS = [f"joint{number}" for number in range(1, 8)]


def generate_test_description():
    params = shipped("vla_bringup", "config", "tabletop.yaml")
    source = PythonLaunchDescriptionSource(shipped("vla_bringup", "launch", "gate.launch.py"))
    names = {"command": "ur/command", "joint_states": "ur/joint_states", "joint_command": "moveit/joint_trajectory"}
    gate = IncludeLaunchDescription(source, launch_arguments={"params": params, **names}.items())
    robot = Node(
        package="vla_sim",
        executable="sim_node",
        parameters=[params],
        remappings=[("arm_controller/joint_trajectory", "ur/command"), ("joint_states", "ur/joint_states")],
    )
    return LaunchDescription([robot, gate, ReadyToTest()])


class TestGate(unittest.TestCase):
    def test_a_commander_moves_the_arm_through_the_gate(self):
        with session("test") as ros:
            view, newest = watch(ros), {}

            def take(message):
                newest.update(zip(message.name, message.position, strict=True))

            ros.subscribe(JointState, "ur/joint_states", take, BEST_EFFORT)
            commander = ros.node.create_publisher(JointTrajectory, "moveit/joint_trajectory", RELIABLE)
            self.assertTrue(ros.wait_for(lambda: view.gate_state == "DISARMED" and bool(newest), 90.0))
            reset("")
            goal = [newest[name] for name in JOINTS]
            goal[0] += 0.2
            point = JointTrajectoryPoint(positions=goal, time_from_start=Duration(sec=2))
            self.assertTrue(ros.wait_for(lambda: commander.get_subscription_count() > 0, 20.0))
            commander.publish(JointTrajectory(joint_names=JOINTS, points=[point]))
            there = ros.wait_for(lambda: abs(newest["joint1"] - goal[0]) < 0.01, 30.0)
            self.assertTrue(there, f"joint1 is at {newest['joint1']}, not at {goal[0]}; {view.gate}")


@post_shutdown_test()
class TestTheEnd(unittest.TestCase):
    def test_every_process_ended_well(self, proc_info):
        assertExitCodes(proc_info)
