"""The table: a row for everything, the findings of the preflight in it, and the remedy where it fails."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import pytest

from vla_core.contract import Contract
from vla_core.preflight import (
    CameraFacts,
    EndpointFacts,
    RobotFacts,
    Row,
    TopicFacts,
    Verdict,
    check_topics,
    policy_rows,
    run_preflight,
    topic_rows,
)
from vla_core.preflight import system as of
from vla_core.testing import HOME_RAD, make_contract_example
from vla_core.urdf import UrdfJoint

CONTRACT = make_contract_example()
ARM = [f"joint{index}" for index in range(1, 8)]
JOINTS = {name: UrdfJoint(name, "revolute", "a", "b", -3.1, 3.8, 2.0, 80.0, None) for name in ARM} | {
    "finger_joint1": UrdfJoint("finger_joint1", "prismatic", "b", "c", 0.0, 0.04, 0.1, 20.0, None)
}
PUBLISHER = EndpointFacts("/driver", "reliable", "volatile")
GOOD = RobotFacts(
    joints=JOINTS,
    state=dict(zip(CONTRACT.state_names, (*HOME_RAD, 0.04), strict=True)),
    cameras=tuple(CameraFacts(name, f"/{name}", 96, 96, "rgb8", rate_hz=30.0) for name in CONTRACT.camera_names),
    topics=(TopicFacts("/joint_states", "best_effort", "volatile", (PUBLISHER,)),),
)
CONTROLLER = EndpointFacts("/jtc", "reliable", "volatile")


def table(robot: RobotFacts, contract: Contract = CONTRACT) -> tuple[Row, ...]:
    return policy_rows(contract, robot, run_preflight(contract, robot).findings)


def only(rows: Iterator[Row] | tuple[Row, ...]) -> Row:
    found = tuple(rows)
    assert len(found) == 1, found
    return found[0]


def failed(rows: Iterator[Row] | tuple[Row, ...]) -> Row:
    row = only(tuple(row for row in rows if row.verdict is Verdict.FAIL))
    assert row.remedy and row.found
    return row


def test_a_good_robot_has_a_passing_row_for_every_joint_camera_gripper_and_topic() -> None:
    rows = table(GOOD)
    assert {row.verdict for row in rows} == {Verdict.PASS}
    assert [row.what for row in rows] == [
        *(f"joint {name}" for name in CONTRACT.state_names),
        "gripper finger_joint1",
        "camera front",
        "camera wrist",
        "topic /joint_states",
    ]
    assert rows[1].found == "at -0.785 rad, limits -3.1 to 3.8"
    assert rows[1].expected == "in -1.7628 to 1.7628 rad, margin 0.1"


def test_every_finding_is_a_row_and_none_of_its_subject_passes() -> None:
    state = {**GOOD.state, "joint2": 3.0, "joint4": math.nan}  # type: ignore[dict-item]
    robot = dataclasses.replace(GOOD, state=state, cameras=GOOD.cameras[1:])
    rows = table(robot)
    wrong = {row.what: row for row in rows if row.verdict is Verdict.FAIL}
    assert set(wrong) == {"joint joint2", "joint joint4", "camera front"}
    assert len(rows) == len(table(GOOD))
    assert wrong["joint joint2"].expected == "in -1.7628 to 1.7628 rad, margin 0.1"
    assert "move it to 1.763 rad" in wrong["joint joint2"].remedy


@pytest.mark.parametrize("missing", [{"state": None}, {"joints": None}])
def test_without_joints_at_all_one_row_says_so_and_none_passes(missing: dict[str, Any]) -> None:
    rows = table(dataclasses.replace(GOOD, **missing))
    assert failed(rows).what in ("joint state", "robot description")
    assert not [row for row in rows if row.what.startswith("joint joint")]


def test_topics_alone_need_no_contract() -> None:
    assert only(topic_rows(GOOD, check_topics(GOOD))).verdict is Verdict.PASS
    silent = dataclasses.replace(GOOD, topics=(dataclasses.replace(GOOD.topics[0], publishers=()),))
    assert failed(topic_rows(silent, check_topics(silent))).found == "nobody publishes it"


def command(**changes: Any) -> of.CommandFacts:
    good = of.CommandFacts("arm command", "/jtc/joint_trajectory", ("/safety_monitor",), (CONTROLLER,))
    return dataclasses.replace(good, **changes)


def test_a_command_with_one_listener_and_no_other_commander_passes() -> None:
    rows = tuple(of.command_rows(command(), ("/safety_monitor",)))
    assert [row.verdict for row in rows] == [Verdict.PASS, Verdict.PASS]
    assert failed(of.command_rows(command(), ())).found == "/safety_monitor"  # its status is not heard


def test_a_controller_name_that_nobody_has_is_failed_with_those_that_listen() -> None:
    wrong = command(topic="/jtd/joint_trajectory", listeners=(), elsewhere=("/jtc/joint_trajectory",))
    row = failed(of.command_rows(wrong, ("/safety_monitor",)))
    assert row.found == "nobody listens on /jtd/joint_trajectory; somebody listens on /jtc/joint_trajectory"
    assert "correct the topic" in row.remedy


def test_another_commander_is_named() -> None:
    row = failed(of.command_rows(command(publishers=("/moveit", "/safety_monitor")), ("/safety_monitor",)))
    assert row.found == "/moveit" and "stop /moveit" in row.remedy


def test_a_listener_that_wants_latched_commands_is_never_served() -> None:
    deaf = dataclasses.replace(CONTROLLER, durability="transient_local")
    assert "never served" in failed(of.command_rows(command(listeners=(deaf,)), ("/safety_monitor",))).found


def test_two_listeners_deserve_a_look() -> None:
    rows = tuple(of.command_rows(command(listeners=(CONTROLLER, CONTROLLER)), ("/safety_monitor",)))
    assert rows[0].verdict is Verdict.WARN


JTC = {"interpolate_from_desired_state": True, "allow_nonzero_velocity_at_trajectory_end": False, "joints": ARM}


def test_a_trajectory_controller_as_it_must_be() -> None:
    rows = tuple(of.arm_controller_rows(of.ControllerFacts("/jtc", JTC), ARM))
    assert [row.verdict for row in rows] == [Verdict.PASS] * 3
    shuffled = of.ControllerFacts("/jtc", JTC | {"joints": ARM[::-1]})
    assert not [row for row in of.arm_controller_rows(shuffled, ARM) if row.verdict is Verdict.FAIL]


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("interpolate_from_desired_state", False, "measured state"),
        ("allow_nonzero_velocity_at_trajectory_end", True, "end at rest"),
        ("joints", ARM[:6], "the same joints"),
    ],
)
def test_a_trajectory_controller_that_breaks_the_stream_fails(name: str, value: object, remedy: str) -> None:
    row = failed(of.arm_controller_rows(of.ControllerFacts("/jtc", JTC | {name: value}), ARM))
    assert row.what == f"/jtc: {name}" and remedy in row.remedy


def test_a_controller_that_does_not_answer_is_not_passed() -> None:
    silent = of.ControllerFacts("/jtc", None)
    assert only(of.arm_controller_rows(silent, ARM)).verdict is Verdict.SKIP
    assert only(of.base_controller_rows(silent, True)).verdict is Verdict.SKIP


def test_a_base_must_stop_by_itself_and_speak_the_same_type() -> None:
    right = of.ControllerFacts("/ddc", {"cmd_vel_timeout": 0.5, "use_stamped_vel": True})
    assert {row.verdict for row in of.base_controller_rows(right, True)} == {Verdict.PASS}
    assert failed(of.base_controller_rows(right, False)).what == "/ddc: use_stamped_vel"
    for timeout in (0.0, 10.0, math.nan):
        never = of.ControllerFacts("/ddc", {"cmd_vel_timeout": timeout})
        assert "when the monitor dies" in failed(of.base_controller_rows(never, True)).remedy


def test_the_controller_manager() -> None:
    needed = ["/jtc", "/gripper"]
    assert of.manager_row(None, needed).verdict is Verdict.SKIP
    untyped = of.manager_row(of.ManagerFacts("/cm/list_controllers", types_installed=False), needed)
    assert untyped.verdict is Verdict.SKIP and "not installed" in untyped.found and "ros2 control" in untyped.remedy
    assert of.manager_row(of.ManagerFacts("/cm/list_controllers", True), needed).verdict is Verdict.FAIL
    active = of.ManagerFacts("/cm/list_controllers", True, {"jtc": "active", "gripper": "active", "spare": "inactive"})
    assert of.manager_row(active, needed).verdict is Verdict.PASS
    idle = of.manager_row(dataclasses.replace(active, states={"jtc": "inactive", "gripper": "active"}), needed)
    assert idle.verdict is Verdict.FAIL and idle.remedy == "ros2 run controller_manager spawner jtc"
    assert of.manager_row(dataclasses.replace(active, states={}), needed).verdict is Verdict.FAIL


OPERATOR = of.OperatorFacts(("/gate",), (of.STOP_SERVICE, of.RESET_SERVICE), ("/button",), ("/gate",))


def test_the_operator_can_stop_and_reset() -> None:
    assert {row.verdict for row in of.operator_rows(OPERATOR)} == {Verdict.PASS}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"monitors": ()}, "safety monitor"),
        ({"monitors": ("/gate", "/second")}, "safety monitor"),
        ({"services": (of.STOP_SERVICE,)}, f"service {of.RESET_SERVICE}"),
        ({"services": (of.RESET_SERVICE,)}, f"service {of.STOP_SERVICE}"),
        ({"e_stop_listeners": ()}, "topic vla/e_stop"),
    ],
)
def test_what_an_operator_lacks_fails(changes: dict[str, Any], what: str) -> None:
    assert failed(of.operator_rows(dataclasses.replace(OPERATOR, **changes))).what == what


def test_no_button_deserves_a_look() -> None:
    rows = of.operator_rows(dataclasses.replace(OPERATOR, e_stop_publishers=()))
    assert [row.what for row in rows if row.verdict is Verdict.WARN] == ["topic vla/e_stop"]


def test_a_monitor_that_runs_with_another_file_is_found() -> None:
    stated = {"velocity_scale": 0.1, "joints": ARM, "command_topic": "jtc"}
    assert of.running_row("/gate", dict(stated), stated).verdict is Verdict.PASS
    row = of.running_row("/gate", {**stated, "velocity_scale": 1.0}, stated)
    assert row.verdict is Verdict.FAIL and row.found == "velocity_scale is 1.0, the file says 0.1"
    assert "restart" in row.remedy
    assert of.running_row("/gate", None, stated).verdict is Verdict.SKIP


def clock(monitor: bool, planner: bool, *publishers: str, age_s: float | None = 0.01) -> of.ClockFacts:
    return of.ClockFacts({"safety_monitor": monitor, "inference_node": planner}, publishers, age_s)


@pytest.mark.parametrize("facts", [clock(False, False), clock(True, True, "/sim")])
def test_clocks_that_agree(facts: of.ClockFacts) -> None:
    assert {row.verdict for row in of.clock_rows(facts)} == {Verdict.PASS}


@pytest.mark.parametrize(
    ("facts", "remedy"),
    [
        (clock(True, False, "/sim"), "alike in the whole parameter file"),
        (clock(True, True), "start the simulation"),
        (clock(False, False, "/sim"), "use_sim_time: true"),
        (clock(True, True, "/sim", "/bag"), "leave one clock"),
        (clock(False, False, age_s=-0.2), "synchronize"),
        (clock(False, False, age_s=1.5), "synchronize"),
        (clock(False, False, age_s=math.nan), "synchronize"),
    ],
)
def test_clocks_that_do_not(facts: of.ClockFacts, remedy: str) -> None:
    assert remedy in failed(of.clock_rows(facts)).remedy


def test_the_joint_states_of_the_gate() -> None:
    names = [*ARM, "finger_joint1"]
    state = of.JointStateFacts("/joint_states", names[::-1], 0.01)
    assert only(of.gate_state_rows(state, names, 0.1)).verdict is Verdict.PASS
    slow = dataclasses.replace(state, longest_gap_s=0.2)
    assert only(of.gate_state_rows(slow, names, 0.1)).verdict is Verdict.WARN
    partial = dataclasses.replace(state, names=ARM)
    assert "publish finger_joint1 on /joint_states" in failed(of.gate_state_rows(partial, names, 0.1)).remedy
    assert failed(of.gate_state_rows(None, names, 0.1)).found == "none has come"


def test_a_plan_is_for_exactly_the_joints_of_the_gate() -> None:
    assert of.plan_joints_row(ARM[::-1], ARM).verdict is Verdict.PASS
    assert of.plan_joints_row(ARM[:6], ARM).verdict is Verdict.FAIL
