"""What the gate costs: a single-point command through the safety monitor, against a bare rclpy relay.

``python bench/gate_hop.py [--count N]`` writes out/bench/gate_hop.json. Goal: the median ratio is at most 1.25.
Each period of 10 ms one command goes through each, in turn, from the same publisher to the same subscriber.
Then whole chunks go through, and the monitor's own latency reports tell validation and tick wait apart.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
import rclpy
from _gate_rig import HOME, JOINTS, Rig, summary, write
from builtin_interfaces.msg import Duration
from rclpy.qos import QoSProfile
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_inference.monitor.convert import nanoseconds
from vla_msgs.msg import ActionChunk, Latency

PERIOD_S = 0.01
WARM_UP = 200
REACH_NS = 100_000_000  # each command asks to be there after this long
GOAL = 1.25
CHUNKS = 40


def relay() -> None:
    """The bare relay: what any node between two topics costs in rclpy."""
    rclpy.init()
    node = rclpy.create_node("relay")
    publisher = node.create_publisher(JointTrajectory, "relay/out", QoSProfile(depth=1))
    node.create_subscription(JointTrajectory, "relay/in", publisher.publish, QoSProfile(depth=1))
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass


class Hop(Rig):
    """Sends and clocks."""

    def __init__(self) -> None:
        super().__init__("gate_hop")
        self._to = {
            "gate": self.create_publisher(JointTrajectory, "vla/joint_command", QoSProfile(depth=1)),
            "relay": self.create_publisher(JointTrajectory, "relay/in", QoSProfile(depth=1)),
        }
        self._sent: dict[str, tuple[float, int]] = {}
        self.ms: dict[str, list[float]] = {"gate": [], "relay": []}
        self.reports: list[Latency] = []
        self.chunks = self.create_publisher(ActionChunk, "vla/action_chunk", QoSProfile(depth=1))
        self.listen(JointTrajectory, "arm_controller/joint_trajectory", lambda m: self.arrived("gate", m))
        self.listen(JointTrajectory, "relay/out", lambda m: self.arrived("relay", m))
        self.listen(Latency, "vla/latency", self.reports.append)

    def arrived(self, way: str, message: JointTrajectory) -> None:
        """A command has come through; the stream's own, which differ in time, are not clocked."""
        now_ns = time.perf_counter_ns()
        if way == "gate":
            self.follow(message)
        point = message.points[-1]
        sent = self._sent.get(way)
        if sent is None or nanoseconds(point.time_from_start) != REACH_NS or point.positions[0] != sent[0]:
            return
        del self._sent[way]
        self.ms[way].append((now_ns - sent[1]) * 1e-6)

    def send(self, way: str, command: JointTrajectory) -> None:
        """Publish and start the clock."""
        self._sent[way] = (command.points[0].positions[0], time.perf_counter_ns())
        self._to[way].publish(command)


def command(step: int) -> JointTrajectory:
    """A small circle about the home position, as a servo loop would send it."""
    position = HOME + 0.002 * np.sin(0.1 * step + np.arange(len(JOINTS)))
    point = JointTrajectoryPoint(positions=position.tolist(), time_from_start=Duration(nanosec=REACH_NS))
    return JointTrajectory(joint_names=JOINTS, points=[point])


def measure_hops(hop: Hop, count: int) -> None:
    """Both ways in every period, in alternating order."""
    due = time.monotonic()
    for step in range(count + WARM_UP):
        if step == WARM_UP:
            for values in hop.ms.values():
                values.clear()
        message = command(step)
        ways = ("gate", "relay") if step % 2 else ("relay", "gate")
        for half, way in enumerate(ways):
            hop.send(way, message)
            due += PERIOD_S / 2
            if half == 0:
                hop.publish_state()
            time.sleep(max(0.0, due - time.monotonic()))


def chunk(number: int, hop: Hop, points: int = 50) -> ActionChunk:
    """A chunk of 50 points and 8 dimensions' worth of work, gently moving about home."""
    now = hop.get_clock().now().to_msg()
    message = ActionChunk(chunk_id=number, instruction_id=1, speed_scale=1.0, inference_ms=0.0)
    message.header.stamp = message.inference_start = message.inference_end = now
    message.joint_trajectory.joint_names = JOINTS
    for k in range(points):
        t = 0.02 * (k + 1)
        point = JointTrajectoryPoint(
            positions=(hop.position + 0.01 * (1 - np.cos(3.0 * t))).tolist(),
            velocities=[0.03 * np.sin(3.0 * t)] * len(JOINTS),
            accelerations=[0.09 * np.cos(3.0 * t)] * len(JOINTS),
            time_from_start=Duration(nanosec=round(t * 1e9)),
        )
        message.joint_trajectory.points.append(point)
    return message


def measure_chunks(hop: Hop) -> dict[str, Any]:
    """Validation and tick wait of whole chunks, by the monitor's own reports."""
    due = time.monotonic()
    hop.reports.clear()
    for number in range(1, CHUNKS + 1):
        hop.chunks.publish(chunk(number, hop))
        for _ in range(25):
            hop.publish_state()
            due += PERIOD_S
            time.sleep(max(0.0, due - time.monotonic()))
    waits = [
        (nanoseconds(r.command_published) - nanoseconds(r.gate_decided)) * 1e-6 for r in hop.reports
    ]  # fmt: skip
    return {
        "chunk_points": 50,
        "validation_ms": summary([r.validation_ms for r in hop.reports]),
        "tick_wait_ms": summary(waits),
    }


def main() -> int:
    """Exit status 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--relay", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.relay:
        relay()
        return 0
    sys.setswitchinterval(0.0005)
    rclpy.init()
    hop = Hop()
    hop.start_listening()
    try:
        hop.spawn([__file__, "--relay"])
        hop.start_monitor(nice=0, realtime_priority=0)  # no advantage over what it is compared with
        measure_hops(hop, arguments.count)
        chunks = measure_chunks(hop)
    finally:
        hop.stop()
    ratio = float(np.median(hop.ms["gate"]) / np.median(hop.ms["relay"]))
    report = {"goal": GOAL, "ratio_p50": ratio, "met": ratio <= GOAL, "count_sent": arguments.count}
    write("gate_hop", {**report, "hop_ms": {way: summary(ms) for way, ms in hop.ms.items()}, "chunk": chunks})
    return int(not report["met"])  # nothing measured is no success either


if __name__ == "__main__":
    sys.exit(main())
