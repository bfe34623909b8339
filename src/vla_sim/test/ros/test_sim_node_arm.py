"""The simulated arm over its topics and services, as a process of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_msgs.msg import EpisodeStatus
from vla_msgs.srv import ResetScene
from vla_sim.robot import ARM_JOINTS, HOME_Q
from vla_sim.ros.messages import from_time
from vla_sim.scene import FRONT_FOVY_DEG
from vla_sim.state_log import load_state_log

from .conftest import Client, end, start_sim_node

# One group: their processes share the ROS domain of one test worker.
pytestmark = [pytest.mark.ros, pytest.mark.render, pytest.mark.xdist_group("sim_node")]

MS = 1_000_000


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sim_node")


@pytest.fixture(scope="module")
def sim(client: Client, output: Path) -> Iterator[Client]:
    process = start_sim_node(output / "log.txt", "seed:=1000001", "domain_randomization:=0.0")
    try:
        client.joint_states = client.listen(JointState, "joint_states", qos_profile_sensor_data)
        client.wait(lambda: bool(client.joint_states) or process.poll() is not None, "joint_states")
        assert process.poll() is None, (output / "log.txt").read_text()
        yield client
    finally:
        end(process)


def trajectory(positions: list[float], duration_ms: int) -> JointTrajectory:
    rest = [0.0] * 7
    point = JointTrajectoryPoint(positions=positions, velocities=rest, accelerations=rest)
    point.time_from_start = Duration(sec=0, nanosec=duration_ms * MS)
    return JointTrajectory(joint_names=list(ARM_JOINTS), points=[point])


def command(sim: Client, kind: type, topic: str, message: object) -> None:
    """Publish once the subscription is there; the publisher lives as long as the client."""
    publisher = sim.node.create_publisher(kind, topic, QoSProfile(depth=10))
    sim.wait(lambda: publisher.get_subscription_count() > 0, f"a subscription to {topic}")
    publisher.publish(message)


def at(sim: Client, positions: list[float], tolerance: float = 5e-3) -> bool:
    return bool(np.abs(np.array(sim.joint_states[-1].position[:7]) - positions).max() < tolerance)


def test_streams_have_their_rates_by_stamp_and_their_content(sim: Client) -> None:
    sensor = qos_profile_sensor_data
    front = sim.listen(Image, "front_camera/image_raw", sensor)
    wrist = sim.listen(Image, "wrist_camera/image_raw", sensor)
    infos = sim.listen(CameraInfo, "front_camera/camera_info", sensor)
    clock = sim.listen(Clock, "/clock", sensor)
    start = len(sim.joint_states)
    sim.wait(lambda: min(map(len, (front, wrist, infos))) > 15 and len(clock) > 200, "images and clock")

    joint_stamps = np.array([from_time(message.header.stamp) for message in sim.joint_states[start:]])
    assert np.median(np.diff(joint_stamps)) == 10 * MS
    clock_stamps = np.array([from_time(message.clock) for message in clock])
    assert (np.diff(clock_stamps) > 0).all()
    assert np.median(np.diff(clock_stamps)) == pytest.approx(5 * MS, abs=MS)
    front_stamps = [from_time(message.header.stamp) for message in front]
    # On the grid of 30 Hz, each at the first 6 ms round after its point. A busy machine may leave some out.
    assert (np.diff(front_stamps) > 0).all()
    assert ((np.array(front_stamps) + 1000) % (1e9 / 30) < 6.1 * MS).all()
    assert set(front_stamps[1:-1]) & {from_time(message.header.stamp) for message in wrist}, "cameras share stamps"

    image = front[-1]
    assert (image.width, image.height, image.encoding, image.step) == (96, 96, "rgb8", 288)
    assert np.array(image.data, dtype=np.uint8).std() > 10.0, "the picture is not blank"
    assert image.header.frame_id == "front_camera_optical_frame"
    assert infos[-1].k[4] == pytest.approx(48.0 / math.tan(math.radians(FRONT_FOVY_DEG) / 2))
    assert list(sim.joint_states[-1].name) == [*ARM_JOINTS, "finger_joint1", "finger_joint2"]


def test_robot_description_is_latched(sim: Client) -> None:
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    description = sim.listen(String, "robot_description", qos)
    sim.wait(lambda: bool(description), "robot_description")
    assert all(f'name="{joint}"' in description[0].data for joint in ARM_JOINTS)


def test_a_trajectory_moves_the_arm_and_a_refused_one_does_not(sim: Client, output: Path) -> None:
    goal = [float(q) for q in HOME_Q]
    goal[0] += 0.3
    command(sim, JointTrajectory, "arm_controller/joint_trajectory", trajectory(goal, 500))
    sim.wait(lambda: at(sim, goal), "the arm at its goal")
    command(sim, JointTrajectory, "arm_controller/joint_trajectory", trajectory([math.nan] * 7, 100))
    sim.wait(lambda: "positions: nan" in (output / "log.txt").read_text(), "the refusal in the log")
    assert at(sim, goal)
    command(sim, JointTrajectory, "arm_controller/joint_trajectory", trajectory([float(q) for q in HOME_Q], 500))
    sim.wait(lambda: at(sim, [float(q) for q in HOME_Q]), "the arm at home")


def test_the_gripper_follows_its_topic(sim: Client) -> None:
    command(sim, Float64MultiArray, "gripper_controller/commands", Float64MultiArray(data=[0.01]))
    sim.wait(lambda: abs(sim.joint_states[-1].position[7] - 0.01) < 1e-3, "the gripper at 10 mm")


def test_reset_replaces_the_cubes_and_not_the_arm(sim: Client) -> None:
    episodes = sim.listen(EpisodeStatus, "sim/episode", QoSProfile(depth=10))
    before = list(sim.joint_states[-1].position[:7])
    reset = sim.node.create_client(ResetScene, "sim/reset_scene")
    response = sim.call(reset, ResetScene.Request(seed=1_234_567, task="push_left", target="blue"))
    assert response.success, response.message
    assert (response.task, response.target) == ("push_left", "blue")
    assert response.instruction == "push the blue cube to the left"
    assert "blue" in response.colors
    assert 2 <= len(response.colors) <= 4
    sim.wait(lambda: bool(episodes) and episodes[-1].seed == 1_234_567, "the new episode")
    assert (episodes[-1].task, episodes[-1].target, episodes[-1].success) == ("push_left", "blue", False)
    assert at(sim, before)


@pytest.mark.parametrize(
    ("field", "value", "choices"), [("task", "juggle", "push_left"), ("target", "mauve", "yellow")]
)
def test_reset_refuses_what_does_not_exist(sim: Client, field: str, value: str, choices: str) -> None:
    reset = sim.node.create_client(ResetScene, "sim/reset_scene")
    response = sim.call(reset, ResetScene.Request(seed=1, **{field: value}))
    assert not response.success
    assert value in response.message
    assert choices in response.message


def test_an_interrupt_ends_it_cleanly_with_the_states_written(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "states.npz"
    process = start_sim_node(
        tmp_path / "log.txt", f"state_log:={path}", "image_rate:=0.0", "seed:=7", namespace="/other"
    )
    try:
        episodes = client.listen(EpisodeStatus, "/other/sim/episode", QoSProfile(depth=10))
        client.wait(lambda: any(message.seed == 7 for message in episodes), "the first episode")
    finally:
        status = end(process)
    assert status == 0, (tmp_path / "log.txt").read_text()
    log = load_state_log(path)
    assert [scene.seed for scene in log.scenes] == [7]
    assert (np.diff(log.time_ns) > 0).all()
    np.testing.assert_allclose(log.qpos[-1, :7], HOME_Q, atol=1e-2)


def test_without_the_simulated_clock_stamps_are_system_time(client: Client, tmp_path: Path) -> None:
    process = start_sim_node(tmp_path / "log.txt", "use_sim_clock:=false", "image_rate:=0.0", namespace="/other")
    try:
        states = client.listen(JointState, "/other/joint_states", qos_profile_sensor_data)
        client.wait(lambda: bool(states) or process.poll() is not None, "joint_states in a namespace")
        assert process.poll() is None, (tmp_path / "log.txt").read_text()
        assert abs(from_time(states[-1].header.stamp) - time.time_ns()) < 60_000 * MS
    finally:
        end(process)


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("sede:=5", "sim_node: unknown parameter sede; valid are"),
        ("state_log:=/proc/none/states.npz", "sim_node: state_log: '/proc/none/states.npz' cannot be written"),
    ],
)
def test_a_wrong_parameter_ends_it_with_the_reason(graph: None, tmp_path: Path, parameter: str, message: str) -> None:
    process = start_sim_node(tmp_path / "log.txt", parameter)
    assert process.wait(90.0) == 2
    assert message in (tmp_path / "log.txt").read_text()
