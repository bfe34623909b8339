"""Preflight: the live robot, as it is on the graph, held against a contract."""

from __future__ import annotations

import logging

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

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
    report = run_preflight(contract, robot_facts(contract, sensors, node))
    for finding in report.warnings:
        _log.warning("preflight of %s: %s", report.policy_id, finding)
    report.raise_if_refused()


def robot_facts(contract: Contract, sensors: Sensors, node: Node) -> RobotFacts:
    """What preflight wants to know of the inputs that ``contract`` needs."""
    cameras = [name for name in contract.camera_names if name in sensors.cameras]
    topics = [sensors.cameras[name].topic for name in cameras]
    if contract.state:
        topics.append(sensors.joint_input.topic)
    joints = sensors.newest_joints()
    urdf = sensors.robot.urdf
    return RobotFacts(
        joints=None if urdf is None else parse_urdf(urdf),
        state=None if joints is None else dict(zip(joints.names, joints.positions, strict=False)),
        cameras=tuple(_camera_facts(name, sensors) for name in sensors.cameras),
        topics=tuple(_topic_facts(topic, node) for topic in topics),
    )


def _camera_facts(name: str, sensors: Sensors) -> CameraFacts:
    topic, frame = sensors.cameras[name].topic, sensors.newest_frame(name)
    if frame is None:
        return CameraFacts(name, topic)
    width, height = frame.width, frame.height
    if frame.compressed:
        height, width = rgb(frame).shape[:2]
    return CameraFacts(name, topic, width, height, frame.encoding, frame.compressed, sensors.rate_hz(name))


def _topic_facts(topic: str, node: Node) -> TopicFacts:
    offered = tuple(
        EndpointFacts(
            node=f"{publisher.node_namespace.rstrip('/')}/{publisher.node_name}",
            # What DDS does not tell is taken for what serves every request.
            reliability=_RELIABILITY.get(publisher.qos_profile.reliability, "reliable"),
            durability=_DURABILITY.get(publisher.qos_profile.durability, "transient_local"),
        )
        for publisher in node.get_publishers_info_by_topic(topic)
    )
    return TopicFacts(topic, _RELIABILITY[SENSOR_QOS.reliability], _DURABILITY[SENSOR_QOS.durability], offered)
