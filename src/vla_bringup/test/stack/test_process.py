import os
import signal
import sys
from pathlib import Path

import pytest

from vla_bringup.graph.session import wait_until
from vla_bringup.stack.process import ManagedProcess

PATIENCE_S = 20.0

STUBBORN_PARENT = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
time.sleep(600)
"""


def python(tmp_path: Path, code: str) -> ManagedProcess:
    return ManagedProcess("test", [sys.executable, "-c", code], tmp_path / "test.log")


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_its_output_and_its_ending_are_known(tmp_path: Path) -> None:
    process = python(tmp_path, "print('one'); print('two'); raise SystemExit(3)")
    assert process.wait(PATIENCE_S)
    assert process.exit_code == 3
    assert process.log_tail(1) == "two"


def test_an_interrupt_is_tried_first(tmp_path: Path) -> None:
    process = python(
        tmp_path,
        "import time\ntry:\n print('up', flush=True)\n time.sleep(600)\nexcept KeyboardInterrupt: print('rest')",
    )
    assert wait_until(lambda: "up" in process.log_tail(), PATIENCE_S)
    process.end(PATIENCE_S)
    assert process.log_tail(1) == "rest"
    assert process.exit_code == 0


def test_an_interrupt_reaches_it_though_this_process_ignores_interrupts(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = python(tmp_path, "import time\nprint('up', flush=True)\ntime.sleep(600)")
        assert wait_until(lambda: "up" in process.log_tail(), PATIENCE_S)
        process.end(PATIENCE_S)
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.exit_code == -signal.SIGINT


def test_a_process_that_refuses_to_end_is_killed_with_its_children(tmp_path: Path) -> None:
    process = python(tmp_path, STUBBORN_PARENT)
    assert wait_until(lambda: "child" in process.log_tail(), PATIENCE_S)
    child = int(process.log_tail(1).split()[1])
    assert alive(child)
    process.end(grace_s=0.1)
    assert process.exit_code == -signal.SIGKILL
    assert wait_until(lambda: not alive(child), PATIENCE_S)


def test_it_does_not_get_the_terminals_ctrl_c(tmp_path: Path) -> None:
    process = python(tmp_path, "import time; time.sleep(600)")
    try:
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
    finally:
        process.end(0.1)


def test_a_program_that_does_not_exist_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ManagedProcess("test", [str(tmp_path / "nothing")], tmp_path / "test.log")
