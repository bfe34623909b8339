"""Keeps one policy worker alive: starts it, waits until it serves, starts it again after a crash or a hang."""

from __future__ import annotations

import enum
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vla_core.errors import RemotePolicyError
from vla_core.remote.backoff import Backoff
from vla_core.remote.worker_process import WorkerCommand, WorkerProcess

logger = logging.getLogger(__name__)
_SHOWN_LINES = 15


class WorkerState(enum.Enum):
    """Where a worker stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    HANGING = "hanging, being killed"
    BACKOFF = "waiting to start again"
    REFUSED = "refused to serve"


class Process(Protocol):
    """What the supervisor needs of a child process; see ``WorkerProcess``."""

    @property
    def ready(self) -> bool: ...
    @property
    def refusal(self) -> str | None: ...
    @property
    def exit_status(self) -> int | None: ...
    @property
    def hopeless(self) -> bool: ...
    def log_tail(self) -> list[str]: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self, deadline_s: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """For diagnostics. restarts: starts after the first one. failure: what went wrong last, empty for nothing."""

    state: WorkerState
    restarts: int
    failure: str


class WorkerSupervisor:
    """Supervises the worker that ``launch`` starts.

    launch: starts a process; is given the function to call when its state may have changed.
    ready_deadline_s: a worker that does not serve by then is killed [s]. stop_deadline_s: time to end politely [s].
    on_change: called with every new status, on the supervisor's thread or that of ``report_hang``.
    clock: steady clock [s].
    """

    def __init__(
        self,
        launch: Callable[[Callable[[], None]], Process],
        *,
        backoff: Backoff | None = None,
        ready_deadline_s: float = 120.0,
        stop_deadline_s: float = 3.0,
        on_change: Callable[[WorkerStatus], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launch = launch
        self._backoff = backoff or Backoff()
        self._ready_deadline_s = ready_deadline_s
        self._stop_deadline_s = stop_deadline_s
        self._on_change = on_change
        self._clock = clock
        self._wake = threading.Event()
        self._acting = threading.RLock()
        self._news = threading.Condition()
        self._status = WorkerStatus(WorkerState.STOPPED, 0, "")
        self._process: Process | None = None
        self._tail: list[str] = []
        self._since = 0.0
        self._starts = 0
        self._failures = 0
        self._hang: str | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> WorkerStatus:
        """The present status."""
        return self._status

    @property
    def state(self) -> WorkerState:
        """The present state."""
        return self._status.state

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return self._status.restarts

    def log_tail(self) -> list[str]:
        """The last lines that the present worker, or else the last one, wrote."""
        process = self._process
        return self._tail if process is None else process.log_tail()

    def start(self) -> None:
        """Start the worker and its supervision; returns at once."""
        if self._thread is not None:
            raise ValueError("a supervisor is started once")
        self._thread = threading.Thread(target=self._supervise, name="worker supervisor", daemon=True)
        self._thread.start()

    def wait_ready(self, deadline_s: float) -> None:
        """Return as soon as the worker serves.

        Raises:
            RemotePolicyError: it refused (the message says why), was stopped, or does not serve by the deadline.
        """
        ends = (WorkerState.READY, WorkerState.REFUSED)
        with self._news:
            in_time = self._news.wait_for(lambda: self.state in ends or self._stopping, deadline_s)
            status = self._status
        if status.state is WorkerState.READY:
            return
        if status.state is WorkerState.REFUSED:
            raise RemotePolicyError(f"policy worker refused to serve: {status.failure}")
        why = "it was stopped" if in_time else f"not within {deadline_s:g} s"
        raise RemotePolicyError(
            f"policy worker does not serve ({why}; state: {status.state.value}). {status.failure}\n"
            + self._shown_tail()
        )

    def report_hang(self, reason: str) -> None:
        """A call to the worker ran out of time: kill it; it is started again after the back-off.

        When this returns, the worker no longer counts as ready.
        """
        with self._acting:
            if self.state is not WorkerState.READY:
                return
            self._hang = reason
            self._tell(WorkerState.HANGING, reason)
        self._wake.set()

    def wait_change(self, status: WorkerStatus, deadline_s: float) -> bool:
        """True as soon as the status is another than ``status``; False when it still is at the deadline."""
        with self._news:
            return self._news.wait_for(lambda: self._status != status, deadline_s)

    def stop(self) -> None:
        """End the worker and the supervision; returns when both have ended."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._news:
            self._news.notify_all()

    def step(self, now_s: float) -> float | None:
        """Act on what has happened until ``now_s``; returns in how many seconds to look again, None: at an event."""
        if self._process is None:
            return self._step_without_process(now_s)
        process = self._process
        if process.exit_status is not None:
            return self._after_exit(process, now_s)
        if self._hang is not None:
            reason, self._hang = self._hang, None
            process.kill()
            process.wait(self._stop_deadline_s)
            return self._fail(f"killed: {reason}", now_s)
        if self.state is WorkerState.STARTING:
            return self._step_starting(process, now_s)
        return None

    def _step_without_process(self, now_s: float) -> float | None:
        if self.state is WorkerState.REFUSED:
            return None
        if self.state is WorkerState.BACKOFF:
            left_s = self._since + self._backoff.delay_s(self._failures) - now_s
            if left_s > 0:
                return left_s
        self._starts += 1
        self._since = now_s
        try:
            self._process = self._launch(self._wake.set)
        except OSError as error:
            self._refuse(f"cannot be started: {error}")
            return None
        self._tell(WorkerState.STARTING)
        return self._ready_deadline_s

    def _step_starting(self, process: Process, now_s: float) -> float | None:
        if process.ready:
            self._since = now_s
            self._tell(WorkerState.READY)
            return None
        left_s = self._since + self._ready_deadline_s - now_s
        if left_s > 0:
            return left_s
        process.kill()
        process.wait(self._stop_deadline_s)
        return self._fail(f"killed: not ready within {self._ready_deadline_s:g} s", now_s)

    def _after_exit(self, process: Process, now_s: float) -> float | None:
        if process.hopeless:
            self._refuse(process.refusal or self._last_line(process))
            return None
        status = process.exit_status
        if status is not None and status < 0:  # killed from outside or crashed in native code: it could say nothing
            return self._fail(f"ended by signal {-status}", now_s)
        return self._fail(f"ended with exit status {status}: {self._last_line(process)}", now_s)

    def _fail(self, failure: str, now_s: float) -> float:
        served = self.state in (WorkerState.READY, WorkerState.HANGING)
        if served and now_s - self._since >= self._backoff.healthy_s:
            self._failures = 0
        self._failures += 1
        self._since = now_s
        self._hang = None
        self._forget_process()
        self._tell(WorkerState.BACKOFF, failure)
        return self._backoff.delay_s(self._failures)

    def _refuse(self, failure: str) -> None:
        self._forget_process()
        self._tell(WorkerState.REFUSED, failure)

    def _forget_process(self) -> None:
        if self._process is not None:
            self._tail = self._process.log_tail()
            self._process = None

    def _supervise(self) -> None:
        while not self._stopping:
            self._wake.clear()
            with self._acting:
                pause_s = self.step(self._clock())
            if not self._stopping:
                self._wake.wait(pause_s)
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            if not self._process.wait(self._stop_deadline_s):
                self._process.kill()
                self._process.wait(self._stop_deadline_s)
        self._forget_process()
        self._tell(WorkerState.STOPPED)

    def _tell(self, state: WorkerState, failure: str | None = None) -> None:
        status = WorkerStatus(state, max(0, self._starts - 1), self._status.failure if failure is None else failure)
        log = logger.warning if failure else logger.info
        log("policy worker: %s%s", state.value, f" ({failure})" if failure else "")
        with self._news:
            self._status = status
            self._news.notify_all()
        if self._on_change is not None:
            self._on_change(status)

    def _last_line(self, process: Process) -> str:
        tail = process.log_tail()
        return tail[-1] if tail else "it wrote nothing"

    def _shown_tail(self) -> str:
        return "\n".join(self.log_tail()[-_SHOWN_LINES:])


def supervise(
    command: WorkerCommand,
    *,
    log: Callable[[str], None] | None = None,
    backoff: Backoff | None = None,
    ready_deadline_s: float = 120.0,
    on_change: Callable[[WorkerStatus], None] | None = None,
) -> WorkerSupervisor:
    """A supervisor of the worker that ``command`` starts, not yet started. ``log`` gets each line it writes."""
    sink = log or logger.info
    return WorkerSupervisor(
        lambda changed: WorkerProcess(command, changed, sink),
        backoff=backoff,
        ready_deadline_s=ready_deadline_s,
        on_change=on_change,
    )
