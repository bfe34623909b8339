"""Robot commands as messages that are made once and written in place."""

from __future__ import annotations

import array
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_core.safety.gate import Command
from vla_core.types import FloatArray
from vla_inference.monitor.qos import COMMANDS

_NS = 1_000_000_000


class _Point:
    """A trajectory point whose arrays are also numpy's."""

    def __init__(self, joints: int) -> None:
        self.message = JointTrajectoryPoint(time_from_start=Duration())
        for field in ("positions", "velocities", "accelerations"):
            setattr(self.message, field, [0.0] * joints)
        # A setter may copy: the message's own arrays are the ones to write to.
        buffers = (self.message.positions, self.message.velocities, self.message.accelerations)
        self._views = [np.frombuffer(buffer, dtype=np.float64) for buffer in buffers]

    def write(self, time_s: float, state: FloatArray) -> None:
        """State (3, J) due ``time_s`` from now."""
        for view, row in zip(self._views, state, strict=True):
            view[:] = row
        ns = round(time_s * 1e9)
        duration = self.message.time_from_start
        duration.sec, duration.nanosec = ns // _NS, ns % _NS


class CommandPublisher:
    """Publishes commands of an arm and its gripper. Not for two threads at once: call it under the gate's lock."""

    def __init__(self, node: Node, topic: str, gripper_topic: str | None, joints: Sequence[str]) -> None:
        self._node = node
        self._publisher = node.create_publisher(JointTrajectory, topic, COMMANDS)
        self._grip_publisher = None
        if gripper_topic is not None:
            self._grip_publisher = node.create_publisher(Float64MultiArray, gripper_topic, COMMANDS)
        self._message = JointTrajectory(joint_names=list(joints))
        self._joints = len(joints)
        self._pool: list[_Point] = []
        self._used = -1
        self._grip_message = Float64MultiArray(data=array.array("d", [0.0]))

    def publish(self, command: Command) -> None:
        """Send ``command`` now; its stamp is 0, so it counts from its arrival."""
        times, states = command.message.times, command.message.states
        while len(self._pool) < len(times):
            self._pool.append(_Point(self._joints))
        for point, time_s, state in zip(self._pool, times.tolist(), states, strict=False):
            point.write(time_s, state)
        if self._used != len(times):
            self._message.points = [point.message for point in self._pool[: len(times)]]
            self._used = len(times)
        self._publisher.publish(self._message)
        if command.gripper is not None and self._grip_publisher is not None:
            self._grip_message.data[0] = command.gripper
            self._grip_publisher.publish(self._grip_message)

    def destroy(self) -> None:
        """Take the topics down."""
        for publisher in (self._publisher, self._grip_publisher):
            if publisher is not None:
                self._node.destroy_publisher(publisher)
