"""``vla/inference_status`` (latched) and ``/diagnostics``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from vla_inference.inference.stamps import to_time
from vla_inference.inference.status_board import NodeState, NodeStatus
from vla_msgs.msg import InferenceStatus

STATUS_TOPIC = "vla/inference_status"
_LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_LEVELS = {
    NodeState.IDLE: DiagnosticStatus.OK,
    NodeState.RUNNING: DiagnosticStatus.OK,
    NodeState.STARVED: DiagnosticStatus.WARN,
    NodeState.WORKER_DOWN: DiagnosticStatus.ERROR,
    NodeState.INACTIVE: DiagnosticStatus.WARN,
}


class StatusPublisher:
    """Publishes in every lifecycle state, so its publishers are plain ones. Safe to call from any thread.

    values: what /diagnostics shows beside the state, name -> text; asked each time.
    """

    def __init__(self, node: Node, now_ns: Callable[[], int], values: Callable[[], Mapping[str, str]]) -> None:
        self._name = node.get_fully_qualified_name().lstrip("/")
        self._now_ns = now_ns
        self._values = values
        self._status = node.create_publisher(InferenceStatus, STATUS_TOPIC, _LATCHED)
        self._diagnostics = node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    def publish_status(self, status: NodeStatus) -> None:
        """The latched status."""
        message = InferenceStatus(
            state=int(status.state),
            policy_id=status.policy_id,
            instruction_id=status.instruction_id,
            instruction=status.instruction,
            detail=status.detail,
            chunks=status.chunks,
            worker_restarts=status.worker_restarts,
        )
        message.header.stamp = to_time(self._now_ns())
        self._status.publish(message)

    def publish_diagnostics(self, status: NodeStatus) -> None:
        """One entry: the state as level and text, the numbers as values."""
        entry = DiagnosticStatus(
            level=_LEVELS[status.state],
            name=f"{self._name}: inference",
            message=status.detail or status.state.name,
            hardware_id=status.policy_id,
        )
        values = {
            "state": status.state.name,
            "policy": status.policy_id,
            "instruction": status.instruction,
            "chunks": str(status.chunks),
            "worker restarts": str(status.worker_restarts),
            **self._values(),
        }
        entry.values = [KeyValue(key=key, value=value) for key, value in values.items()]
        message = DiagnosticArray(status=[entry])
        message.header.stamp = to_time(self._now_ns())
        self._diagnostics.publish(message)
