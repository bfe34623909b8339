"""The safety monitor on a live graph."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import TwistStamped
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_msgs.msg import ActionChunk, Latency, SafetyStatus

pytestmark = pytest.mark.ros
JOINTS = ["joint1", "joint2"]


def chunk(robot, number, value=0.1):
    message = ActionChunk(chunk_id=number, instruction_id=3, speed_scale=1.0, inference_ms=12.0)
    stamp = robot.get_clock().now().to_msg()
    message.header.stamp = message.inference_start = message.inference_end = stamp
    message.joint_trajectory.joint_names = JOINTS
    for k in range(1, 9):
        x = 0.1 * k
        point = JointTrajectoryPoint(positions=(robot.position + value * x * x).tolist())
        point.velocities, point.accelerations = [2 * value * x] * 2, [2 * value] * 2
        point.time_from_start = Duration(nanosec=k * 100_000_000)
        message.joint_trajectory.points.append(point)
    return message


def test_a_command_is_streamed_to_its_end_and_every_message_ends_at_rest(robot, monitor):
    robot.goto_until([0.3, -0.2], 0.6, lambda: np.abs(robot.position - [0.3, -0.2]).max() < 1e-3)
    assert len(robot.commands) > 5
    for command in robot.commands:
        last = command.points[-1]
        assert command.header.stamp.sec == 0 and list(command.joint_names) == JOINTS
        assert not any(last.velocities) and not any(last.accelerations)
        assert len(command.points) <= 14
    assert any(any(command.points[0].velocities) for command in robot.commands)
    robot.wait_status(state=SafetyStatus.HOLDING, decision=SafetyStatus.PASS, source="vla/joint_command")


def test_a_chunk_is_executed_and_its_latency_told(robot, monitor):
    latencies = []
    robot.create_subscription(Latency, "vla/latency", latencies.append, 10)
    publisher = robot.create_publisher(ActionChunk, "vla/action_chunk", 1)
    robot.wait(lambda: publisher.get_subscription_count() and robot.count_publishers("vla/latency"))
    publisher.publish(chunk(robot, 7))
    robot.wait_status(chunk_id=7, instruction_id=3, decision=SafetyStatus.PASS, source="vla/action_chunk")
    latency = robot.wait(lambda: latencies and latencies[-1])
    assert (latency.chunk_id, latency.inference_ms, latency.window) == (7, 12.0, 1)
    assert latency.total.p50 == latency.total_ms > latency.validation_ms > 0.0


def test_nan_is_held_with_its_reason(robot, monitor):
    publisher = robot.create_publisher(ActionChunk, "vla/action_chunk", 1)
    robot.wait(publisher.get_subscription_count)
    publisher.publish(chunk(robot, 1, float("nan")))
    status = robot.wait_status(decision=SafetyStatus.HOLD)
    assert (status.reason, status.rule) == ("nonfinite", "finite")
    assert "positions[0, 0]" in status.detail


def test_ragged_points_and_other_kinds_are_refused(robot, monitor):
    publisher = robot.create_publisher(ActionChunk, "vla/action_chunk", 1)
    robot.wait(publisher.get_subscription_count)
    message = chunk(robot, 1)
    message.joint_trajectory.points[3].positions = [0.0]
    publisher.publish(message)
    robot.wait_status(reason="dimensions")
    message = chunk(robot, 2)
    message.kind = ActionChunk.KIND_TWIST
    publisher.publish(message)
    robot.wait_status(reason="chunk_kind")
    robot.command_publisher.publish(JointTrajectory(joint_names=JOINTS))
    robot.wait_status(reason="dimensions", source="vla/joint_command")


def test_an_emergency_stop_in_motion_ends_at_rest_and_is_latched(robot, monitor):
    robot.goto_until([1.0, -1.0], 10.0, lambda: abs(robot.position[0]) > 0.01)
    assert robot.call("vla/emergency_stop").success
    status = robot.wait_status(state=SafetyStatus.STOPPED)
    assert status.e_stop and status.reason == "emergency_stop"
    assert abs(robot.position[0]) < 0.9
    count = status.count_stop
    robot.goto([0.0, 0.0], 1.0)
    assert robot.call("vla/reset").success
    assert robot.wait_status(state=SafetyStatus.HOLDING).count_stop == 0 < count


@pytest.mark.parametrize("durability", [DurabilityPolicy.TRANSIENT_LOCAL, DurabilityPolicy.VOLATILE])
def test_the_topic_stops_when_true_and_holds_the_reset_back(robot, monitor, durability):
    publisher = robot.create_publisher(Bool, "vla/e_stop", QoSProfile(depth=1, durability=durability))
    robot.wait(lambda: publisher.get_subscription_count() > 0)
    publisher.publish(Bool(data=True))
    robot.wait_status(state=SafetyStatus.STOPPED)
    assert "vla/e_stop" in robot.call("vla/reset").message
    publisher.publish(Bool(data=False))
    robot.wait(lambda: robot.call("vla/reset").success)


def test_a_stop_does_not_wait_until_a_plan_has_been_checked(robot, monitor, monkeypatch):
    checking, release = threading.Event(), threading.Event()
    gate = monitor._driver._gate
    check = gate.check

    def check_for_long(*arguments):
        checking.set()
        assert release.wait(60.0)
        return check(*arguments)

    monkeypatch.setattr(gate, "check", check_for_long)
    publisher = robot.create_publisher(ActionChunk, "vla/action_chunk", 1)
    button = robot.create_publisher(Bool, "vla/e_stop", 1)
    robot.wait(lambda: publisher.get_subscription_count() and button.get_subscription_count() > 0)
    publisher.publish(chunk(robot, 1))
    try:
        assert checking.wait(60.0)
        button.publish(Bool(data=True))
        robot.wait(lambda: monitor._driver.status().e_stop)
    finally:
        release.set()


def test_a_second_commander_stops_the_arm_until_it_is_gone(robot, monitor):
    intruder = robot.create_publisher(JointTrajectory, "arm_controller/joint_trajectory", 1)
    status = robot.wait_status(state=SafetyStatus.STOPPED)
    assert status.reason == "second_publisher" and "/robot" in status.detail
    assert "/robot" in robot.call("vla/reset").message
    robot.destroy_publisher(intruder)
    robot.wait(lambda: robot.call("vla/reset").success)


def test_lost_joint_states_are_reported_and_the_arm_holds(robot, monitor):
    robot.goto_until([1.5, 0.0], 30.0, lambda: robot.statuses[-1].state == SafetyStatus.EXECUTING)
    robot.alive = False
    robot.wait_status(state=SafetyStatus.HOLDING, reason="joint_state_stale")


def test_deactivating_in_motion_comes_to_rest_first(robot, monitor):
    robot.goto_until([1.0, 0.0], 3.0, lambda: len(robot.commands) > 20)
    monitor.trigger_deactivate()
    robot.wait(lambda: robot.statuses[-1].state == SafetyStatus.DISARMED)
    assert monitor._state_machine.current_state[0] == State.PRIMARY_STATE_INACTIVE
    assert robot.position[0] < 0.9  # of the 1.0 it was sent to: it braked, and did not wait for the end
    assert not robot.call("vla/reset").success
    monitor.trigger_activate()
    robot.arm()


@pytest.mark.parametrize(
    "change",
    [
        {"joint_limits_file": "/nowhere.yaml"},
        {"joint_limits_file": "package://no_such_package/x.yaml"},
        {"joints": ["joint1", "elbow"]},
        {"promised_stop_s": 0.1},
        {"robot": "boat"},
        {"robot_description": "", "robot_description_timeout_s": 0.1},
        {"max_speed": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_cannot_be_guarded_is_not_configured(make_monitor, change):
    monitor = make_monitor(**change)
    assert monitor.trigger_configure() == TransitionCallbackReturn.FAILURE


def test_a_base_is_driven_and_comes_to_rest(ros, robot, make_monitor):
    twists = []
    monitor = make_monitor(robot="base", twist_timeout_s=1.0)  # long enough to get fast on a busy machine
    monitor.trigger_configure()
    monitor.trigger_activate()
    ros.add(monitor)
    robot.create_subscription(TwistStamped, "cmd_vel", twists.append, 10)
    publisher = robot.create_publisher(TwistStamped, "vla/twist_command", 1)
    robot.wait(lambda: publisher.get_subscription_count() and robot.count_publishers("cmd_vel"))
    robot.arm()
    message = TwistStamped()
    message.twist.linear.x = 0.3
    publisher.publish(message)
    robot.wait(lambda: any(twist.twist.linear.x > 0.2 for twist in twists))
    robot.wait_status(state=SafetyStatus.HOLDING, decision=SafetyStatus.PASS)
    robot.wait(lambda: twists[-1].twist.linear.x == 0.0)
    assert twists[-1].header.frame_id == "base_link"


def test_the_process_comes_to_rest_before_it_ends(robot, write_parameters):
    command = [sys.executable, "-m", "vla_inference.safety_monitor", "--ros-args", "--params-file"]
    with subprocess.Popen([*command, write_parameters(autostart=True)]) as process:
        robot.arm()
        robot.goto_until([1.5, 0.0], 8.0, lambda: abs(robot.position[0]) > 0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    last = robot.commands[-1].points
    assert not any(last[-1].velocities)
    assert last[-1].positions[0] < 1.4
    # it did not merely die: what it sent last is the end of a ramp, not a horizon of 300 ms
    assert last[-1].time_from_start.nanosec < 300_000_000


def test_a_reset_is_refused_while_nobody_listens_to_the_commands(ros, robot, make_monitor):
    monitor = make_monitor(command_topic="no_such_controller/joint_trajectory")
    monitor.trigger_configure()
    monitor.trigger_activate()
    ros.add(monitor)
    answer = robot.call("vla/reset")
    assert not answer.success
    assert answer.message.startswith("nobody listens on /no_such_controller/joint_trajectory; activate the controller")
    robot.create_subscription(JointTrajectory, "no_such_controller/joint_trajectory", lambda _: None, 1)
    robot.wait(lambda: robot.call("vla/reset").success)


def test_a_parameter_out_of_range_ends_the_process_with_one_line(ros, write_parameters):
    command = [sys.executable, "-m", "vla_inference.safety_monitor", "--ros-args", "--params-file"]
    command.append(write_parameters(velocity_scale=3.0))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cannot start: " in done.stdout and "velocity_scale out of range" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_monitor_that_cannot_start_by_itself_says_why_and_ends(ros, write_parameters):
    parameters = write_parameters(autostart=True, joint_limits_file="/nowhere.yaml")
    command = [sys.executable, "-m", "vla_inference.safety_monitor", "--ros-args", "--params-file", parameters]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cannot configure" in done.stdout and "/nowhere.yaml" in done.stdout and "Traceback" not in done.stdout


def test_a_transition_that_the_state_does_not_have_is_refused_and_the_monitor_lives(robot, monitor):
    client = robot.create_client(ChangeState, "safety_monitor/change_state")
    assert client.wait_for_service(60.0)
    for request in (Transition(id=Transition.TRANSITION_CONFIGURE), Transition(id=99), Transition(label="configure")):
        future = client.call_async(ChangeState.Request(transition=request))
        robot.wait(future.done)
        assert future.result().success is False
    robot.goto([0.1, 0.1], 0.5)  # still armed and streaming
    robot.wait_status(decision=SafetyStatus.PASS, source="vla/joint_command")
