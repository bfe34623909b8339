"""What the benchmarks of the gate share: a robot that follows perfectly, and the safety monitor in front of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from vla_inference.monitor.fast_input import FastInput, WithoutExecutor

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "src" / "vla_sim" / "vla_sim" / "assets"
JOINTS = [f"joint{index}" for index in range(1, 8)]
HOME = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
START_TIMEOUT_S = 60.0


class Rig(Node):
    """Publishes joint states that follow the commands at once, listens, and starts the monitor."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.group = WithoutExecutor()
        self.position = HOME.copy()
        self._states = self.create_publisher(JointState, "joint_states", qos_profile_sensor_data)
        self._listening: list[Any] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._reset = self.create_client(Trigger, "vla/reset")

    def listen(self, kind: type, topic: str, callback: Any) -> None:
        """Subscribe on the fast input's thread."""
        self._listening.append(
            self.create_subscription(kind, topic, callback, QoSProfile(depth=10), callback_group=self.group)
        )

    def start_listening(self) -> FastInput:
        """After every ``listen``."""
        fast = FastInput(self, self._listening, lambda error: self.get_logger().error(repr(error)))
        fast.start()
        return fast

    def follow(self, command: JointTrajectory) -> None:
        """The arm is where the command begins; near enough for a robot without inertia."""
        self.position = np.array(command.points[0].positions)

    def publish_state(self) -> None:
        """One joint state."""
        message = JointState(name=JOINTS, position=self.position.tolist(), velocity=[0.0] * len(JOINTS))
        message.header.stamp = self.get_clock().now().to_msg()
        self._states.publish(message)

    def spawn(self, arguments: list[str]) -> None:
        """A process that ``stop`` ends."""
        self._processes.append(subprocess.Popen([sys.executable, *arguments], cwd=ROOT))

    def start_monitor(self, **changes: Any) -> None:
        """The safety monitor with the tabletop arm's limits, active and armed. ``changes``: further parameters."""
        parameters = {
            "robot_description": (ASSETS / "arm.urdf").read_text(),
            "joint_limits_file": str(ASSETS / "joint_limits.yaml"),
            "workspace_file": str(ASSETS / "workspace.yaml"),
            "gripper_joint": "",
            "autostart": True,
            **changes,
        }
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
            yaml.safe_dump({"/**": {"ros__parameters": parameters}}, file, width=10**7)
        try:
            self.spawn(["-m", "vla_inference.safety_monitor", "--ros-args", "--params-file", file.name])
            self.arm()
        finally:
            os.unlink(file.name)

    def arm(self) -> None:
        """Call vla/reset until it arms."""
        import rclpy

        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            self.publish_state()
            if self._reset.wait_for_service(timeout_sec=0.05):
                future = self._reset.call_async(Trigger.Request())
                until = time.monotonic() + 2.0
                while not future.done() and time.monotonic() < until:
                    self.publish_state()
                    rclpy.spin_once(self, timeout_sec=0.01)
                if future.done() and future.result().success:
                    return
        raise SystemExit(f"the safety monitor did not arm within {START_TIMEOUT_S} s")

    def stop(self) -> None:
        """End what was spawned."""
        for process in self._processes:
            process.send_signal(signal.SIGINT)
        for process in self._processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def summary(values: list[float]) -> dict[str, float]:
    """Median and tail."""
    if not values:
        return {"count": 0}
    p50, p95, p99 = np.percentile(values, (50, 95, 99)).tolist()
    return {"count": len(values), "p50": p50, "p95": p95, "p99": p99, "max": max(values)}


def write(name: str, report: dict[str, Any]) -> None:
    """To out/bench/<name>.json, and to the terminal."""
    path = ROOT / "out" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {**report, "load_average": os.getloadavg()[0], "cores": os.cpu_count()}
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
