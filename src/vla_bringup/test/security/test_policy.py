"""The security policy permits what the stack really does, and lets nobody but the safety monitor command the robot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rclpy.node import Node

from vla_bringup.graph.session import Session, wait_until
from vla_bringup.graph.stack_view import watch
from vla_bringup.stack.spec import tabletop_params, tabletop_stack
from vla_bringup.stack.supervisor import Stack
from vla_core.contract import write_bundle
from vla_core.testing import make_contract_mapping

from .permissions import Rules, dds_topics, read

POLICY = Path(__file__).resolve().parents[2] / "config" / "security" / "policy.xml"
MONITOR = "/vla/safety_monitor"
COMMANDS = ("arm_controller/joint_trajectory", "arm_controller/commands", "gripper_controller/commands", "cmd_vel")
NODES = ("sim_node", "safety_monitor", "inference_node")
ENCLAVES = {f"/vla/{name}" for name in ("driver", "front_camera", "wrist_camera", "operator", *NODES)}


@pytest.fixture(scope="module")
def rules() -> dict[str, Rules]:
    return read(POLICY)


def commands() -> Iterator[tuple[str, str]]:
    """What moves the robot: (direction, DDS topic)."""
    for name in COMMANDS:
        yield from dds_topics("topic", "publish", f"/{name}")
    yield from dds_topics("service", "request", "/controller_manager/switch_controller")
    yield from dds_topics("action", "call", "/arm_controller/follow_joint_trajectory")


def test_each_process_has_an_enclave(rules: dict[str, Rules]) -> None:
    assert set(rules) == ENCLAVES


@pytest.mark.parametrize("enclave", sorted(ENCLAVES - {MONITOR}))
def test_nobody_but_the_monitor_may_send_what_moves_the_robot(rules: dict[str, Rules], enclave: str) -> None:
    sends = [topic for direction, topic in commands() if direction == "publish"]
    assert not [topic for topic in sends if rules[enclave].permit("publish", topic)]
    # A wildcard that somebody adds must not allow it either.
    rules[enclave].allowed["publish"].add("*")
    try:
        assert not [topic for topic in sends if rules[enclave].permit("publish", topic)]
    finally:
        rules[enclave].allowed["publish"].discard("*")


def test_the_monitor_may(rules: dict[str, Rules]) -> None:
    missing = [topic for direction, topic in commands() if not rules[MONITOR].permit(direction, topic)]
    assert missing == ["rt/arm_controller/commands"]  # a controller without a timeout: for simulation only


def test_plans_come_from_the_planner_alone(rules: dict[str, Rules]) -> None:
    planners = [name for name, one in rules.items() if one.permit("publish", "rt/vla/action_chunk")]
    assert planners == ["/vla/inference_node"]


def test_no_permission_is_a_pattern(rules: dict[str, Rules]) -> None:
    names = {name for one in rules.values() for direction in one.allowed.values() for name in direction}
    assert not [name for name in names if set(name) & set("*?[")]


def test_no_comment_stands_between_enclaves() -> None:
    """SROS2 takes it for an enclave without a name, and makes no keys."""
    between = POLICY.read_text().partition("<enclaves>")[2].split("</enclave>")
    assert not [text for text in between if text.lstrip().startswith("<!--")]


@pytest.fixture
def live(ros_domain: int, tmp_path: Path) -> Iterator[Session]:
    """The real stack, started by an operator who listens to it."""
    mapping = make_contract_mapping(name="hold")
    action = mapping["action"]
    assert isinstance(action, dict)
    action["kind"] = "absolute"
    bundle = tmp_path / "hold"
    bundle.mkdir()
    write_bundle(bundle, mapping)
    session = Session("vla_up")
    try:
        watch(session, simulator=True)
        with Stack(session, tabletop_stack(bundle), tabletop_params(), tmp_path / "log", lambda *_: None) as stack:
            stack.start()
            yield session
    finally:
        session.close()


def used_by(graph: Node, name: str) -> set[tuple[str, str]]:
    """(direction, DDS topic) of every publisher, subscription, server and client of a node."""
    found = set()
    for right, pairs in (
        ("publish", graph.get_publisher_names_and_types_by_node(name, "/")),
        ("subscribe", graph.get_subscriber_names_and_types_by_node(name, "/")),
    ):
        for topic, _ in pairs:
            found |= set(dds_topics("topic", right, topic))
    for right, pairs in (
        ("reply", graph.get_service_names_and_types_by_node(name, "/")),
        ("request", graph.get_client_names_and_types_by_node(name, "/")),
    ):
        for service, _ in pairs:
            found |= set(dds_topics("service", right, service))
    return found


@pytest.mark.ros
@pytest.mark.stack
def test_every_endpoint_of_the_running_stack_is_permitted(live: Session, rules: dict[str, Rules]) -> None:
    graph = live.node
    marks = {  # by these it is seen that the graph knows the node whole
        "sim_node": ("publish", "rt/wrist_camera/camera_info"),
        "safety_monitor": ("publish", "rt/gripper_controller/commands"),
        "inference_node": ("publish", "rr/vla/execute_instruction/_action/get_resultReply"),
    }
    for name, mark in marks.items():
        assert wait_until(lambda name=name, mark=mark: mark in used_by(graph, name), 30.0), f"{name} lacks {mark}"
    refused = {
        f"{enclave}: {direction} {topic}"
        for name, enclave in (*((name, f"/vla/{name}") for name in NODES), ("vla_up", "/vla/operator"))
        for direction, topic in used_by(graph, name)
        if not rules[enclave].permit(direction, topic)
    }
    assert not refused, "\n".join(sorted(refused))
    for topic in ("arm_controller/joint_trajectory", "gripper_controller/commands"):
        publishers = {info.node_name for info in graph.get_publishers_info_by_topic(f"/{topic}")}
        assert publishers == {"safety_monitor"}, topic
