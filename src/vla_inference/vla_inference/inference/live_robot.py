"""Preflight: the live robot, as it is on the graph, held against a contract."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from vla_core.contract import Contract
from vla_core.preflight import CameraFacts, EndpointFacts, RobotFacts, TopicFacts, run_preflight
from vla_core.urdf import parse_urdf
from vla_inference.inference.camera_input import SENSOR_QOS
from vla_inference.inference.observer import rgb
from vla_inference.inference.sensors import Sensors

_RELIABILITY = {ReliabilityPolicy.RELIABLE: "reliable", ReliabilityPolicy.BEST_EFFORT: "best_effort"}
_DURABILITY = {DurabilityPolicy.TRANSIENT_LOCAL: "transient_local", DurabilityPolicy.VOLATILE: "volatile"}
_log = logging.getLogger(__name__)


def check_live_robot(contract: Contract, sensors: Sensors, node: Node) -> None:
    """Compare; what only deserves a look is logged.

    Raises:
        PreflightError: with every difference and its remedy.
        ObservationError: a compressed image cannot be decoded.
    """
    report = run_preflight(contract, robot_facts(contract.camera_names, bool(contract.state), sensors, node))
    for finding in report.warnings:
        _log.warning("preflight of %s: %s", report.policy_id, finding)
    report.raise_if_refused()


def robot_facts(cameras: Iterable[str], joints: bool, sensors: Sensors, node: Node) -> RobotFacts:
    """What preflight wants to know. cameras, joints: the inputs whose topics it is to look at."""
    topics = [sensors.cameras[name].topic for name in cameras if name in sensors.cameras]
    if joints:
        topics.append(sensors.joint_input.topic)
    newest = sensors.newest_joints()
    urdf = sensors.robot.urdf
    return RobotFacts(
        joints=None if urdf is None else parse_urdf(urdf),
        state=None if newest is None else dict(zip(newest.names, newest.positions, strict=False)),
        cameras=tuple(_camera_facts(name, sensors) for name in sensors.cameras),
        topics=tuple(topic_facts(topic, node, SENSOR_QOS) for topic in topics),
    )


def _camera_facts(name: str, sensors: Sensors) -> CameraFacts:
    topic, frame = sensors.cameras[name].topic, sensors.newest_frame(name)
    if frame is None:
        return CameraFacts(name, topic)
    width, height = frame.width, frame.height
    if frame.compressed:
        height, width = rgb(frame).shape[:2]
    return CameraFacts(name, topic, width, height, frame.encoding, frame.compressed, sensors.rate_hz(name))


def topic_facts(topic: str, node: Node, requested: QoSProfile) -> TopicFacts:
    """Who offers ``topic``, which is ``requested`` so."""
    offered = tuple(endpoint_facts(one) for one in node.get_publishers_info_by_topic(topic))
    return TopicFacts(topic, _RELIABILITY[requested.reliability], _DURABILITY[requested.durability], offered)


def endpoint_facts(endpoint: TopicEndpointInfo) -> EndpointFacts:
    """A publisher or a subscription, as the graph tells it."""
    return EndpointFacts(
        node=f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}",
        # What DDS does not tell is taken for what serves every request.
        reliability=_RELIABILITY.get(endpoint.qos_profile.reliability, "reliable"),
        durability=_DURABILITY.get(endpoint.qos_profile.durability, "transient_local"),
    )
