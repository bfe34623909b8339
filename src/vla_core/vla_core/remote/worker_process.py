"""A policy worker as a child process: how it is started, how it reports, how it ends."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOG_LINES = 200
EXIT_REFUSED = 2
"""The worker's exit status when starting it again would not help; see ``vla_policy.worker``."""


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """How to start a worker.

    bundle: folder of the policy bundle. socket: unix socket that the worker listens on.
    python: interpreter of the environment that has what the policy needs; may be another than this one.
    threads: of one inference. nice: priority is lowered by it. extra: further options of ``policy_worker``.
    environment: variables to add or replace.
    """

    bundle: Path
    socket: Path
    python: Path = Path(sys.executable)
    threads: int = 1
    nice: int = 5
    device: str = "auto"
    extra: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """What ``RemotePolicy`` connects to."""
        return f"unix:{self.socket}"

    def arguments(self, ready_descriptor: int) -> list[str]:
        """The command line."""
        return [
            str(self.python), "-m", "vla_policy.worker",
            "--bundle", str(self.bundle), "--socket", str(self.socket),
            "--threads", str(self.threads), "--nice", str(self.nice), "--device", self.device,
            "--ready-fd", str(ready_descriptor), "--exit-with-parent", *self.extra,
        ]  # fmt: skip

    def variables(self) -> dict[str, str]:
        """The environment: this process's, and another interpreter is shown where the suite's packages lie."""
        variables = dict(os.environ) | {"PYTHONUNBUFFERED": "1"} | dict(self.environment)
        if self.python.absolute() != Path(sys.executable).absolute():
            folders = [*_package_folders("vla_core", "vla_policy"), variables.get("PYTHONPATH", "")]
            variables["PYTHONPATH"] = os.pathsep.join(folder for folder in folders if folder)
        return variables


class WorkerProcess:
    """One run of a worker. ``changed`` is called, from another thread, when it becomes ready, refuses or ends.

    Must be created on a thread that lives as long as the worker shall: the kernel kills the worker with it.
    """

    def __init__(self, command: WorkerCommand, changed: Callable[[], None], log: Callable[[str], None]) -> None:
        """Start it.

        Raises:
            OSError: the interpreter cannot be started.
        """
        self._changed = changed
        self._log = log
        self._report: Mapping[str, object] | None = None
        self._tail: deque[str] = deque(maxlen=LOG_LINES)
        reading, writing = os.pipe()
        try:
            # A session of its own: Ctrl-C in the terminal stops the robot first, and the worker after it.
            self._process = subprocess.Popen(
                command.arguments(writing),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(writing,),
                env=command.variables(),
                start_new_session=True,
            )
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._readers = (
            threading.Thread(target=self._read_report, args=(reading,), name="worker report", daemon=True),
            threading.Thread(target=self._read_log, name="worker log", daemon=True),
        )
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def ready(self) -> bool:
        """It listens."""
        return self._report is not None and "ready" in self._report

    @property
    def refusal(self) -> str | None:
        """Why it cannot serve, in its own words."""
        return None if self._report is None or "error" not in self._report else str(self._report["error"])

    @property
    def exit_status(self) -> int | None:
        """None while it runs; negative: killed by that signal. What it said before is complete then."""
        status = self._process.poll()
        if status is not None:
            for reader in self._readers:
                if reader is not threading.current_thread():
                    reader.join(1.0)  # bounded: a grandchild may hold the pipes open
        return status

    @property
    def hopeless(self) -> bool:
        """It ended in a way that starting it again would not change."""
        return self.exit_status == EXIT_REFUSED

    def log_tail(self) -> list[str]:
        """Its last lines of output."""
        return list(self._tail)

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._signal(signal.SIGKILL)

    def wait(self, deadline_s: float) -> bool:
        """True when it has ended within ``deadline_s`` [s]."""
        try:
            self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def _read_report(self, descriptor: int) -> None:
        with os.fdopen(descriptor) as pipe:
            line = pipe.readline()
        try:
            report = json.loads(line) if line else None
        except ValueError:
            report = {"error": f"unreadable report: {line[:200]!r}"}
        self._report = report if isinstance(report, dict) else None
        self._changed()

    def _read_log(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self._tail.append(line)
            self._log(line)
        self._process.wait()
        self._changed()


def _package_folders(*packages: str) -> list[str]:
    """Folders that hold ``packages``, found without importing them."""
    folders: list[str] = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            folders.append(str(Path(spec.origin).resolve().parent.parent))
    return list(dict.fromkeys(folders))
