import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vla_bringup.errors import StackError
from vla_bringup.graph.session import Session
from vla_bringup.stack.spec import NodeSpec
from vla_bringup.stack.supervisor import Stack

FAKE = Path(__file__).with_name("fake_node.py")
PATIENCE_S = 30.0

pytestmark = pytest.mark.ros


@dataclass(frozen=True, slots=True)
class FakeSpec(NodeSpec):
    behaviour: str = "obey"

    def command(self, namespace: str, params_file: Path) -> list[str]:
        return [sys.executable, str(FAKE), self.name, self.behaviour]


def specs(monitor: str = "obey", planner: str = "obey") -> list[NodeSpec]:
    return [
        FakeSpec("safety_monitor", "", "", lifecycle=True, behaviour=monitor),
        FakeSpec("inference_node", "", "", lifecycle=True, behaviour=planner),
    ]


@pytest.fixture
def ros(ros_domain: int) -> Iterator[Session]:
    session = Session("supervisor_test")
    yield session
    session.close()


def stack(ros: Session, nodes: list[NodeSpec], tmp_path: Path, steps: list[tuple[str, str]]) -> Stack:
    return Stack(ros, nodes, Path("unused"), tmp_path, lambda node, text: steps.append((node, text)))


def test_nodes_become_active_and_the_gate_rests_before_anything_ends(ros: Session, tmp_path: Path) -> None:
    steps: list[tuple[str, str]] = []
    with stack(ros, specs(), tmp_path, steps) as running:
        running.start()
        assert ("inference_node", "active") in steps
        processes = list(running._processes.values())
        with pytest.raises(StackError, match="already runs"):
            stack(ros, specs(), tmp_path / "second", []).start()
    assert steps.index(("safety_monitor", "bringing the arm to rest")) < steps.index(("inference_node", "ending"))
    assert steps.index(("inference_node", "ended")) < steps.index(("safety_monitor", "ending"))
    log = (tmp_path / "safety_monitor.log").read_text().split("\n")
    assert [line.partition(" ")[2] for line in log if line] == ["configure", "activate", "deactivate", "interrupted"]
    assert all(process.exit_code == 0 for process in processes)


def test_a_refusal_is_reported_with_the_nodes_own_words(ros: Session, tmp_path: Path) -> None:
    with (
        pytest.raises(StackError, match=r"(?s)inference_node refused to configure.*because I do not want to"),
        stack(ros, specs(planner="refuse_configure"), tmp_path, []) as running,
    ):
        running.start()


def test_a_crash_while_starting_is_reported_at_once(ros: Session, tmp_path: Path) -> None:
    with (
        pytest.raises(StackError, match=r"(?s)safety_monitor ended unexpectedly \(exit code 7\).*configure"),
        stack(ros, specs(monitor="crash_configure"), tmp_path, []) as running,
    ):
        running.start()


def test_a_crash_later_ends_the_wait_of_whoever_waits_and_the_arm_still_comes_to_rest(
    ros: Session, tmp_path: Path
) -> None:
    steps: list[tuple[str, str]] = []
    with stack(ros, specs(), tmp_path, steps) as running:
        running.start()
        ros.watchdog = running.check
        running._processes["inference_node"]._popen.kill()
        with pytest.raises(StackError, match=r"inference_node ended unexpectedly \(signal 9\)"):
            ros.wait_for(lambda: False, PATIENCE_S)
        ros.watchdog = None
        assert running._processes["safety_monitor"].exit_code is None
    assert ("safety_monitor", "bringing the arm to rest") in steps
    assert not [text for _, text in steps if "did not confirm" in text]
