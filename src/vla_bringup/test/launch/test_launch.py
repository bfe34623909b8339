"""The launch files with the real launch: run where a full ROS 2 has it, skipped elsewhere."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from vla_bringup.commands.gate import reset
from vla_bringup.graph.instruction import InstructionClient
from vla_bringup.graph.session import session
from vla_bringup.graph.stack_view import watch

needs_launch = pytest.mark.skipif(
    importlib.util.find_spec("launch_testing") is None or shutil.which("ros2") is None,
    reason="launch_testing and ros2 are part of a full ROS 2 installation",
)
pytestmark = [pytest.mark.ros, pytest.mark.stack, needs_launch, pytest.mark.timeout(600)]
HERE = Path(__file__).parent
LAUNCH_FILES = sorted(path.name for path in (HERE.parents[1] / "launch").glob("*.launch.py"))


@pytest.mark.parametrize("name", ["sim", "gate", "robot"])
def test_with_launch_testing(name: str, ros_domain: int) -> None:
    # Its runner in a process of its own: its pytest plugin does not know every pytest.
    command = [sys.executable, "-m", "launch_testing.launch_test", str(HERE / f"{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=540, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]


def ros2_launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ros2", "launch", "vla_bringup", *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("name", LAUNCH_FILES)
def test_the_arguments_are_shown(name: str, ros_domain: int) -> None:
    shown = ros2_launch(name, "--show-args")
    assert shown.returncode == 0
    assert "no description given" not in shown.stdout
    assert "PathJoin" not in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sim.launch.py", "bundle:=/nowhere"], "bundle:=/nowhere names no policy bundle"),
        (["sim.launch.py", "params:=/nowhere.yaml"], "params:=/nowhere.yaml names no file"),
        (["sim.launch.py", "seed:=first"], "seed:=first is no whole number"),
        (["robot.launch.py", "params:=/nowhere.yaml", "bundle:=/nowhere"], "params:=/nowhere.yaml names no file"),
        (["gate.launch.py"], "missing required argument 'params'"),
        (["gate.launch.py", "params:=/nowhere.yaml"], "params:=/nowhere.yaml names no file"),
        (["policy_server.launch.py", "token_file:=/nowhere"], "token_file:=/nowhere names no file"),
    ],
)
def test_an_argument_that_cannot_be_is_one_line_and_nothing_starts(
    arguments: list[str], words: str, ros_domain: int
) -> None:
    launched = ros2_launch(*arguments)
    assert launched.returncode == 1
    assert [words in line for line in launched.stdout.splitlines() if "[ERROR]" in line] == [True]
    assert "process started" not in launched.stdout


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"joints": ["elbow"]}, "the URDF has no joint 'elbow'"),
        ({"joint_limits_file": "/nowhere.yaml"}, "cannot read '/nowhere.yaml'"),
        ({"max_jerk": 3.0}, "unknown parameters: max_jerk"),
        ({"velocity_scale": 3.0}, "velocity_scale out of range"),
        ({"promised_stop_s": 0.05}, "the promised time to rest 0.050 s cannot be kept"),
    ],
)
def test_a_robot_file_that_cannot_be_is_one_line_of_the_monitor_and_nothing_is_active(
    changes: dict[str, object], words: str, ros_domain: int, tmp_path: Path
) -> None:
    robot = HERE.parents[1] / "config" / "robots" / "generic_7dof"
    content = yaml.safe_load((robot / "robot.yaml").read_text())
    urdf = {"robot_description": (robot / "dry_run.urdf").read_text()}
    content["/**/safety_monitor"]["ros__parameters"] |= urdf | changes
    params = tmp_path / "robot.yaml"
    params.write_text(yaml.safe_dump(content, width=10**7))
    launched = ros2_launch("gate.launch.py", f"params:={params}")
    assert launched.returncode == 1
    assert sum(words in line for line in launched.stdout.splitlines()) == 1, launched.stdout
    assert "safety_monitor is active" not in launched.stdout
    assert "[safety_monitor-1] Traceback" not in launched.stdout


class Launched:
    """``ros2 launch`` of the simulation, with what it prints."""

    def __init__(self, log: Path) -> None:
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                ["ros2", "launch", "vla_bringup", "sim.launch.py"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def pid_of(self, name: str) -> int:
        line = next(line for line in self.lines() if line.startswith(f"[INFO] [{name}") and "started with pid" in line)
        return int(line.rpartition("[")[2].rstrip("]"))

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def where(self, *words: str) -> int:
        """The line with all ``words``; fails with everything printed when there is none."""
        found = [number for number, line in enumerate(self.lines()) if all(word in line for word in words)]
        assert found, f"{words} not in:\n{self.log.read_text()}"
        return found[-1]

    def kill(self) -> None:
        """Whatever is left of it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20.0)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture
def moving(ros_domain: int, tmp_path: Path) -> Iterator[Launched]:
    """The simulation, while its arm carries an instruction out."""
    launched = Launched(tmp_path / "launch.log")
    try:
        with session("test") as ros:
            view = watch(ros)
            assert ros.wait_for(lambda: view.inference_state == "IDLE", 120.0), launched.log.read_text()
            reset("")
            client = InstructionClient(ros)
            client.wait_for_server(20.0)
            client.send("pick up the red cube", 60.0)
            assert ros.wait_for(lambda: view.gate_state == "EXECUTING", 30.0), launched.log.read_text()
        yield launched
    finally:
        launched.kill()


def kill_planner(launched: Launched) -> None:
    os.kill(launched.pid_of("inference_node"), signal.SIGKILL)


def interrupt(launched: Launched) -> None:
    launched.process.send_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("end", "status", "words"),
    [
        (kill_planner, 1, "inference_node ended by itself (exit code -9)"),
        (interrupt, 0, "user interrupted with ctrl-c"),
    ],
)
def test_the_arm_comes_to_rest_before_anything_that_it_needs_ends(
    moving: Launched, end: Callable[[Launched], None], status: int, words: str
) -> None:
    end(moving)
    assert moving.process.wait(60.0) == status, moving.log.read_text()
    order = [
        moving.where(words),
        moving.where("safety_monitor", "DISARMED"),  # said when the arm is at rest
        moving.where("[safety_monitor", "process has finished cleanly"),
        moving.where("[sim_node", "sending signal 'SIGINT'"),
        moving.where("[sim_node", "process has finished cleanly"),
    ]
    assert order == sorted(order), moving.log.read_text()
