import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vla_bringup.cli import app
from vla_bringup.graph.session import Session
from vla_bringup.stack.lifecycle import LifecycleClient
from vla_bringup.stack.process import ManagedProcess

FAKE = Path(__file__).parent.parent / "stack" / "fake_node.py"
PATIENCE_S = 30.0

pytestmark = pytest.mark.ros


def status(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["status", *arguments])


def plain(result: Result) -> str:
    return re.sub(r"\s+", " ", result.output)


@pytest.fixture
def ros(ros_domain: int) -> Iterator[Session]:
    session = Session("health_test")
    yield session
    session.close()


@pytest.fixture
def monitor(ros: Session, tmp_path: Path) -> Iterator[LifecycleClient]:
    process = ManagedProcess("fake", [sys.executable, str(FAKE), "safety_monitor", "obey"], tmp_path / "fake.log")
    client = LifecycleClient(ros, "safety_monitor", lambda: None)
    client.wait_until_there(PATIENCE_S)
    yield client
    process.end()


def test_health_follows_the_lifecycle(monitor: LifecycleClient) -> None:
    seen = []
    for step in (lambda: None, lambda: monitor.configure(PATIENCE_S), lambda: monitor.activate(PATIENCE_S)):
        step()
        result = status("--healthy", "safety_monitor")
        seen.append((result.exit_code, plain(result)))
    assert [code for code, _ in seen] == [1, 1, 0]
    assert "safety_monitor: unconfigured" in seen[0][1]
    assert "safety_monitor: inactive" in seen[1][1]
    assert "safety_monitor: active" in seen[2][1]
    monitor.deactivate(PATIENCE_S)
    assert status("--healthy", "safety_monitor").exit_code == 1


def test_one_healthy_node_does_not_cover_for_one_that_is_not_there(
    monitor: LifecycleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor.configure(PATIENCE_S)
    monitor.activate(PATIENCE_S)
    monkeypatch.setattr("vla_bringup.commands.healthy.DISCOVERY_S", 6.0)
    result = status("--healthy", "safety_monitor", "--healthy", "inference_node")
    assert result.exit_code == 1
    assert "not active: inference_node: not on the ROS graph" in plain(result)


def test_a_namespace_is_another_robot(monitor: LifecycleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor.configure(PATIENCE_S)
    monitor.activate(PATIENCE_S)
    monkeypatch.setattr("vla_bringup.commands.healthy.DISCOVERY_S", 0.5)
    assert status("--namespace", "left_arm", "--healthy", "safety_monitor").exit_code == 1
