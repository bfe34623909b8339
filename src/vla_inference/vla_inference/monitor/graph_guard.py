"""Only the gate commands the motors. Best effort: a publisher shows on the graph some time after it appears."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node

from vla_core.safety.decision import Decision, Verdict


class GraphGuard:
    """Finds other publishers on the robot's command topics."""

    def __init__(self, node: Node, topics: Sequence[str]) -> None:
        self._node = node
        self._topics = [node.resolve_topic_name(topic) for topic in topics]

    def check(self) -> Verdict | None:
        """STOP naming the other publishers."""
        for topic in self._topics:
            count = self._node.count_publishers(topic)
            if count > 1:
                return self._accuse(topic, count)
        return None

    def nobody_listens(self) -> str:
        """Why arming is senseless: the motion command, the first of the topics, has no listener; empty: it has one."""
        topic = self._topics[0]
        if self._node.count_subscribers(topic):
            return ""
        return f"nobody listens on {topic}; activate the controller, or correct the topic's name, then reset"

    def _accuse(self, topic: str, count: int) -> Verdict:
        infos = self._node.get_publishers_info_by_topic(topic)
        mine = (self._node.get_name(), self._node.get_namespace())
        names = {f"{info.node_namespace.rstrip('/')}/{info.node_name}" for info in infos
                 if (info.node_name, info.node_namespace) != mine}  # fmt: skip
        who = ", ".join(sorted(names)) or "a node of the same name"
        detail = f"{who} publishes on {topic}, which only the gate may command; stop it, then reset"
        return Verdict(Decision.STOP, "exclusive", "second_publisher", detail, float(count), 1.0)
