"""inference_node as a process: what a signal and a wrong start do."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vla_msgs.msg import InferenceStatus

from .conftest import worker_processes

pytestmark = pytest.mark.ros


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_and_its_worker(robot, start, make_bundle, joint_limits: Path, number: int) -> None:
    process = start("-p", f"bundle:={make_bundle()}", "-p", f"joint_limits_file:={joint_limits}")
    assert robot.transition("configure")
    assert robot.transition("activate")
    robot.say("pick up the red cube")
    robot.wait_state(InferenceStatus.RUNNING)
    workers = worker_processes(process.pid)
    assert len(workers) == 1
    process.send_signal(number)
    output, _ = process.communicate(timeout=60.0)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert not Path(f"/proc/{workers[0]}").exists()


def test_a_killed_node_takes_its_worker_along(robot, start, make_bundle, joint_limits: Path) -> None:
    process = start("-p", f"bundle:={make_bundle()}", "-p", f"joint_limits_file:={joint_limits}")
    assert robot.transition("configure")
    assert robot.transition("activate")
    workers = worker_processes(process.pid)
    process.kill()
    process.communicate(timeout=60.0)
    give_up = time.monotonic() + 60.0
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < give_up, "the worker outlived its node"
        time.sleep(0.01)


def test_a_parameter_out_of_range_is_told_and_ends_the_process(start) -> None:
    process = start("-p", "replan_rate_hz:=1000.0")
    output, _ = process.communicate(timeout=60.0)
    assert process.returncode == 1
    assert "replan_rate_hz" in output and "Traceback" not in output


@pytest.fixture
def start(_ros) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts inference_node as a process, with parameters; what still runs after the test is ended.

    Interrupted rather than killed: a killed node's services stay on the graph for many seconds, and would be taken for
    those of the next test's node.
    """
    running: list[subprocess.Popen[str]] = []

    def start_process(*parameters: str) -> subprocess.Popen[str]:
        # The double says once what a monitor repeats twice a second.
        patient = ("-p", "gate.timeout_s:=60.0")
        command = [sys.executable, "-m", "vla_inference.inference_node", "--ros-args", *patient, *parameters]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return running[-1]

    yield start_process
    for process in running:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60.0)
