"""The runner on the real stack: one fault, once; and the end of the runner is the end of everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stack, pytest.mark.ros, pytest.mark.render, pytest.mark.xdist_group("stack")]

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 240.0


def start(out: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "proof.faults", *arguments, "--out", str(out), "--no-docs"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def processes_of(out: Path) -> dict[int, str]:
    """Process ids and command lines of the stack that writes its logs below ``out``."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"ROS_LOG_DIR={out}".encode() in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def wait(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_an_emergency_stop_is_measured_and_nothing_is_left(ros_domain: int, tmp_path: Path) -> None:
    process = start(tmp_path, "emergency stop")
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in (0, 1), output
    (row,) = json.loads((tmp_path / "report.json").read_text())
    # How fast it is, a busy machine decides; that it happens, and what it does to the arm, does not depend on it.
    assert row["fault"] == "emergency stop" and row["reason"] == "emergency_stop", output
    assert row["detection_ms"] > 0.0 and row["rest_ms"] > 0.0
    assert row["speed_at_fault_rad_s"][0] > 0.3
    assert row["peak_violation"] == 0.0 and row["contact"] == ""
    assert row["recovered"] and row["recovery"] == "reset + instruction"
    assert process.returncode == int(not row["ok"])
    assert processes_of(tmp_path) == {}


def test_a_runner_that_is_killed_leaves_nothing_not_even_a_stopped_process(ros_domain: int, tmp_path: Path) -> None:
    process = start(tmp_path, "monitor paused")
    try:
        assert wait(lambda: len(processes_of(tmp_path)) >= 3)
        for pid in processes_of(tmp_path):  # stopped, they hear no polite signal
            os.kill(pid, signal.SIGSTOP)
    finally:
        process.kill()
        process.communicate()
    assert wait(lambda: processes_of(tmp_path) == {})
