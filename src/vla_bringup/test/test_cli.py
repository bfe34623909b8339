import re
from collections.abc import Iterator

import pytest
from std_srvs.srv import Trigger
from typer.testing import CliRunner, Result

from vla_bringup import graph
from vla_bringup.cli import app
from vla_bringup.graph.session import Session

runner = CliRunner()


def vla(*arguments: str) -> Result:
    return runner.invoke(app, list(arguments))


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_help_names_every_command() -> None:
    text = vla("--help").output
    for command in ("say", "stop", "reset", "status", "policy", "robot", "demo", "up"):
        assert command in text


@pytest.mark.ros
@pytest.mark.parametrize(
    "arguments", [("say", "hello"), ("say", "-d", "hello"), ("stop",), ("reset",), ("status",)], ids=" ".join
)
def test_without_a_stack_each_command_says_how_to_start_one(
    arguments: tuple[str, ...], ros_domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("say", "status"):
        monkeypatch.setattr(f"vla_bringup.commands.{module}.DISCOVERY_S", 0.2)
    monkeypatch.setattr(graph.session.Session.client, "__defaults__", (0.2,))
    monkeypatch.setattr(graph.instruction.InstructionClient.wait_for_server, "__defaults__", (0.2,))
    result = vla(*arguments)
    assert result.exit_code == 1
    assert "not found on the ROS graph" in plain(result.output)
    assert "vla up" in plain(result.output)


@pytest.fixture
def operator(ros_domain: int) -> Iterator[Session]:
    session = Session("fake_monitor")
    yield session
    session.close()


@pytest.mark.ros
def test_stop_and_reset_reach_the_safety_monitor_and_report_its_refusal(operator: Session) -> None:
    called: list[str] = []

    def answer(name: str, success: bool) -> None:
        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            called.append(name)
            response.success, response.message = success, "the joint states are stale"
            return response

        operator.node.create_service(Trigger, name, serve)

    answer("vla/emergency_stop", True)
    answer("vla/reset", False)
    stopped, refused = vla("stop"), vla("reset")
    assert (stopped.exit_code, refused.exit_code) == (0, 1)
    assert called == ["vla/emergency_stop", "vla/reset"]
    assert "the joint states are stale" in plain(refused.output)


def test_load_refuses_a_folder_that_is_no_bundle_before_it_asks_anyone(tmp_path) -> None:
    result = vla("policy", "load", str(tmp_path))
    assert result.exit_code == 1
    assert "policy.yaml" in plain(result.output)


def test_a_wrong_policy_python_is_named(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLA_POLICY_PYTHON", "/nowhere/python")
    result = vla("policy", "check", str(tmp_path))
    assert result.exit_code == 1
    assert "VLA_POLICY_PYTHON" in plain(result.output)
