"""With openpi's own packages, where an environment has them: ``VLA_OPENPI_PYTHON`` names its Python.

pip install openpi-client==0.1.2 openpi-server==0.1.0 typing_extensions   (which the client does not ask for)
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vla_core.contract import Bundle, load_contract
from vla_core.errors import ActionError, RemotePolicyError
from vla_core.remote import Backoff, Deadlines, RemoteDeadlineError, RemotePolicy
from vla_core.testing import make_contract_mapping
from vla_core.types import Observation, read_only

PYTHON = os.environ.get("VLA_OPENPI_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="VLA_OPENPI_PYTHON names no Python with openpi-client")
HERE = Path(__file__).parent
SOURCES = [str(HERE.parents[3] / package) for package in ("vla_core", "vla_policy")]
PATIENCE_S = 60.0
JOINTS = [f"joint{index}" for index in range(1, 8)]
KEYS = {
    "cameras": {"front": "observation/exterior_image_1_left", "wrist": "observation/wrist_image_left"},
    "state_parts": {"observation/joint_position": JOINTS, "observation/gripper_position": ["finger_joint1"]},
}
TOKEN = "correct-horse-battery"


def openpi(script: str, *arguments: str) -> list[str]:
    return [PYTHON, "-I", str(HERE / script), *arguments]


def test_the_released_client_drives_our_worker(mock_bundle: Callable[..., Bundle], tmp_path: Path) -> None:
    bundle = mock_bundle("constant", values=[0.01 * column for column in range(8)])
    (tmp_path / "token").write_text(TOKEN)
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "vla_policy.worker", "--bundle", str(bundle.path), "--port", "0"]
    command += ["--ready-fd", str(writing), "--token-file", str(tmp_path / "token")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(SOURCES)}
    with subprocess.Popen(command, pass_fds=[writing], env=environment) as worker:
        os.close(writing)
        try:
            with os.fdopen(reading) as ready:
                port = json.loads(ready.readline())["ready"].rstrip("/").rpartition(":")[2]
            done = subprocess.run(
                openpi("client_peer.py", port, "11", TOKEN), capture_output=True, text=True, timeout=PATIENCE_S
            )
            refused = subprocess.run(
                openpi("client_peer.py", port, "1", ""), capture_output=True, text=True, timeout=PATIENCE_S
            )
        finally:
            worker.terminate()
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.partition("SEEN")[2])
    expected = np.tile(0.01 * np.arange(8), (8, 1))
    np.testing.assert_allclose(seen["whole"], expected, atol=1e-12)
    np.testing.assert_allclose(seen["rows"], np.tile(expected[0], (11, 1)), atol=1e-12)
    assert seen["dtype"] == "<f8" and seen["timing"]["infer_ms"] > 0.0
    assert load_contract(seen["metadata"]["vla"]["contract"]) == bundle.contract
    assert "Error in inference server" in seen["failure"] and "observation/images/front" in seen["failure"]
    assert refused.returncode != 0 and "401" in refused.stderr


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a released server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(openpi("server_peer.py", str(port)), stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for_health(port, process)
            yield port
        finally:
            process.kill()


def _wait_for_health(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
            return
        except ConnectionRefusedError:
            assert process.poll() is None and time.monotonic() < end, "the server did not start"
            time.sleep(0.05)
        finally:
            connection.close()


@pytest.fixture
def policy(server: int) -> Iterator[RemotePolicy]:
    """Our client, told by the contract alone what that server calls things."""
    mapping = make_contract_mapping(runtime="remote", url=f"ws://127.0.0.1:{server}", keys=KEYS)
    del mapping["mock"], mapping["done"]  # openpi has no such signal
    contract = load_contract(mapping)
    assert contract.url is not None
    deadlines = Deadlines(PATIENCE_S, PATIENCE_S, PATIENCE_S)
    made = RemotePolicy(
        contract.url, contract=contract, keys=contract.keys, deadlines=deadlines, backoff=Backoff(first_s=1e-6)
    )
    yield made
    made.close()


def shown(brightness: int) -> Observation:
    images: dict[str, Any] = {name: np.full((96, 96, 3), brightness, np.uint8) for name in ("front", "wrist")}
    return Observation(images, dict.fromkeys(images, 0), read_only(np.zeros(8)), 0, "pick it up")


def test_our_client_drives_the_released_server(policy: RemotePolicy) -> None:
    policy.connect()
    assert policy.metadata is not None and not policy.metadata.extended
    assert policy.metadata.raw == {"reset_pose": [0.0, 0.5]}
    for brightness in (3, 9):
        chunk = policy.infer(shown(brightness))
        np.testing.assert_allclose(chunk.actions[:, 0], brightness + np.arange(8.0))
        np.testing.assert_allclose(chunk.actions[:, 7], len("pick it up"))
        policy.reset()
    assert {"infer_ms", "prev_total_ms", "round_trip"} <= set(chunk.timing_ms)


def test_a_failure_of_the_released_server_is_told_and_the_next_call_works(policy: RemotePolicy) -> None:
    policy.connect()
    with pytest.raises(RemotePolicyError, match="the policy stumbled"):
        policy.infer(shown(255))
    policy.connect()
    assert policy.infer(shown(1)).actions.shape == (8, 8)


@pytest.mark.parametrize(("brightness", "message"), [(254, "nan"), (253, r"\(5, 8\)")])
def test_what_is_no_chunk_is_refused(policy: RemotePolicy, brightness: int, message: str) -> None:
    policy.connect()
    with pytest.raises(ActionError, match=message):
        policy.infer(shown(brightness))


def test_a_server_that_answers_late_fails_at_the_deadline(server: int, policy: RemotePolicy) -> None:
    quick = RemotePolicy(
        f"ws://127.0.0.1:{server}",
        contract=policy.contract,
        keys=policy.contract.keys,
        deadlines=Deadlines(PATIENCE_S, 0.3, PATIENCE_S),
    )
    try:
        quick.connect()
        with pytest.raises(RemoteDeadlineError):
            quick.infer(shown(252))
    finally:
        quick.close()
