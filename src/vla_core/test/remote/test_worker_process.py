"""With real processes; in place of the real worker, scripts that do what the test needs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vla_core.remote.worker_process import WorkerCommand, WorkerProcess

PATIENCE_S = 60.0
REPORT = "import os, sys; fd = int(sys.argv[sys.argv.index('--ready-fd') + 1]); "
READY = REPORT + 'os.write(fd, b\'{"ready": "here"}\\n\'); os.close(fd); '


class Run:
    """A process running ``script`` as ``vla_policy.worker``, and what it did."""

    def __init__(self, folder: Path, script: str) -> None:
        package = folder / "vla_policy"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "worker.py").write_text(script)
        self.lines: list[str] = []
        self._changed = threading.Condition()
        command = WorkerCommand(folder, folder / "w.sock", environment={"PYTHONPATH": str(folder)}, nice=0)
        self.process = WorkerProcess(command, self._notify, self.lines.append)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE_S)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], Run]]:
    runs: list[Run] = []

    def start(script: str) -> Run:
        runs.append(Run(tmp_path, script))
        return runs[-1]

    yield start
    for one in runs:
        one.process.kill()
        assert one.process.wait(PATIENCE_S)


def test_it_reports_that_it_is_ready(run: Callable[[str], Run]) -> None:
    one = run(READY + "sys.stdin.read()")
    one.wait_for(lambda: one.process.ready)
    assert one.process.exit_status is None and one.process.refusal is None


def test_it_reports_why_it_refuses(run: Callable[[str], Run]) -> None:
    one = run(REPORT + 'os.write(fd, b\'{"error": "no such bundle"}\\n\'); sys.exit(2)')
    one.wait_for(lambda: one.process.exit_status is not None)
    assert one.process.refusal == "no such bundle" and one.process.hopeless and not one.process.ready


def test_a_crash_leaves_its_last_words(run: Callable[[str], Run]) -> None:
    one = run("raise RuntimeError('out of memory')")
    one.wait_for(lambda: one.process.exit_status is not None)
    assert one.process.exit_status == 1 and not one.process.hopeless
    assert one.process.log_tail()[-1] == "RuntimeError: out of memory" == one.lines[-1]


def test_an_unreadable_report_is_a_refusal(run: Callable[[str], Run]) -> None:
    one = run(REPORT + "os.write(fd, b'garbage\\n'); sys.stdin.read()")
    one.wait_for(lambda: one.process.refusal is not None)
    assert not one.process.ready


def test_only_the_end_of_a_long_log_is_kept(run: Callable[[str], Run]) -> None:
    one = run("for i in range(1000): print(i)")
    one.wait_for(lambda: one.process.exit_status is not None)
    assert one.process.log_tail() == [str(i) for i in range(800, 1000)]


def test_a_worker_that_ignores_the_end_can_be_killed(run: Callable[[str], Run]) -> None:
    one = run("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY + "sys.stdin.read()")
    one.wait_for(lambda: one.process.ready)
    one.process.terminate()
    assert not one.process.wait(0.1)
    one.process.kill()
    assert one.process.wait(PATIENCE_S) and one.process.exit_status == -9


def test_it_has_a_session_of_its_own(run: Callable[[str], Run]) -> None:
    """So that Ctrl-C in the terminal reaches the node alone."""
    one = run("import os; print(os.getsid(0) == os.getpid())")
    one.wait_for(lambda: one.process.exit_status is not None)
    assert one.lines == ["True"]


def test_the_command_line_of_a_worker() -> None:
    command = WorkerCommand(
        Path("/b"), Path("/s"), python=Path("/venv/bin/python"), threads=2, extra=("--log-level=debug",)
    )
    line = command.arguments(7)
    assert line[:3] == ["/venv/bin/python", "-m", "vla_policy.worker"]
    assert line[line.index("--ready-fd") + 1] == "7" and line[line.index("--threads") + 1] == "2"
    assert line[-1] == "--log-level=debug" and command.endpoint == "unix:/s"


def test_another_interpreter_is_shown_the_packages() -> None:
    other = WorkerCommand(Path("/b"), Path("/s"), python=Path("/venv/bin/python"), environment={"PYTHONPATH": "/mine"})
    folders = other.variables()["PYTHONPATH"].split(":")
    assert (Path(folders[0]) / "vla_core" / "remote").is_dir() and folders[-1] == "/mine"
    same = WorkerCommand(Path("/b"), Path("/s"), python=Path(sys.executable), environment={"PYTHONPATH": "/mine"})
    assert same.variables()["PYTHONPATH"] == "/mine"


def test_an_interpreter_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    command = WorkerCommand(tmp_path, tmp_path / "w.sock", python=tmp_path / "python")
    with pytest.raises(OSError, match="python"):
        WorkerProcess(command, lambda: None, print)
