from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from vla_core.errors import RemotePolicyError
from vla_core.remote.backoff import Backoff
from vla_core.remote.supervisor import WorkerState, WorkerStatus, WorkerSupervisor

PATIENCE_S = 60.0


class FakeProcess:
    """A child process whose fate the test decides."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.ready = False
        self.refusal: str | None = None
        self.exit_status: int | None = None
        self.stubborn = False

    @property
    def hopeless(self) -> bool:
        return self.exit_status == 2

    def become_ready(self) -> None:
        self.ready = True
        self._changed()

    def exit(self, status: int) -> None:
        self.exit_status = status
        self._changed()

    def log_tail(self) -> list[str]:
        return ["loading", "the last line"]

    def terminate(self) -> None:
        if not self.stubborn:
            self.exit_status = 0

    def kill(self) -> None:
        self.exit_status = -9

    def wait(self, deadline_s: float) -> bool:
        return self.exit_status is not None


class Launcher:
    """Launches fake processes, the last of which is ``process``."""

    def __init__(self) -> None:
        self.launched: list[FakeProcess] = []
        self.error: OSError | None = None

    def __call__(self, changed: Callable[[], None]) -> FakeProcess:
        if self.error is not None:
            raise self.error
        self.launched.append(FakeProcess(changed))
        return self.launched[-1]

    @property
    def process(self) -> FakeProcess:
        return self.launched[-1]


@pytest.fixture
def launcher() -> Launcher:
    return Launcher()


@pytest.fixture
def supervisor(launcher: Launcher) -> WorkerSupervisor:
    """Stepped by the test, with its time."""
    backoff = Backoff(first_s=1.0, factor=2.0, max_s=8.0, healthy_s=30.0)
    return WorkerSupervisor(launcher, backoff=backoff, ready_deadline_s=10.0)


def make_ready(supervisor: WorkerSupervisor, launcher: Launcher, now_s: float) -> None:
    supervisor.step(now_s)
    launcher.process.become_ready()
    supervisor.step(now_s)
    assert supervisor.state is WorkerState.READY


def test_it_starts_one_worker_and_waits_for_it(supervisor: WorkerSupervisor, launcher: Launcher) -> None:
    assert supervisor.step(0.0) == 10.0
    assert supervisor.state is WorkerState.STARTING
    assert supervisor.step(4.0) == 6.0
    launcher.process.become_ready()
    assert supervisor.step(5.0) is None
    assert supervisor.state is WorkerState.READY
    assert len(launcher.launched) == 1 and supervisor.restarts == 0


def test_a_worker_that_does_not_become_ready_is_killed(supervisor: WorkerSupervisor, launcher: Launcher) -> None:
    supervisor.step(0.0)
    supervisor.step(10.0)
    assert launcher.process.exit_status == -9
    assert supervisor.status == WorkerStatus(WorkerState.BACKOFF, 0, "killed: not ready within 10 s")


def test_after_a_crash_it_starts_again_when_the_back_off_is_over(
    supervisor: WorkerSupervisor, launcher: Launcher
) -> None:
    make_ready(supervisor, launcher, 0.0)
    launcher.process.exit(1)
    assert supervisor.step(1.0) == 1.0
    assert supervisor.status == WorkerStatus(WorkerState.BACKOFF, 0, "ended with exit status 1: the last line")
    assert supervisor.step(1.75) == 0.25
    assert len(launcher.launched) == 1
    supervisor.step(2.0)
    assert len(launcher.launched) == 2 and supervisor.restarts == 1 and supervisor.state is WorkerState.STARTING


def test_crashes_in_a_row_wait_longer_each_time(supervisor: WorkerSupervisor, launcher: Launcher) -> None:
    now_s, waits = 0.0, []
    for _ in range(5):
        make_ready(supervisor, launcher, now_s)
        launcher.process.exit(-11)
        waits.append(supervisor.step(now_s))
        now_s += waits[-1]
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0]
    assert supervisor.status.failure == "ended by signal 11"


@pytest.mark.parametrize(("healthy_for_s", "expected"), [(29.0, 2.0), (30.0, 1.0)])
def test_a_healthy_time_makes_earlier_crashes_forgotten(
    supervisor: WorkerSupervisor, launcher: Launcher, healthy_for_s: float, expected: float
) -> None:
    make_ready(supervisor, launcher, 0.0)
    launcher.process.exit(1)
    supervisor.step(0.0)
    make_ready(supervisor, launcher, 100.0)
    launcher.process.exit(1)
    assert supervisor.step(100.0 + healthy_for_s) == expected


def test_a_hang_is_answered_by_a_kill_and_a_new_start(supervisor: WorkerSupervisor, launcher: Launcher) -> None:
    make_ready(supervisor, launcher, 0.0)
    supervisor.report_hang("no chunk within 2 s")
    assert supervisor.state is WorkerState.HANGING
    assert supervisor.step(5.0) == 1.0
    assert launcher.process.exit_status == -9
    assert supervisor.status.failure == "killed: no chunk within 2 s"
    make_ready(supervisor, launcher, 6.0)
    assert supervisor.restarts == 1


def test_a_hang_reported_late_does_not_kill_the_next_worker(supervisor: WorkerSupervisor, launcher: Launcher) -> None:
    make_ready(supervisor, launcher, 0.0)
    supervisor.report_hang("first")
    launcher.process.exit(1)
    supervisor.step(1.0)
    supervisor.report_hang("too late")
    make_ready(supervisor, launcher, 2.0)
    supervisor.step(3.0)
    assert supervisor.state is WorkerState.READY


def test_a_worker_that_refuses_is_not_started_again(supervisor: WorkerSupervisor, launcher: Launcher) -> None:
    supervisor.step(0.0)
    launcher.process.refusal = "model.onnx differs from its sha256"
    launcher.process.exit(2)
    assert supervisor.step(1.0) is None
    assert supervisor.step(1e6) is None
    assert supervisor.status == WorkerStatus(WorkerState.REFUSED, 0, "model.onnx differs from its sha256")
    assert len(launcher.launched) == 1


def test_an_interpreter_that_does_not_exist_is_a_refusal(supervisor: WorkerSupervisor, launcher: Launcher) -> None:
    launcher.error = FileNotFoundError(2, "No such file", "/no/python")
    supervisor.step(0.0)
    assert supervisor.state is WorkerState.REFUSED and "/no/python" in supervisor.status.failure


def test_the_log_of_the_last_worker_stays_to_be_read(supervisor: WorkerSupervisor, launcher: Launcher) -> None:
    make_ready(supervisor, launcher, 0.0)
    launcher.process.exit(1)
    supervisor.step(1.0)
    assert supervisor.log_tail() == ["loading", "the last line"]


def test_every_change_is_told(launcher: Launcher) -> None:
    told: list[WorkerState] = []
    supervisor = WorkerSupervisor(launcher, on_change=lambda status: told.append(status.state))
    make_ready(supervisor, launcher, 0.0)
    launcher.process.exit(1)
    supervisor.step(0.0)
    assert told == [WorkerState.STARTING, WorkerState.READY, WorkerState.BACKOFF]


class EventLauncher(Launcher):
    """Says so when it has launched."""

    def __init__(self) -> None:
        super().__init__()
        self.happened = threading.Event()

    def __call__(self, changed: Callable[[], None]) -> FakeProcess:
        process = super().__call__(changed)
        self.happened.set()
        return process


def test_the_thread_reacts_to_events_and_stops_the_worker() -> None:
    launcher = EventLauncher()
    supervisor = WorkerSupervisor(launcher, ready_deadline_s=PATIENCE_S)
    supervisor.start()
    assert launcher.happened.wait(PATIENCE_S)
    launcher.process.become_ready()
    supervisor.wait_ready(PATIENCE_S)
    supervisor.stop()
    assert launcher.process.exit_status == 0 and supervisor.state is WorkerState.STOPPED


def test_a_worker_that_ignores_the_end_is_killed() -> None:
    launcher = EventLauncher()
    supervisor = WorkerSupervisor(launcher, ready_deadline_s=PATIENCE_S)
    supervisor.start()
    assert launcher.happened.wait(PATIENCE_S)
    launcher.process.stubborn = True
    supervisor.stop()
    assert launcher.process.exit_status == -9


def test_waiting_for_a_worker_that_refuses_ends_with_its_reason() -> None:
    launcher = EventLauncher()
    supervisor = WorkerSupervisor(launcher, ready_deadline_s=PATIENCE_S)
    supervisor.start()
    assert launcher.happened.wait(PATIENCE_S)
    launcher.process.refusal = "no such bundle"
    launcher.process.exit(2)
    with pytest.raises(RemotePolicyError, match="refused to serve: no such bundle"):
        supervisor.wait_ready(PATIENCE_S)
    supervisor.stop()


def test_waiting_ends_at_its_deadline_with_the_log() -> None:
    launcher = EventLauncher()
    supervisor = WorkerSupervisor(launcher, ready_deadline_s=PATIENCE_S)
    supervisor.start()
    assert launcher.happened.wait(PATIENCE_S)
    with pytest.raises(RemotePolicyError, match=r"(?s)not within 0\.05 s; state: starting.*the last line"):
        supervisor.wait_ready(0.05)
    supervisor.stop()


def test_waiting_ends_when_the_supervisor_is_stopped() -> None:
    launcher = EventLauncher()
    supervisor = WorkerSupervisor(launcher, ready_deadline_s=PATIENCE_S)
    supervisor.start()
    assert launcher.happened.wait(PATIENCE_S)
    threading.Thread(target=supervisor.stop).start()
    with pytest.raises(RemotePolicyError, match="stopped"):
        supervisor.wait_ready(PATIENCE_S)


def test_it_is_started_once(launcher: Launcher) -> None:
    supervisor = WorkerSupervisor(launcher)
    supervisor.start()
    with pytest.raises(ValueError, match="once"):
        supervisor.start()
    supervisor.stop()
