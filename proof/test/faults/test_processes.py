"""Finding processes, and ending every last one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable

from proof.faults.guard import kill_marked, marked
from proof.faults.processes import command_line, descendants

# A child that starts another, and does nothing.
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])"


def wait(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60.0
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_children_of_children_are_found_and_killed_also_when_stopped() -> None:
    mark = f"FAULTS_TEST={uuid.uuid4().hex}"
    name, value = mark.split("=")
    parent = subprocess.Popen([sys.executable, "-S", "-c", PARENT], env={**os.environ, name: value})
    try:
        assert wait(lambda: any("time.sleep(600)" in command_line(pid) for pid in descendants(parent.pid)))
        (child,) = [pid for pid in descendants(parent.pid) if "time.sleep(600)" in command_line(pid)]
        assert {parent.pid, child} <= set(marked(mark))
        os.kill(child, signal.SIGSTOP)
        kill_marked(mark)
        assert parent.wait(60.0) == -signal.SIGKILL
        assert wait(lambda: not command_line(child))
    finally:
        parent.kill()


def test_a_process_that_is_gone_has_no_words() -> None:
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    assert command_line(ended.pid) == ""
    assert descendants(ended.pid) == []
