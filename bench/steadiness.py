"""Steadiness of the 100 Hz command stream while inference takes 300 ms, beside a node that infers in its callback.

``python bench/steadiness.py [--seconds S]`` writes out/bench/steadiness.json. Goals for the monitor: p99 of the
interval's error at most 3 ms, at most 0.1 % of the ticks missed. Both get the same images and infer as long.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

import numpy as np
import rclpy
from _gate_rig import HOME, JOINTS, Rig, summary, write
from builtin_interfaces.msg import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import Image
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_inference.monitor.convert import nanoseconds
from vla_msgs.msg import ActionChunk

PERIOD_S = 0.01
INFERENCE_S = 0.3
IMAGE_S = 1 / 30
GOAL_P99_MS = 3.0
GOAL_MISSED = 1e-3
POINTS = 16
PRIORITY = 10  # the monitor's default


def infer() -> None:
    """Keep a core busy for as long as inference takes."""
    end = time.perf_counter() + INFERENCE_S
    weights = np.ones((64, 64))
    while time.perf_counter() < end:
        weights = np.tanh(weights @ weights)


def wave(at_s: float, order: int) -> list[float]:
    """Position, velocity or acceleration at ``at_s`` of a slow wave about home; at rest at 0."""
    shape = (1.0 - np.cos(at_s), np.sin(at_s), np.cos(at_s))[order]
    return ((HOME if order == 0 else 0.0) + 0.1 * shape * np.ones(len(JOINTS))).tolist()


class Inferring(Node):
    """Infers in its image callback. With ``plain`` it also commands the robot itself, from a timer."""

    def __init__(self, plain: bool) -> None:
        super().__init__("plain" if plain else "planner")
        self._plain, self._begun, self._number = plain, 0, 0
        self._result = 0.0
        kind, topic = (JointTrajectory, "plain/commands") if plain else (ActionChunk, "vla/action_chunk")
        self._publisher = self.create_publisher(kind, topic, QoSProfile(depth=1))
        # The newest image alone: queued ones would be older than the gate accepts.
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.create_subscription(Image, "image", self.on_image, newest)
        if plain:
            self.create_timer(PERIOD_S, self.on_timer)

    def on_image(self, image: Image) -> None:
        """One inference."""
        t0 = nanoseconds(image.header.stamp)
        self._begun = self._begun or t0
        infer()
        self._result = (t0 - self._begun) * 1e-9
        if not self._plain:
            self._publisher.publish(self.chunk(image))

    def on_timer(self) -> None:
        """The newest result as a command."""
        point = JointTrajectoryPoint(positions=wave(self._result, 0), time_from_start=Duration(nanosec=100_000_000))
        self._publisher.publish(JointTrajectory(joint_names=JOINTS, points=[point]))

    def chunk(self, image: Image) -> ActionChunk:
        """The wave for the next 1.6 s."""
        self._number += 1
        message = ActionChunk(chunk_id=self._number, instruction_id=1, speed_scale=1.0, inference_ms=1e3 * INFERENCE_S)
        message.header.stamp = message.inference_start = image.header.stamp
        message.inference_end = self.get_clock().now().to_msg()
        message.joint_trajectory.joint_names = JOINTS
        for k in range(1, POINTS + 1):
            at = self._result + 0.1 * k
            point = JointTrajectoryPoint(positions=wave(at, 0), velocities=wave(at, 1), accelerations=wave(at, 2))
            point.time_from_start = Duration(sec=k // 10, nanosec=k % 10 * 100_000_000)
            message.joint_trajectory.points.append(point)
        return message


class Watcher(Rig):
    """Sends images and joint states, and clocks what arrives."""

    def __init__(self) -> None:
        super().__init__("steadiness")
        self.arrivals: dict[str, list[int]] = {"monitor": [], "plain": []}
        self._images = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self._image = Image(height=480, width=640, encoding="rgb8", step=1920, data=bytes(640 * 480 * 3))
        self.listen(JointTrajectory, "arm_controller/joint_trajectory", self.from_monitor)
        self.listen(JointTrajectory, "plain/commands", lambda _: self.arrivals["plain"].append(time.monotonic_ns()))

    def from_monitor(self, command: JointTrajectory) -> None:
        """A command of the monitor."""
        self.arrivals["monitor"].append(time.monotonic_ns())
        self.follow(command)

    def run(self, seconds: float) -> None:
        """Images at 30 Hz and joint states at 100 Hz."""
        due = end = time.monotonic()
        end += seconds
        image_due = due
        while due < end:
            self.publish_state()
            if due >= image_due:
                image_due += IMAGE_S
                self._image.header.stamp = self.get_clock().now().to_msg()
                self._images.publish(self._image)
            due += PERIOD_S
            time.sleep(max(0.0, due - time.monotonic()))


def judge(arrivals_ns: list[int], seconds: float) -> dict[str, Any]:
    """Interval errors [ms], and the share of the beats in ``seconds`` without a command within half a period.

    Intervals are between the commands nearest to one beat and to the next that has one, so a missed beat is an error of
    a period. The first command of a plan, which the monitor sends between two beats in addition, spoils no interval.
    """
    if len(arrivals_ns) < 2:
        return {"interval_error_ms": {"count": 0}, "missed": 1.0}
    arrivals = np.array(arrivals_ns) * 1e-9
    turns = np.exp(2j * np.pi * (arrivals - arrivals[0]) / PERIOD_S)
    phase = float(np.angle(np.median(turns.real) + 1j * np.median(turns.imag))) / (2 * np.pi) * PERIOD_S
    beat = np.round((arrivals - arrivals[0] - phase) / PERIOD_S).astype(int)
    nearest: dict[int, float] = {}
    for number, at in zip(beat.tolist(), (arrivals - arrivals[0] - phase).tolist(), strict=True):
        if number not in nearest or abs(at - number * PERIOD_S) < abs(nearest[number] - number * PERIOD_S):
            nearest[number] = at
    intervals = np.diff([nearest[number] for number in sorted(nearest)])
    errors = (np.abs(intervals - PERIOD_S) * 1e3).tolist()
    beats = int(seconds / PERIOD_S)
    return {"interval_error_ms": summary(errors), "missed": max(0.0, 1.0 - len(nearest) / beats), "beats": beats}


def serve(plain: bool) -> None:
    """One of the two nodes that infer, as a process of ordinary priority."""
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    rclpy.init()
    try:
        rclpy.spin(Inferring(plain))
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass


def measure(way: str, seconds: float) -> dict[str, Any]:
    """One of the two ways, alone on the machine."""
    watcher = Watcher()
    fast = watcher.start_listening()
    try:
        if way == "monitor":
            watcher.start_monitor()
        watcher.spawn([__file__, f"--serve={way}"])
        watcher.run(6.0)
        watcher.arrivals[way].clear()
        begun = time.monotonic()
        watcher.run(seconds)
        arrivals, watched_s = list(watcher.arrivals[way]), time.monotonic() - begun
    finally:
        watcher.stop()
        fast.stop()
        watcher.destroy_node()
    return judge(arrivals, watched_s)


def show(ways: dict[str, dict[str, Any]]) -> None:
    """The two ways side by side."""
    print(f"{'':24}{'monitor':>10}{'plain node':>12}{'goal':>8}")
    for name in ("p50", "p99", "max"):
        row = [ways[way]["interval_error_ms"].get(name, np.nan) for way in ("monitor", "plain")]
        goal = f"{GOAL_P99_MS:g}" if name == "p99" else ""
        print(f"interval error {name:3} [ms] {row[0]:10.2f}{row[1]:12.2f}{goal:>8}")
    shares = [100 * ways[way]["missed"] for way in ("monitor", "plain")]
    print(f"beats missed [%]{shares[0]:18.2f}{shares[1]:12.2f}{100 * GOAL_MISSED:8g}")


def main() -> int:
    """Exit status 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--serve", choices=("monitor", "plain"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve == "plain")
        return 0
    sys.setswitchinterval(0.0005)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))  # the instrument must not be late itself
    except OSError:
        print("real-time priority is not allowed here: the measurement includes the watcher's own delays")
    rclpy.init()
    ways = {way: measure(way, arguments.seconds) for way in ("monitor", "plain")}
    error, missed = ways["monitor"]["interval_error_ms"].get("p99", np.inf), ways["monitor"]["missed"]
    met = bool(error <= GOAL_P99_MS and missed <= GOAL_MISSED)
    show(ways)
    goals = {"p99_ms": GOAL_P99_MS, "missed": GOAL_MISSED, "met": met}
    write("steadiness", {"goals": goals, "inference_s": INFERENCE_S, **ways})
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
