"""The gate of a mobile base with its topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.proposal import SOURCE_TWIST, Trace
from vla_core.safety.rules.twist import TwistProposal
from vla_core.safety.twist_config import TwistConfig
from vla_core.safety.twist_gate import TwistCommand, TwistGate
from vla_core.types import FloatArray
from vla_inference.monitor.convert import evidence_of, nanoseconds, trace_of
from vla_inference.monitor.driver import Driver
from vla_inference.monitor.latency import LatencyLog
from vla_inference.monitor.qos import COMMANDS
from vla_inference.monitor.robot_model import clock_config, upstream_config
from vla_msgs.msg import ActionChunk


def twist_config(parameters: dict[str, Any]) -> TwistConfig:
    """The gate of a base. Raises LimitsError when the promise cannot be kept."""

    def limit(name: str, unit: str) -> Limit:
        return Limit(parameters[name], unit, f"parameter {name}")

    def speed(name: str, unit: str) -> Limit:
        scale = parameters["velocity_scale"]
        return Limit(parameters[name] * scale, unit, f"parameter {name} times velocity_scale {scale:g}")

    return TwistConfig(
        linear=speed("max_linear", "m/s"),
        angular=speed("max_angular", "rad/s"),
        linear_acceleration=limit("max_linear_acceleration", "m/s^2"),
        angular_acceleration=limit("max_angular_acceleration", "rad/s^2"),
        linear_jerk=limit("max_linear_jerk", "m/s^3"),
        angular_jerk=limit("max_angular_jerk", "rad/s^3"),
        frame_id=parameters["twist_frame"],
        axes=tuple(parameters["twist_axes"]),
        timeout_s=parameters["twist_timeout_s"],
        period_s=1.0 / parameters["rate_hz"],
        promised_stop_s=parameters["promised_stop_s"],
        source_grace_s=parameters["source_grace_s"],
        refusals_to_stop=parameters["refusals_to_stop"],
        clock=clock_config(parameters),
        upstream=upstream_config(parameters),
    )


class TwistPublisher:
    """Publishes Twist or TwistStamped, one message made once. Call it under the gate's lock."""

    def __init__(self, node: Node, topic: str, stamped: bool, frame_id: str) -> None:
        self._node = node
        self._stamped = TwistStamped() if stamped else None
        self._twist = self._stamped.twist if self._stamped is not None else Twist()
        if self._stamped is not None:
            self._stamped.header.frame_id = frame_id
        self._publisher = node.create_publisher(TwistStamped if stamped else Twist, topic, COMMANDS)

    def publish(self, command: TwistCommand) -> None:
        """Send ``command`` now."""
        x, y, z, roll, pitch, yaw = command.twist.tolist()
        linear, angular = self._twist.linear, self._twist.angular
        linear.x, linear.y, linear.z = x, y, z
        angular.x, angular.y, angular.z = roll, pitch, yaw
        if self._stamped is None:
            self._publisher.publish(self._twist)
        else:
            self._stamped.header.stamp = self._node.get_clock().now().to_msg()
            self._publisher.publish(self._stamped)

    def destroy(self) -> None:
        """Take the topic down."""
        self._node.destroy_publisher(self._publisher)


class BaseDriver(Driver[TwistGate, TwistPublisher]):
    """Twist chunks and commands in, twists out."""

    def __init__(
        self,
        node: Node,
        config: TwistConfig,
        parameters: dict[str, Any],
        group: CallbackGroup,
        now: Callable[[], Now],
        latency: LatencyLog,
        changed: Callable[[], None],
    ) -> None:
        topic = parameters["twist_topic"]
        publisher = TwistPublisher(node, topic, parameters["twist_stamped"], config.frame_id)
        super().__init__(node, TwistGate(config), publisher, now, latency, changed)
        self.command_topics = [topic]

        def subscribe(kind: type, name: str, callback: Callable[[Any], None]) -> Subscription:
            return node.create_subscription(kind, name, callback, QoSProfile(depth=1), callback_group=group)

        self.subscriptions = [
            subscribe(ActionChunk, "vla/action_chunk", self.on_chunk),
            subscribe(TwistStamped, SOURCE_TWIST, self.on_command),
        ]

    def on_chunk(self, chunk: ActionChunk) -> None:
        """A plan of the inference node."""
        received, trace = self._now(), trace_of(chunk)
        if chunk.kind == ActionChunk.KIND_TWIST:
            times = np.array([nanoseconds(t.time_from_start) * 1e-9 for t in chunk.twists], dtype=np.float64)
            twists = np.array([_row(t.twist) for t in chunk.twists], dtype=np.float64).reshape(-1, 6)
            t0_ns = nanoseconds(chunk.header.stamp)
            frame_id, scale = chunk.header.frame_id, float(chunk.speed_scale)
            evidence = evidence_of(chunk)
            self._gate.submit(TwistProposal(trace, frame_id, times, twists, t0_ns, scale, evidence), received)
        else:
            self._refuse_kind(int(chunk.kind), trace, received)
        self._latency.decided(chunk, received, self._now())
        self._report()

    def _refuse_kind(self, kind: int, trace: Trace, received: Now) -> None:
        detail = f"kind {kind} is not for a base; send KIND_TWIST ({ActionChunk.KIND_TWIST})"
        self._gate.refuse(Verdict(Decision.HOLD, "twist_shape", "chunk_kind", detail), trace, received)

    def on_command(self, message: TwistStamped) -> None:
        """A twist of anyone else, passed on from here."""
        received = self._now()
        twist = np.array([_row(message.twist)], dtype=np.float64)
        stamp_ns = nanoseconds(message.header.stamp)
        proposal = TwistProposal(Trace(SOURCE_TWIST), message.header.frame_id, np.zeros(1), twist, stamp_ns or None)
        with self._gate.lock:
            if self._gate.submit(proposal, received).decision in (Decision.PASS, Decision.SLOW):
                self._publish(self._gate.command(received))
        self._report()

    def tick(self, now: Now) -> None:
        """One command period."""
        with self._gate.lock:
            command = self._gate.tick(now)
            self._publish(command)
        if command is not None and command.trace is not None and command.trace.chunk_id:
            self._latency.published(command.trace.chunk_id, self._now())
        self._report()

    def _publish(self, command: TwistCommand | None) -> None:
        if command is not None:
            self._publisher.publish(command)


def _row(twist: Twist) -> FloatArray:
    linear, angular = twist.linear, twist.angular
    return np.array([linear.x, linear.y, linear.z, angular.x, angular.y, angular.z])
