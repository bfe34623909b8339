"""Everything that is told about the gate, on a thread that nothing waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from vla_core.safety.decision import Decision
from vla_core.safety.status import State, Status
from vla_inference.monitor.latency import LatencyLog
from vla_msgs.msg import Latency, SafetyStatus

STATUS_PERIOD_S = 0.5
DIAGNOSTICS_PERIOD_S = 1.0
POLL_S = 0.2


class Reporter:
    """Publishes status on change and at 2 Hz, latency per chunk, diagnostics at 1 Hz; polls ``watch`` at 5 Hz.

    counters: further values for the diagnostics.
    """

    def __init__(
        self,
        node: Node,
        status: Callable[[], Status | None],
        latency: LatencyLog,
        watch: Callable[[], None],
        counters: Callable[[], dict[str, object]],
    ) -> None:
        self._node, self._status, self._latency = node, status, latency
        self._watch, self._counters = watch, counters
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._status_publisher = node.create_publisher(SafetyStatus, "vla/safety_status", latched)
        self._latency_publisher = node.create_publisher(Latency, "vla/latency", QoSProfile(depth=10))
        self._diagnostics_publisher = node.create_publisher(DiagnosticArray, "/diagnostics", QoSProfile(depth=10))
        self._changed = threading.Event()
        self._stopping = False
        self._said: tuple[object, ...] = ()
        self._due = dict.fromkeys(("status", "diagnostics", "watch"), 0.0)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, or begin again."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="report", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, after a last status."""
        self._stopping = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join()
            self._report(True)

    def changed(self) -> None:
        """Something is to be told soon. Never blocks."""
        self._changed.set()

    def _run(self) -> None:
        while not self._stopping:
            changed = self._changed.wait(POLL_S)
            self._changed.clear()
            try:
                self._report(changed)
            except Exception as error:  # reporting must outlive a failure of its transport
                self._node.get_logger().error(f"reporting failed: {error}")

    def _report(self, changed: bool) -> None:
        if self._is_due("watch", POLL_S):
            self._watch()
        for latency in self._latency.messages():
            self._latency_publisher.publish(latency)
        status = self._status()
        if status is None:
            return
        if self._is_due("status", STATUS_PERIOD_S) or changed:
            self._status_publisher.publish(self._message(status))
            self._log(status)
        if self._is_due("diagnostics", DIAGNOSTICS_PERIOD_S):
            self._diagnostics_publisher.publish(self._diagnose(status))

    def _is_due(self, name: str, period_s: float) -> bool:
        now = time.monotonic()
        if now < self._due[name]:
            return False
        self._due[name] = now + period_s
        return True

    def _message(self, status: Status) -> SafetyStatus:
        verdict = status.verdict
        message = SafetyStatus(
            state=int(status.state), decision=int(verdict.decision), rule=verdict.rule, reason=verdict.reason,
            detail=verdict.detail, value=float(verdict.value), limit=float(verdict.limit),
            chunk_id=status.trace.chunk_id, instruction_id=status.trace.instruction_id, source=status.trace.source,
            speed_scale=float(status.scale), e_stop=status.e_stop, count_pass=status.count_pass,
            count_slow=status.count_slow, count_hold=status.count_hold, count_stop=status.count_stop,
        )  # fmt: skip
        message.header.stamp = self._node.get_clock().now().to_msg()
        return message

    def _log(self, status: Status) -> None:
        """Say what changed, once."""
        verdict = status.verdict
        said = (status.state, verdict.decision, verdict.reason)
        if said == self._said:
            return
        self._said = said
        text = f"{status.state.name} {verdict.decision.name} {verdict.reason}: {verdict.detail}".rstrip(": ")
        if verdict.decision >= Decision.HOLD:
            self._node.get_logger().warning(text)
        else:
            self._node.get_logger().info(text)

    def _diagnose(self, status: Status) -> DiagnosticArray:
        values: dict[str, object] = {
            "state": status.state.name, "decision": status.verdict.decision.name, "reason": status.verdict.reason,
            "speed_scale": status.scale, "pass": status.count_pass, "slow": status.count_slow,
            "hold": status.count_hold, "stop": status.count_stop, **self._counters(),
        }  # fmt: skip
        level = DiagnosticStatus.OK
        if status.state is State.STOPPED:
            level = DiagnosticStatus.ERROR
        elif status.state is State.DISARMED or status.verdict.decision >= Decision.HOLD:
            level = DiagnosticStatus.WARN
        entry = DiagnosticStatus(level=level, name=f"{self._node.get_name()}: gate", message=status.state.name)
        entry.message = status.verdict.detail or status.state.name
        entry.hardware_id = self._node.get_namespace()
        entry.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        array = DiagnosticArray(status=[entry])
        array.header.stamp = self._node.get_clock().now().to_msg()
        return array

    def destroy(self) -> None:
        """Take the topics down."""
        for publisher in (self._status_publisher, self._latency_publisher, self._diagnostics_publisher):
            self._node.destroy_publisher(publisher)
