"""QoS: whether what is requested can be served by what is offered (DDS request-versus-offered)."""

from __future__ import annotations

from collections.abc import Iterator

from vla_core.preflight.facts import RobotFacts, TopicFacts
from vla_core.preflight.report import Finding, refuse, warn


def check_topics(robot: RobotFacts) -> Iterator[Finding]:
    """Each topic: somebody publishes it, one alone, and compatibly."""
    for topic in robot.topics:
        subject = f"topic {topic.topic}"
        if not topic.publishers:
            yield refuse(subject, "nobody publishes it", "start its driver, or set the right topic")
            continue
        if len(topic.publishers) > 1:
            nodes = ", ".join(publisher.node for publisher in topic.publishers)
            yield warn(subject, f"{len(topic.publishers)} publishers share it: {nodes}", "stop all but one")
        yield from _check_qos(subject, topic)


def _check_qos(subject: str, topic: TopicFacts) -> Iterator[Finding]:
    for publisher in topic.publishers:
        if (topic.reliability, publisher.reliability) == ("reliable", "best_effort"):
            yield refuse(
                subject,
                f"{publisher.node} offers best_effort, reliable is requested, so that nothing arrives",
                "request best_effort, or publish reliably",
            )
        if (topic.durability, publisher.durability) == ("transient_local", "volatile"):
            yield refuse(
                subject,
                f"{publisher.node} offers volatile, transient_local is requested, so that nothing arrives",
                "request volatile, or publish transient_local",
            )
