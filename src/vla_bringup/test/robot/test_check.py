"""``vla robot check`` against the simulated arm and its monitor, as processes; and with files that cannot work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from rclpy.qos import QoSProfile
from rich.console import Console
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory
from typer.testing import CliRunner, Result

from vla_bringup.cli import app
from vla_bringup.console import console
from vla_bringup.graph.session import Session, session
from vla_bringup.graph.stack_view import watch
from vla_bringup.stack.progress import ProgressBoard
from vla_bringup.stack.running import running_stack
from vla_bringup.stack.spec import default_bundle, tabletop_params, tabletop_stack

pytestmark = [pytest.mark.ros]
PATIENCE_S = 60.0
RUNNING = "/safety_monitor: parameters"  # the monitor of the fixture runs with the tabletop's own file


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["robot", "check", *arguments])


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_width", 400)


def rows(result: Result) -> dict[str, tuple[str, str]]:
    """what -> verdict, the rest of its line."""
    found = {}
    for line in result.output.splitlines():
        cells = re.split(r"\s{2,}", line.strip(), maxsplit=2)
        if len(cells) == 3 and cells[1] in ("pass", "warn", "fail", "not asked"):
            found[cells[0]] = (cells[1], cells[2])
    return found


def failures(result: Result) -> set[str]:
    return {what for what, (verdict, _) in rows(result).items() if verdict == "fail"}


def params_with(folder: Path, **changes: object) -> str:
    """The tabletop's parameters with others for the monitor."""
    content = yaml.safe_load(tabletop_params().read_text())
    content["/**/safety_monitor"]["ros__parameters"] |= changes
    path = folder / "robot.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.fixture(scope="module")
def robot(_ros_domain_lock: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The simulated arm and its safety monitor; no policy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(_ros_domain_lock))
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        specs = tabletop_stack(default_bundle())[:2]
        logs = tmp_path_factory.mktemp("logs")
        board = ProgressBoard(Console(quiet=True))
        with session("test_robot") as ros, running_stack(ros, specs, tabletop_params(), logs, board):
            yield ros


@pytest.mark.stack
@pytest.mark.render
@pytest.mark.xdist_group("stack")
class TestOnTheSimulatedArm:
    def test_a_good_robot_passes_and_stays_disarmed(self, robot: Session) -> None:
        button = robot.node.create_publisher(Bool, "vla/e_stop", 1)
        view = watch(robot)
        try:
            result = check(str(tabletop_params()), str(default_bundle()))
        finally:
            robot.node.destroy_publisher(button)
        assert result.exit_code == 0, result.output
        found = rows(result)
        assert not failures(result)
        assert {"clock", "limits of the gate", "joint joint4", "camera front", "topic /joint_states"} <= set(found)
        assert found["/sim_node: interpolate_from_desired_state"][0] == "pass"
        assert found["controller_manager"][0] == "not asked"
        assert found["topic vla/e_stop"][0] == "pass"
        assert robot.wait_for(lambda: view.gate is not None, PATIENCE_S)
        assert view.gate_state == "DISARMED"

    def test_a_controller_that_is_not_there_is_named_with_those_that_are(self, robot: Session, tmp_path: Path) -> None:
        params = params_with(tmp_path, command_topic="left_arm_controller/joint_trajectory")
        result = check(params, str(default_bundle()), "--wait", "2")
        assert result.exit_code == 1
        assert failures(result) == {"arm command: listener", RUNNING}
        assert "/arm_controller/joint_trajectory" in rows(result)["arm command: listener"][1]

    def test_a_remapped_controller_is_found(self, robot: Session, tmp_path: Path) -> None:
        params = params_with(tmp_path, command_topic="jtc/joint_trajectory")
        remap = "jtc/joint_trajectory:=arm_controller/joint_trajectory"
        result = check(params, str(default_bundle()), "--remap", remap)
        assert failures(result) == {RUNNING}, result.output

    def test_limits_that_contradict_the_urdf_fail_with_the_gates_own_words(
        self, robot: Session, tmp_path: Path
    ) -> None:
        loose = tmp_path / "loose.yaml"
        loose.write_text(yaml.safe_dump({"joint_limits": {"joint2": {"max_velocity": 9.0}}}))
        result = check(params_with(tmp_path, limits_override_file=str(loose)), str(default_bundle()))
        assert result.exit_code == 1
        assert failures(result) == {"limits of the gate", RUNNING}
        assert "looser than the limit in force" in rows(result)["limits of the gate"][1]

    def test_a_joint_that_the_robot_lacks_fails(self, robot: Session, tmp_path: Path) -> None:
        joints = [f"joint{index}" for index in range(1, 7)] + ["elbow"]
        result = check(params_with(tmp_path, joints=joints), str(default_bundle()))
        assert result.exit_code == 1
        wrong = {"limits of the gate", "joint states of the gate", "joints of policy and gate"}
        assert failures(result) == wrong | {RUNNING}

    def test_another_commander_fails(self, robot: Session) -> None:
        intruder = robot.node.create_publisher(JointTrajectory, "arm_controller/joint_trajectory", QoSProfile(depth=1))
        try:
            result = check(str(tabletop_params()), str(default_bundle()))
        finally:
            robot.node.destroy_publisher(intruder)
        assert result.exit_code == 1
        assert failures(result) == {"arm command: publishers"}
        assert "stop /test_robot" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
        (["TABLETOP", "/nowhere"], "/nowhere: no such folder"),
        (["TABLETOP", "--remap", "a b"], "FROM:=TO"),
    ],
)
def test_what_names_nothing_is_one_line(arguments: list[str], words: str, ros_domain: int) -> None:
    result = check(*(str(tabletop_params()) if word == "TABLETOP" else word for word in arguments))
    assert result.exit_code == 1
    assert words in re.sub(r"\s+", " ", result.output) and result.output.startswith("error:")
    assert not rows(result)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_jerk": 3.0}, "unknown parameters: max_jerk (did you mean max_linear_jerk?)"),
        ({"rate_hz": 100}, "'rate_hz' to '100' of type 'INTEGER', expecting type 'DOUBLE'"),
        ({"velocity_scale": 3.0}, "velocity_scale out of range"),
        ({"robot": "boat"}, "robot is 'boat'; valid: 'arm', 'base'"),
        ({"command_topic": "arm controller"}, "Invalid topic name"),
    ],
)
def test_a_parameter_that_cannot_be_is_one_line_with_the_file(
    changes: dict[str, object], words: str, ros_domain: int, tmp_path: Path
) -> None:
    params = params_with(tmp_path, **changes)
    result = check(params)
    assert result.exit_code == 1
    output = re.sub(r"\s+", " ", result.output)
    assert words in output and params in output.replace(" ", "") and not rows(result)


def test_an_empty_graph_fails_row_by_row(ros_domain: int) -> None:
    arguments = ("--namespace", "nowhere", "--wait", "0.5", "--without-monitor")
    result = check(str(tabletop_params()), str(default_bundle()), *arguments)
    assert result.exit_code == 1
    assert {"limits of the gate", "joint state", "camera front", "arm command: listener"} <= failures(result)
    assert rows(result)["safety monitor"][0] == "not asked"
