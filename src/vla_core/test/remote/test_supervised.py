from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vla_core.errors import ObservationError, RemotePolicyError
from vla_core.remote import RemoteDeadlineError, RemotePolicy, SupervisedPolicy
from vla_core.remote.supervisor import WorkerState, WorkerStatus
from vla_core.testing import make_contract_example, make_observation_example

OBSERVATION = make_observation_example(make_contract_example())


class FakeSupervisor:
    """A supervisor whose worker's state the test sets."""

    def __init__(self) -> None:
        self.status = WorkerStatus(WorkerState.READY, 0, "")
        self.hangs: list[str] = []
        self.stopped = False
        self.changes: list[Callable[[], bool]] = []

    def wait_ready(self, deadline_s: float) -> None:
        if self.status.state is not WorkerState.READY:
            raise RemotePolicyError("not ready")

    def wait_change(self, status: WorkerStatus, deadline_s: float) -> bool:
        return self.changes.pop(0)() if self.changes else False

    def report_hang(self, reason: str) -> None:
        self.hangs.append(reason)

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return FakeSupervisor()


@pytest.fixture
def policy(server: Any, supervisor: Any) -> Any:
    supervised = SupervisedPolicy(supervisor, RemotePolicy(server.endpoint))
    yield supervised
    supervised.close()


def test_it_answers_once_connected(policy: SupervisedPolicy) -> None:
    policy.connect(1.0)
    assert policy.contract == make_contract_example()
    assert policy.infer(OBSERVATION).actions.shape == (8, 8)


def test_a_worker_that_died_unnoticed_is_waited_for(
    policy: SupervisedPolicy, supervisor: FakeSupervisor, server: Any
) -> None:
    server.stop()
    supervisor.changes.append(lambda: server.start() or True)
    policy.connect(30.0)
    assert policy.infer(OBSERVATION).actions.shape == (8, 8)


def test_a_worker_that_lives_and_cannot_be_connected_to_is_an_error(policy: SupervisedPolicy, server: Any) -> None:
    server.stop()
    with pytest.raises(RemotePolicyError, match="no policy server"):
        policy.connect(30.0)


def test_while_the_worker_is_down_calls_fail_at_once_and_say_why(
    policy: SupervisedPolicy, supervisor: FakeSupervisor, server: Any
) -> None:
    policy.connect(1.0)
    supervisor.status = WorkerStatus(WorkerState.BACKOFF, 1, "ended by signal 11")
    for call in (policy.reset, lambda: policy.infer(OBSERVATION)):
        with pytest.raises(RemotePolicyError, match=r"waiting to start again\. ended by signal 11"):
            call()
    assert server.requests == []


def test_once_the_worker_is_up_again_the_next_call_reconnects_whatever_the_back_off(
    policy: SupervisedPolicy, server: Any
) -> None:
    policy.connect(1.0)
    server.stop()
    with pytest.raises(RemotePolicyError):
        policy.infer(OBSERVATION)
    server.start()
    assert policy.infer(OBSERVATION).actions.shape == (8, 8)


@pytest.mark.parametrize("name", ["infer", "reset"])
def test_a_hung_call_is_reported_to_the_supervisor(
    policy: SupervisedPolicy, supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    policy.connect(1.0)

    def hang(*_: object) -> None:
        raise RemoteDeadlineError("no answer within 2 s")

    monkeypatch.setattr(RemotePolicy, name, hang)
    with pytest.raises(RemoteDeadlineError):
        policy.infer(OBSERVATION) if name == "infer" else policy.reset()
    assert supervisor.hangs == ["no answer within 2 s"]


def test_a_bad_observation_is_not_the_workers_fault(policy: SupervisedPolicy, supervisor: FakeSupervisor) -> None:
    policy.connect(1.0)
    with pytest.raises(ObservationError):
        policy.infer(make_observation_example(policy.contract, instruction=""))
    assert supervisor.hangs == []


def test_closing_ends_the_worker(policy: SupervisedPolicy, supervisor: FakeSupervisor) -> None:
    policy.close()
    assert supervisor.stopped
