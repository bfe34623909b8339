"""The processes of the judged stack: started, found, stopped, killed, and surely gone in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from proof.faults.config import ProcessConfig, StackConfig
from proof.faults.guard import kill_marked
from vla_bringup.errors import StackError
from vla_bringup.graph.session import Session, wait_until
from vla_bringup.stack.lifecycle import LifecycleClient
from vla_bringup.stack.process import ManagedProcess
from vla_bringup.stack.spec import executable_path

MARK = "VLA_FAULTS_RUN"
GUARD = Path(__file__).with_name("guard.py")
APPEAR_S = 90.0


class Processes:
    """One running stack. Every process that it starts, and whatever those start, carries a mark to be found by.

    mark: the variable that they carry. places: what ``{name}`` in the description stands for. remaps: for each role,
    topic -> the topic instead of it.
    """

    def __init__(
        self,
        config: StackConfig,
        session: Session,
        logs: Path,
        places: Mapping[str, str],
        remaps: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._config, self._session, self._logs = config, session, logs
        self._places, self._remaps = places, remaps
        self.mark = {MARK: uuid.uuid4().hex}
        self._guard = subprocess.Popen(
            [sys.executable, "-S", str(GUARD), self._marked], stdin=subprocess.PIPE, start_new_session=True
        )
        self._managed: dict[str, ManagedProcess] = {}
        self._starts = 0

    def start(self) -> None:
        """Everything at once, then each until it works. StackError with the reason when one does not."""
        own = [role for role, process in self._config.processes.items() if process.node or process.command]
        for role in own:
            self._launch(role)
        for role in own:
            self._bring_up(role)

    def restart(self, role: str) -> None:
        """Start a process that has ended, and bring it to where it was."""
        process = self._config.processes[role]
        if process.attach:
            if not process.restart:
                raise StackError(f"{role} was attached to and has ended; give processes.{role}.restart")
            self._managed[role] = self._run(role, [self._filled(word) for word in process.restart])
            return
        old = self._managed.pop(role, None)
        if old is not None:
            old.end(0.5)
        self._launch(role)
        self._bring_up(role)

    def pid(self, role: str) -> int | None:
        """Of the running process; None when there is none now."""
        process = self._config.processes[role]
        if process.child_of:
            parent = self.pid(process.child_of)
            children = [] if parent is None else descendants(parent)
            return next((pid for pid in children if process.match in command_line(pid)), None)
        managed = self._managed.get(role)
        if managed is not None:
            return managed.pid if managed.exit_code is None else None
        if process.attach:
            found = (pid for pid in all_pids() if pid != os.getpid() and process.attach in command_line(pid))
            return next(found, None)
        return None

    def alive(self, role: str) -> bool:
        """Whether it runs."""
        return self.pid(role) is not None

    def signal(self, role: str, number: signal.Signals) -> int:
        """Send a signal; returns the steady time just before it [ns]. StackError when there is no such process."""
        pid = self.pid(role)
        if pid is None:
            raise StackError(f"the process of {role} is not there")
        before = time.monotonic_ns()
        os.kill(pid, number)
        return before

    def log_of(self, role: str) -> str:
        """The end of what it printed."""
        managed = self._managed.get(role)
        return "" if managed is None else managed.log_tail(8)

    def end(self) -> None:
        """Everything, planner first; then whatever carries the mark. What is not ours is let run on."""
        for role in self._config.processes:
            pid = self.pid(role)
            if pid is not None:
                os.kill(pid, signal.SIGCONT)
        for role in ("planner", "monitor", "robot"):
            managed = self._managed.pop(role, None)
            if managed is not None:
                managed.end(4.0)
        kill_marked(self._marked)
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()

    @property
    def _marked(self) -> str:
        return "=".join(next(iter(self.mark.items())))

    def _launch(self, role: str) -> None:
        process = self._config.processes[role]
        remaps = [word for old, new in self._remaps.get(role, {}).items() for word in ("-r", f"{old}:={new}")]
        if process.command:
            command: list[str] = []
            for word in process.command:
                command += remaps if word == "{remaps}" else [self._filled(word)]
        else:
            command = self._node_command(process) + remaps
        self._managed[role] = self._run(role, command)

    def _node_command(self, process: ProcessConfig) -> list[str]:
        command = [str(executable_path(*process.node.split("/"))), "--ros-args"]
        if process.name:
            command += ["-r", f"__node:={process.name}"]
        if process.params_file:
            command += ["--params-file", self._filled(process.params_file)]
        for key, value in process.parameters.items():
            text = yaml.safe_dump(self._filled(value), default_flow_style=True).split("\n")[0]
            command += ["-p", f"{key}:={text}"]
        return command

    def _run(self, role: str, command: list[str]) -> ManagedProcess:
        self._starts += 1
        env = {**self.mark, "ROS_LOG_DIR": str(self._logs / "ros")}
        return ManagedProcess(role, command, self._logs / f"{role}-{self._starts}.log", env)

    def _bring_up(self, role: str) -> None:
        process = self._config.processes[role]

        def check() -> None:
            if self._managed[role].exit_code is not None:
                raise StackError(f"{role} ended at its start: {self.log_of(role)}")

        try:
            if process.lifecycle:
                client = LifecycleClient(self._session, process.name, check)
                client.wait_until_there(APPEAR_S)
                client.configure(APPEAR_S)
                client.activate(APPEAR_S)
            elif process.ready and not wait_until(lambda: self._serves(process.ready, check), APPEAR_S):
                raise StackError(f"{role} did not offer {process.ready} within {APPEAR_S:g} s")
        except StackError as error:
            raise StackError(f"{error}\n{self.log_of(role)}") from error

    def _serves(self, service: str, check: Callable[[], None]) -> bool:
        check()
        wanted = self._session.node.resolve_service_name(service)
        return any(name == wanted for name, _ in self._session.node.get_service_names_and_types())

    def _filled(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for name, place in self._places.items():
            value = value.replace(f"{{{name}}}", place)
        return value


def all_pids() -> list[int]:
    """Of every process that there is."""
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def command_line(pid: int) -> str:
    """Words apart by spaces; empty when the process is gone."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")


def descendants(pid: int) -> list[int]:
    """Children of ``pid``, and theirs."""
    parents = {child: _parent(child) for child in all_pids()}
    found, border = [], [pid]
    while border:
        border = [child for child, parent in parents.items() if parent in border]
        found += border
    return found


def _parent(pid: int) -> int:
    after_name = _read(pid, "stat").rpartition(b") ")[2].split()
    return int(after_name[1]) if len(after_name) > 1 else 0


def _read(pid: int, name: str) -> bytes:
    try:
        return (Path("/proc") / str(pid) / name).read_bytes()
    except OSError:
        return b""
