"""The worker as it is really run: as a process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vla_core.contract import Bundle
from vla_core.errors import RemotePolicyError
from vla_core.remote import (
    Backoff,
    Deadlines,
    RemoteDeadlineError,
    RemotePolicy,
    SupervisedPolicy,
    WorkerCommand,
    WorkerState,
    WorkerSupervisor,
    supervise,
)
from vla_core.testing import make_observation_example
from vla_policy.worker import main

PATIENCE_S = 100.0
BLOCKED = "raise ImportError(f'{__name__} must not be imported by the worker')\n"
SOURCES = [str(Path(__file__).parents[2] / package) for package in ("vla_core", "vla_policy")]
Start = Callable[..., tuple[WorkerSupervisor, SupervisedPolicy]]


@pytest.fixture
def no_ros(tmp_path: Path) -> dict[str, str]:
    """An environment in which neither ROS, torch nor MuJoCo can be imported."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for module in ("rclpy", "vla_msgs", "torch", "mujoco"):
        (blocked / f"{module}.py").write_text(BLOCKED)
    return {"PYTHONPATH": os.pathsep.join([str(blocked), *SOURCES])}


@pytest.fixture
def start(tmp_path: Path, no_ros: dict[str, str]) -> Iterator[Start]:
    """Starts a supervised worker for a bundle."""
    policies: list[SupervisedPolicy] = []

    def make(bundle: Path, *extra: str, infer_s: float = PATIENCE_S) -> tuple[WorkerSupervisor, SupervisedPolicy]:
        command = WorkerCommand(bundle, tmp_path / "w.sock", nice=0, extra=extra, environment=no_ros)
        supervisor = supervise(command, backoff=Backoff(first_s=0.05), ready_deadline_s=PATIENCE_S)
        remote = RemotePolicy(command.endpoint, deadlines=Deadlines(PATIENCE_S, infer_s, PATIENCE_S))
        policies.append(SupervisedPolicy(supervisor, remote))
        supervisor.start()
        return supervisor, policies[-1]

    yield make
    for policy in policies:
        policy.close()


def pid_of(supervisor: WorkerSupervisor) -> int:
    process = supervisor._process
    assert process is not None
    return process.pid  # type: ignore[attr-defined]


def test_it_serves_a_bundle_without_ros_and_ends_cleanly(bundle: Bundle, start: Start, tmp_path: Path) -> None:
    supervisor, policy = start(bundle.path)
    policy.connect(PATIENCE_S)
    assert policy.contract == bundle.contract
    chunk = policy.infer(make_observation_example(policy.contract, instruction="pick up the red cube"))
    assert {"model", "infer_ms", "round_trip"} <= set(chunk.timing_ms)
    process = supervisor._process
    policy.close()
    assert process is not None and process.exit_status == 0
    assert not (tmp_path / "w.sock").exists()


def test_after_a_crash_it_is_started_again_and_serves(mock_bundle: Callable[..., Bundle], start: Start) -> None:
    supervisor, policy = start(mock_bundle().path)
    policy.connect(PATIENCE_S)
    observation = make_observation_example(policy.contract)
    policy.infer(observation)
    os.kill(pid_of(supervisor), signal.SIGSEGV)
    with pytest.raises(RemotePolicyError):
        policy.infer(observation)
    policy.connect(PATIENCE_S)
    assert policy.infer(observation).actions.shape == (8, 8)
    assert supervisor.restarts == 1 and "signal 11" in supervisor.status.failure


def test_a_hung_inference_costs_the_worker_its_life(mock_bundle: Callable[..., Bundle], start: Start) -> None:
    supervisor, policy = start(mock_bundle("hang").path, infer_s=0.3)
    policy.connect(PATIENCE_S)
    first = pid_of(supervisor)
    with pytest.raises(RemoteDeadlineError):
        policy.infer(make_observation_example(policy.contract))
    policy.connect(PATIENCE_S)
    assert pid_of(supervisor) != first and "killed: policy server" in supervisor.status.failure


def test_a_corrupted_bundle_is_refused_with_the_file_named_and_not_tried_again(bundle: Bundle, start: Start) -> None:
    weights = bundle.file("model.onnx")
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(bytes(damaged))
    supervisor, policy = start(bundle.path)
    with pytest.raises(RemotePolicyError, match=r"refused to serve: .*model\.onnx"):
        policy.connect(PATIENCE_S)
    assert supervisor.state is WorkerState.REFUSED and supervisor.restarts == 0


def test_it_dies_with_the_process_that_started_it(mock_bundle: Callable[..., Bundle], tmp_path: Path) -> None:
    """Also when that process is killed and can do nothing about it any more."""
    script = f"""
import sys
from pathlib import Path
from vla_core.remote import WorkerCommand, supervise
s = supervise(WorkerCommand(Path({str(mock_bundle().path)!r}), Path({str(tmp_path / "w.sock")!r}), nice=0))
s.start()
s.wait_ready({PATIENCE_S})
print(s._process.pid, flush=True)
sys.stdin.read()
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(SOURCES)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        descriptor = os.pidfd_open(worker)
        parent.kill()
    ended = _wait_for_end(descriptor)
    os.close(descriptor)
    assert ended


def _wait_for_end(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], PATIENCE_S)[0])


def test_it_ends_on_sigterm_and_on_sigint(mock_bundle: Callable[..., Bundle], tmp_path: Path) -> None:
    bundle = mock_bundle()
    for number in (signal.SIGTERM, signal.SIGINT):
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "vla_policy.worker", "--bundle", str(bundle.path), "--port", "0"]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(SOURCES)}
        worker = subprocess.Popen([*command, "--ready-fd", str(writing)], pass_fds=[writing], env=environment)
        os.close(writing)
        with os.fdopen(reading) as ready:
            assert '"ready": "ws://127.0.0.1:' in ready.readline()
        worker.send_signal(number)
        assert worker.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::"])
def test_it_refuses_to_listen_to_other_machines_without_a_token(
    mock_bundle: Callable[..., Bundle], caplog: pytest.LogCaptureFixture, host: str
) -> None:
    assert main(["--bundle", str(mock_bundle().path), "--host", host, "--port", "0"]) == 2
    assert "--token-file" in caplog.text


def test_it_refuses_to_listen_to_other_machines_in_plain_text(
    mock_bundle: Callable[..., Bundle], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("correct-horse-battery\n")
    assert main(["--bundle", str(mock_bundle().path), "--host", "0.0.0.0", "--token-file", str(token)]) == 2
    assert "--tls-cert" in caplog.text


@pytest.mark.parametrize("text", ["short", "two words that are long", "\x00" * 20, "pässwort-pässwort"])
def test_a_token_that_is_none_is_refused(
    mock_bundle: Callable[..., Bundle], caplog: pytest.LogCaptureFixture, tmp_path: Path, text: str
) -> None:
    token = tmp_path / "token"
    token.write_text(text)
    assert main(["--bundle", str(mock_bundle().path), "--token-file", str(token)]) == 2
    assert f"token file {token}" in caplog.text


def test_a_worker_that_a_node_starts_takes_the_upstream_token_from_the_environment(
    mock_bundle: Callable[..., Bundle],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VLA_UPSTREAM_TOKEN_FILE", str(tmp_path / "no_token.txt"))
    assert main(["--bundle", str(mock_bundle().path), "--port", "0"]) == 2
    assert "no_token.txt" in caplog.text


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert main(["--bundle", str(tmp_path), "--socket", str(tmp_path / "w.sock")]) == 2
    assert "policy.yaml" in caplog.text
