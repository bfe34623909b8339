"""A safety monitor in this process, and a robot made of publishers that follows its commands at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
import yaml
from builtin_interfaces.msg import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_inference.monitor.node import SafetyMonitor
from vla_msgs.msg import SafetyStatus

DEADLINE_S = 60.0  # generous: the machine that runs the tests may be busy
JOINTS = ["joint1", "joint2"]
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
URDF = (
    '<robot name="arm"><link name="base_link"/>'
    + "".join(
        f'<link name="l{i}"/><joint name="joint{i}" type="revolute"><parent link="{parent}"/><child link="l{i}"/>'
        '<axis xyz="0 0 1"/><limit lower="-2" upper="2" velocity="2" effort="50"/></joint>'
        for i, parent in ((1, "base_link"), (2, "l1"))
    )
    + "</robot>"
)


class Robot(Node):
    """Follows each command along straight lines, publishes where it is, and keeps what it saw."""

    def __init__(self) -> None:
        super().__init__("robot")
        self.commands: list[JointTrajectory] = []
        self.statuses: list[SafetyStatus] = []
        self.seen: list[Any] = []
        self.alive = True
        self._target: tuple[float, list[float], Any, Any] | None = None
        self.position = np.zeros(2)
        self._states = self.create_publisher(JointState, "joint_states", qos_profile_sensor_data)
        self.command_publisher = self.create_publisher(JointTrajectory, "vla/joint_command", 1)
        self.create_subscription(JointTrajectory, "arm_controller/joint_trajectory", self._obey, 10)
        self.create_subscription(SafetyStatus, "vla/safety_status", self.statuses.append, LATCHED)
        self.create_timer(0.01, self._step)

    def _obey(self, command: JointTrajectory) -> None:
        self.commands.append(command)
        times = [p.time_from_start.sec + p.time_from_start.nanosec * 1e-9 for p in command.points]
        points = np.array([p.positions for p in command.points])
        self._target = (time.monotonic(), [0.0, *times], np.vstack([self.position, points]), None)

    def _step(self) -> None:
        if self._target is not None:
            begun, times, points, _ = self._target
            elapsed = time.monotonic() - begun
            self.position = np.array([np.interp(elapsed, times, column) for column in points.T])
        if self.alive:
            message = JointState(name=JOINTS, position=self.position.tolist(), velocity=[0.0, 0.0])
            message.header.stamp = self.get_clock().now().to_msg()
            self._states.publish(message)

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Until ``condition`` says something, with a deadline far beyond what it should take."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            result = condition()
            if result:
                return result
            time.sleep(0.005)
        last = self.statuses[-1] if self.statuses else None
        raise AssertionError(f"did not happen within {DEADLINE_S} s; last status: {last}")

    def wait_status(self, **fields: Any) -> SafetyStatus:
        """Until the newest status has ``fields``."""
        return self.wait(
            lambda: (
                self.statuses[-1]
                if self.statuses and all(getattr(self.statuses[-1], k) == v for k, v in fields.items())
                else None
            )
        )

    def call(self, name: str) -> Trigger.Response:
        client = self.create_client(Trigger, name)
        assert client.wait_for_service(DEADLINE_S)
        future = client.call_async(Trigger.Request())
        self.wait(future.done)
        return future.result()

    def arm(self) -> None:
        self.wait(lambda: self.call("vla/reset").success)
        self.wait_status(state=SafetyStatus.HOLDING)

    def goto(self, target: list[float], seconds: float) -> None:
        """A joint command of one point."""
        point = JointTrajectoryPoint(positions=target)
        point.time_from_start = Duration(sec=int(seconds), nanosec=round(seconds % 1 * 1e9))
        self.command_publisher.publish(JointTrajectory(joint_names=JOINTS, points=[point]))

    def goto_until(self, target: list[float], seconds: float, condition: Callable[[], Any]) -> Any:
        """``goto``, again when nothing comes of it: a stream that stood still for its horizon has dropped the plan."""
        sent = -np.inf

        def sent_and_met() -> Any:
            nonlocal sent
            if time.monotonic() - sent > 2.0 and self.statuses[-1].state == SafetyStatus.HOLDING:
                self.goto(target, seconds)
                sent = time.monotonic()
            return condition()

        return self.wait(sent_and_met)


class Spinning:
    """Nodes spun by threads of their own until the end."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def add(self, node: Node) -> None:
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        thread = threading.Thread(target=self._spin, args=(executor,))
        thread.start()
        self._threads.append(thread)

    def _spin(self, executor: SingleThreadedExecutor) -> None:
        while not self._stop.is_set():
            executor.spin_once(timeout_sec=0.05)
        executor.shutdown()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def limits_file(folder: Path) -> Path:
    entry = {
        "has_acceleration_limits": True, "max_acceleration": 10.0, "has_jerk_limits": True, "max_jerk": 5000.0,
    }  # fmt: skip
    path = folder / "joint_limits.yaml"
    path.write_text(yaml.safe_dump({"joint_limits": dict.fromkeys(JOINTS, entry)}))
    return path


def parameters(folder: Path, **changes: Any) -> dict[str, Any]:
    """Of a monitor for the two-joint arm."""
    base = {
        "joints": JOINTS, "gripper_joint": "", "robot_description": URDF, "nice": 0, "realtime_priority": 0,
        "joint_limits_file": str(limits_file(folder)), "max_joint_state_age_s": 1.0, "max_tracking_error": 1.0,
        "max_chunk_age_s": 5.0,
    }  # fmt: skip
    return {**base, **changes}


@pytest.fixture
def ros(ros_domain: int) -> Iterator[Spinning]:
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    spinning = Spinning()
    yield spinning
    spinning.end()
    rclpy.shutdown()


@pytest.fixture
def make_monitor(ros: Spinning, tmp_path: Path) -> Iterator[Callable[..., SafetyMonitor]]:
    made: list[SafetyMonitor] = []

    def make(**changes: Any) -> SafetyMonitor:
        overrides = [Parameter(name, value=value) for name, value in parameters(tmp_path, **changes).items()]
        made.append(SafetyMonitor(parameter_overrides=overrides))
        return made[-1]

    yield make
    ros.end()
    for monitor in made:
        monitor.finish()
        monitor.destroy_node()


@pytest.fixture
def write_parameters(tmp_path: Path) -> Callable[..., str]:
    """A parameter file for a monitor in a process of its own."""

    def write(**changes: Any) -> str:
        path = tmp_path / "parameters.yaml"
        path.write_text(yaml.safe_dump({"/**": {"ros__parameters": parameters(tmp_path, **changes)}}, width=10**7))
        return str(path)

    return write


@pytest.fixture
def robot(ros: Spinning) -> Robot:
    node = Robot()
    ros.add(node)
    return node


@pytest.fixture
def monitor(ros: Spinning, make_monitor: Callable[..., SafetyMonitor], robot: Robot) -> SafetyMonitor:
    """Active and armed."""
    made = make_monitor()
    made.trigger_configure()
    made.trigger_activate()
    ros.add(made)
    robot.arm()
    return made
