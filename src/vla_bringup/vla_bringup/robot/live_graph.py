"""What the ROS graph tells of a robot, as plain facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python

from vla_bringup.errors import NotRunningError
from vla_bringup.graph.session import Session
from vla_core.preflight.system import (
    RESET_SERVICE,
    STOP_SERVICE,
    CommandFacts,
    ControllerFacts,
    ManagerFacts,
    OperatorFacts,
)
from vla_inference.inference.live_robot import endpoint_facts

ASKED = (
    "joints",
    "interpolate_from_desired_state",
    "allow_nonzero_velocity_at_trajectory_end",
    "cmd_vel_timeout",
    "use_stamped_vel",
)
ANSWER_S = 2.0
MANAGER = "controller_manager/list_controllers"


UNNAMED = "_NODE_NAME_UNKNOWN_"


def fingerprint(node: Node) -> frozenset[tuple[str, str, int, int]] | None:
    """Which topics, services and nodes are known so far; None while one is known that has not told its name."""
    names = node.get_node_names_and_namespaces()
    if any(UNNAMED in name for name, _ in names):
        return None
    topics = {
        (name, "topic", node.count_publishers(name), node.count_subscribers(name))
        for name, _ in node.get_topic_names_and_types()
    }
    services = {(name, "service", 0, 0) for name, _ in node.get_service_names_and_types()}
    return frozenset(topics | services | {(f"{space}/{name}", "node", 0, 0) for name, space in names})


def command_facts(node: Node, what: str, topic: str, commanders: Sequence[str] = ()) -> CommandFacts:
    """commanders: topics that the monitor itself listens to, which are no controllers."""
    name = node.resolve_topic_name(topic)
    listeners = tuple(endpoint_facts(one) for one in node.get_subscriptions_info_by_topic(name))
    others = {node.resolve_topic_name(one) for one in commanders} | {name}
    elsewhere = () if listeners else _listened_to(node, topic, what, others)
    return CommandFacts(what, name, publishers_of(node, name), listeners, elsewhere)


def _listened_to(node: Node, topic: str, what: str, others: set[str]) -> tuple[str, ...]:
    """Topics to which commands of the same kind go, so that a wrong name can be put right."""
    kind = "JointTrajectory" if what.startswith("arm") else "Float64MultiArray" if what.startswith("grip") else "Twist"
    return tuple(
        name
        for name, types in node.get_topic_names_and_types()
        if any(one.rpartition("/")[2].startswith(kind) for one in types)
        and name not in others
        and node.count_subscribers(name)
    )


def publishers_of(node: Node, topic: str) -> tuple[str, ...]:
    """Full names of the nodes that publish ``topic``, sorted, each once."""
    found = node.get_publishers_info_by_topic(node.resolve_topic_name(topic))
    return tuple(sorted({endpoint_facts(one).node for one in found}))


def operator_facts(node: Node) -> OperatorFacts:
    """The monitor, its services and the button."""
    services = {name for name, _ in node.get_service_names_and_types()}
    heard = node.get_subscriptions_info_by_topic(node.resolve_topic_name("vla/e_stop"))
    return OperatorFacts(
        monitors=publishers_of(node, "vla/safety_status"),
        services=tuple(one for one in (STOP_SERVICE, RESET_SERVICE) if node.resolve_service_name(one) in services),
        e_stop_publishers=publishers_of(node, "vla/e_stop"),
        e_stop_listeners=tuple(sorted({endpoint_facts(one).node for one in heard})),
    )


def controller_facts(ros: Session, name: str) -> ControllerFacts:
    """Asks node ``name`` for those of its parameters that matter."""
    return ControllerFacts(name, parameters_of_node(ros, name, ASKED))


def parameters_of_node(ros: Session, name: str, wanted: Iterable[str]) -> dict[str, Any] | None:
    """Those of ``wanted`` that node ``name`` has and has set; None: it does not answer."""
    try:
        listed = _ask(ros, ListParameters, f"{name}/list_parameters", ListParameters.Request())
        names = [one for one in wanted if one in listed.result.names]
        answer = _ask(ros, GetParameters, f"{name}/get_parameters", GetParameters.Request(names=names))
    except NotRunningError:
        return None
    values = (parameter_value_to_python(value) for value in answer.values)
    return {one: value for one, value in zip(names, values, strict=True) if value is not None}


def manager_facts(ros: Session, node: Node) -> ManagerFacts | None:
    """None: there is no controller_manager in the robot's namespace."""
    service = node.resolve_service_name(MANAGER)
    if service not in {name for name, _ in node.get_service_names_and_types()}:
        return None
    try:
        from controller_manager_msgs.srv import ListControllers
    except ImportError:
        return ManagerFacts(service, types_installed=False)
    try:
        answer = _ask(ros, ListControllers, service, ListControllers.Request())
    except NotRunningError:
        return ManagerFacts(service, types_installed=True)
    return ManagerFacts(service, True, {one.name: one.state for one in answer.controller})


def _ask(ros: Session, service_type: Any, name: str, request: Any) -> Any:
    client = ros.client(service_type, name, timeout_s=ANSWER_S)
    try:
        return ros.ask(lambda: client.call_async(request), f"the service {name}", ANSWER_S)
    finally:
        ros.dismiss(client)
