"""Starts the processes of a stack, brings them to work, watches them, and ends them in the right order."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from vla_bringup.errors import StackError
from vla_bringup.graph.session import Session, wait_until
from vla_bringup.stack.lifecycle import LifecycleClient
from vla_bringup.stack.process import ManagedProcess
from vla_bringup.stack.spec import NodeSpec

Progress = Callable[[str, str], None]
"""Told (node, what it does now)."""

APPEAR_S = 60.0
CONFIGURE_S = 90.0  # the policy worker loads its model meanwhile
ACTIVATE_S = 60.0
REST_S = 5.0


class Stack:
    """The running processes. Use as a context: leaving it brings the arm to rest and ends everything."""

    def __init__(
        self,
        session: Session,
        specs: Sequence[NodeSpec],
        params_file: Path,
        log_dir: Path,
        progress: Progress,
        namespace: str = "",
    ) -> None:
        self._session = session
        self._specs = tuple(specs)
        self._params_file = params_file
        self._log_dir = log_dir
        self._progress = progress
        self._namespace = namespace
        self._processes: dict[str, ManagedProcess] = {}
        self._lifecycles: dict[str, LifecycleClient] = {}
        self._lock: IO[str] | None = None

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    @property
    def logs(self) -> Path:
        """Folder with one log file a process."""
        return self._log_dir

    def start(self) -> None:
        """Start every process and wait until each works. StackError with the reason when one does not."""
        self._lock = _claim(self._namespace)
        env = {"ROS_LOG_DIR": str(self._log_dir / "ros")}
        for spec in self._specs:
            self._progress(spec.name, "starting")
            command = spec.command(self._namespace, self._params_file)
            self._processes[spec.name] = ManagedProcess(spec.name, command, self._log_dir / f"{spec.name}.log", env)
        for spec in self._specs:
            self._bring_up(spec)

    def _bring_up(self, spec: NodeSpec) -> None:
        if spec.lifecycle:
            client = LifecycleClient(self._session, spec.name, self.check)
            self._lifecycles[spec.name] = client
            try:
                client.wait_until_there(APPEAR_S)
                self._progress(spec.name, "configuring")
                client.configure(CONFIGURE_S)
                self._progress(spec.name, "activating")
                client.activate(ACTIVATE_S)
            except StackError as error:
                raise StackError(f"{error}\n{self._evidence(spec.name)}") from error
        elif spec.ready_service and not wait_until(lambda: self._serves(spec.ready_service), APPEAR_S):
            raise StackError(f"{spec.name} did not offer {spec.ready_service}\n{self._evidence(spec.name)}")
        self._progress(spec.name, "active")

    def _serves(self, service: str) -> bool:
        self.check()
        wanted = self._session.node.resolve_service_name(service)
        return any(name == wanted for name, _ in self._session.node.get_service_names_and_types())

    def check(self) -> None:
        """StackError with the end of the log when a process has ended by itself."""
        for process in self._processes.values():
            if process.exit_code is not None:
                raise StackError(
                    f"{process.name} ended unexpectedly ({_ending(process)})\n{self._evidence(process.name)}"
                )

    def _evidence(self, name: str) -> str:
        process = self._processes[name]
        return f"The end of {process.log}:\n{process.log_tail()}"

    def shutdown(self) -> None:
        """The arm to rest first, then every process in the reverse order of the specs' dependence."""
        monitor = self._lifecycles.get("safety_monitor")
        if monitor is not None and self._alive("safety_monitor"):
            self._progress("safety_monitor", "bringing the arm to rest")
            monitor.check = self._check_monitor  # that another process has died must not cut this short
            try:
                if monitor.state() == "active":
                    monitor.deactivate(REST_S)
            except Exception as error:  # the stack must end whatever the monitor says; its own death ends at rest too
                self._progress("safety_monitor", f"did not confirm rest: {error}")
        # The planner goes first, its worker with it; the gate, and what it commands, last.
        for name in ("inference_node", "safety_monitor", *[spec.name for spec in self._specs]):
            process = self._processes.pop(name, None)
            if process is not None:
                self._progress(name, "ending")
                process.end()
                self._progress(name, "ended")
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _check_monitor(self) -> None:
        if not self._alive("safety_monitor"):
            raise StackError("safety_monitor has ended")

    def _alive(self, name: str) -> bool:
        process = self._processes.get(name)
        return process is not None and process.exit_code is None


def _ending(process: ManagedProcess) -> str:
    code = process.exit_code
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def lock_file(domain: str | int, namespace: str = "") -> Path:
    """The file whose lock a stack holds while it runs in ``domain`` and ``namespace``."""
    place = namespace.strip("/").replace("/", ".") or "root"
    return Path(tempfile.gettempdir()) / f"vla_stack_{os.getuid()}_{domain}_{place}.lock"


def _claim(namespace: str) -> IO[str]:
    """Only one stack of ours per ROS domain and namespace on this machine: two would command the same topics."""
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    handle = lock_file(domain, namespace).open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise StackError(
            f"a stack already runs with ROS_DOMAIN_ID={domain} and namespace '/{namespace.strip('/')}' on this "
            "machine; end it, or choose another ROS_DOMAIN_ID"
        ) from error
    return handle
