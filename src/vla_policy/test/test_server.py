"""The server, in this process, seen by the suite's client and by one written after openpi's protocol."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect, unix_connect

from vla_core.contract import Contract
from vla_core.errors import ActionError, ObservationError, RemotePolicyError
from vla_core.policies import make_mock_policy
from vla_core.policy import Policy
from vla_core.remote import Deadlines, Endpoint, RemotePolicy
from vla_core.testing import make_contract_example, make_observation_example
from vla_core.testing.policy_conformance import PolicyConformance
from vla_core.types import ActionChunk, Observation, read_only
from vla_policy import healthy
from vla_policy.server import PolicyServer, refuse_live_socket

PATIENT = Deadlines(30.0, 30.0, 30.0)
CONTRACT = make_contract_example()
OBSERVATION = make_observation_example(CONTRACT)
Serve = Callable[..., Endpoint]


class BrightnessPolicy:
    """Answers with the front image's first pixel as every joint's delta [0.001 rad]; counts what it was asked."""

    contract: Contract = CONTRACT

    def __init__(self) -> None:
        self.seen: list[Observation] = []
        self.resets = 0
        self.running = 0
        self.most_running = 0
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.leave.set()
        self.error: Exception | None = None

    def infer(self, observation: Observation) -> ActionChunk:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.seen.append(observation)
        self.entered.set()
        assert self.leave.wait(30.0)
        self.running -= 1
        if self.error is not None:
            raise self.error
        return ActionChunk(read_only(np.full((8, 8), observation.images["front"][0, 0, 0] * 1e-3)), done=0.5)

    def reset(self) -> None:
        self.resets += 1


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a policy until the end of the test, on a unix socket unless told otherwise; returns where."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running: list[Any] = []

    def start(policy: Policy, endpoint: Endpoint | None = None, *, tls: Any = None, **options: Any) -> Endpoint:
        server = PolicyServer(policy, **options)
        place = endpoint or Endpoint(path=str(tmp_path / "policy.sock"))
        listening, address = asyncio.run_coroutine_threadsafe(server.start(place, tls), loop).result(30.0)
        running.append((server, listening))
        return address

    async def stop() -> None:
        for server, listening in running:
            listening.close()
            await listening.wait_closed()
            server.close()

    yield start
    asyncio.run_coroutine_threadsafe(stop(), loop).result(30.0)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def client() -> Iterator[Callable[..., RemotePolicy]]:
    """Connects the suite's client."""
    policies: list[RemotePolicy] = []

    def make(endpoint: Endpoint, **options: Any) -> RemotePolicy:
        policies.append(RemotePolicy(str(endpoint), **({"deadlines": PATIENT} | options)))
        policies[-1].connect()
        return policies[-1]

    yield make
    for policy in policies:
        policy.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost, signed by itself, with its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    path, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", str(key), "-out", str(path), "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + key.read_text())
    return path


class OpenpiClient:
    """openpi's client as its protocol describes it: connect, metadata, then observation in and actions out."""

    def __init__(self, endpoint: Endpoint, **options: Any) -> None:
        opening = (
            unix_connect(endpoint.path, endpoint.uri, compression=None, max_size=None, **options)
            if endpoint.path
            else connect(endpoint.uri, compression=None, max_size=None, **options)
        )
        self.websocket = opening.__enter__()
        self.metadata = self._receive()

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        self.websocket.send(msgpack.packb(observation, default=self._pack))
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        message = self.websocket.recv(timeout=30.0)
        if isinstance(message, str):
            raise RuntimeError(f"Error in inference server:\n{message}")
        return msgpack.unpackb(message, object_hook=self._unpack)

    @staticmethod
    def _pack(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return {
                b"__ndarray__": True,
                b"data": value.tobytes(),
                b"dtype": value.dtype.str,
                b"shape": value.shape,
            }
        return value

    @staticmethod
    def _unpack(value: dict[Any, Any]) -> Any:
        if b"__ndarray__" in value:
            return np.ndarray(buffer=value[b"data"], dtype=np.dtype(value[b"dtype"]), shape=value[b"shape"])
        return value


def openpi_observation(brightness: int = 7) -> dict[str, Any]:
    image = np.full((96, 96, 3), brightness, np.uint8)
    return {
        "observation/images/front": image,
        "observation/images/wrist": image,
        "observation/state": np.array(OBSERVATION.state, np.float32),
        "prompt": "pick up the red cube",
    }


class TestConformanceOverTheWire(PolicyConformance):
    @pytest.fixture(autouse=True)
    def _served(self, serve: Serve, client: Callable[..., RemotePolicy]) -> None:
        contract = make_contract_example(mock={"behaviour": "sinusoid", "values": [0.1] * 7 + [0.01]})
        endpoint = serve(make_mock_policy(contract))
        self._connect = lambda: client(endpoint)

    def make_object_under_test(self) -> Policy:
        return self._connect()


def test_an_openpi_client_is_served(serve: Serve) -> None:
    client = OpenpiClient(serve(BrightnessPolicy()))
    reply = client.infer(openpi_observation(brightness=7))
    assert set(reply) == {"actions", "server_timing", "speed_scale", "done"}
    np.testing.assert_allclose(reply["actions"], np.full((8, 8), 0.007))
    assert reply["server_timing"]["infer_ms"] > 0.0
    assert client.infer(openpi_observation(brightness=9))["actions"][0, 0] == pytest.approx(0.009)
    client.websocket.close()


def test_an_openpi_client_is_told_of_an_error_in_text_and_the_connection_ends(serve: Serve) -> None:
    client = OpenpiClient(serve(BrightnessPolicy()))
    with pytest.raises(RuntimeError, match="ObservationError: observation/state: expected an array; missing"):
        client.infer({key: value for key, value in openpi_observation().items() if key != "observation/state"})
    with pytest.raises(ConnectionClosed):
        client.websocket.recv(timeout=30.0)


def test_an_exception_of_the_policy_is_told_with_its_traceback(serve: Serve) -> None:
    policy = BrightnessPolicy()
    policy.error = RuntimeError("CUDA out of memory")
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*CUDA out of memory"):
        OpenpiClient(serve(policy)).infer(openpi_observation())


@pytest.mark.parametrize("message", [b"\xc1", b"", msgpack.packb([1]), "text", msgpack.packb(msgpack.ExtType(1, b""))])
def test_gibberish_ends_the_connection_and_nothing_else(serve: Serve, message: bytes | str) -> None:
    endpoint = serve(BrightnessPolicy())
    bad, good = OpenpiClient(endpoint), OpenpiClient(endpoint)
    bad.websocket.send(message)
    assert "RemotePolicyError" in bad.websocket.recv(timeout=30.0)
    assert good.infer(openpi_observation())["actions"].shape == (8, 8)


def test_a_newer_observation_never_gets_an_older_answer(serve: Serve, client: Callable[..., RemotePolicy]) -> None:
    """A server that answers from a cache keeps the arm moving on what the camera saw long ago."""
    policy = BrightnessPolicy()
    remote = client(serve(policy))
    for brightness in (1, 1, 2, 3):
        images = {name: np.full((96, 96, 3), brightness, np.uint8) for name in ("front", "wrist")}
        chunk = remote.infer(Observation(images, dict.fromkeys(images, 5), OBSERVATION.state, 5, "pick"))
        assert chunk.actions[0, 0] == pytest.approx(brightness * 1e-3)
    assert len(policy.seen) == 4


def test_one_inference_at_a_time(serve: Serve) -> None:
    policy = BrightnessPolicy()
    endpoint = serve(policy)
    clients = [OpenpiClient(endpoint) for _ in range(3)]
    replies: list[Any] = []
    policy.leave.clear()
    threads = [threading.Thread(target=lambda c=c: replies.append(c.infer(openpi_observation()))) for c in clients]
    for thread in threads:
        thread.start()
    assert policy.entered.wait(30.0)
    policy.leave.set()
    for thread in threads:
        thread.join()
    assert len(replies) == 3 and policy.most_running == 1


def test_a_reset_reaches_the_policy(serve: Serve, client: Callable[..., RemotePolicy]) -> None:
    policy = BrightnessPolicy()
    client(serve(policy)).reset()
    assert policy.resets == 1


def test_stamps_reach_the_policy(serve: Serve, client: Callable[..., RemotePolicy]) -> None:
    policy = BrightnessPolicy()
    client(serve(policy)).infer(make_observation_example(CONTRACT, stamp_ns=77))
    assert policy.seen[0].image_stamps_ns == {"front": 77, "wrist": 77} and policy.seen[0].state_stamp_ns == 77


@pytest.mark.parametrize(("behaviour", "expected"), [("nan", "nan for joint1"), ("wrong_shape", r"\(8, 7\)")])
def test_a_policy_that_lies_is_caught_before_its_answer_leaves(
    serve: Serve, client: Callable[..., RemotePolicy], behaviour: str, expected: str
) -> None:
    remote = client(serve(make_mock_policy(make_contract_example(mock={"behaviour": behaviour}))))
    with pytest.raises(ActionError, match=expected):
        remote.infer(OBSERVATION)
    assert remote.connected


@pytest.mark.parametrize("behaviour", ["nan", "wrong_shape"])
def test_an_openpi_client_never_gets_what_is_no_chunk(serve: Serve, behaviour: str) -> None:
    """It does not look itself before it moves the robot."""
    endpoint = serve(make_mock_policy(make_contract_example(mock={"behaviour": behaviour})))
    with pytest.raises(RuntimeError, match="ActionError"):
        OpenpiClient(endpoint).infer(openpi_observation())


def test_a_bad_observation_is_refused_and_the_connection_stays(
    serve: Serve, client: Callable[..., RemotePolicy]
) -> None:
    policy = BrightnessPolicy()
    policy.error = ObservationError("too dark")
    remote = client(serve(policy))
    with pytest.raises(ObservationError, match="too dark"):
        remote.infer(OBSERVATION)
    policy.error = None
    assert remote.infer(OBSERVATION).actions.shape == (8, 8)


def test_the_token_decides_who_comes_in(serve: Serve, client: Callable[..., RemotePolicy]) -> None:
    endpoint = serve(BrightnessPolicy(), token="correct-horse-battery")
    for wrong in (None, "wrong-horse-battery"):
        with pytest.raises(RemotePolicyError, match="401; check the token"):
            client(endpoint, token=wrong)
    assert client(endpoint, token="correct-horse-battery").infer(OBSERVATION).actions.shape == (8, 8)


def test_a_web_page_is_turned_away(serve: Serve) -> None:
    """A page in the operator's browser may open websockets to this machine; only its Origin gives it away."""
    endpoint = serve(BrightnessPolicy(), Endpoint(port=0))
    with pytest.raises(InvalidStatus, match="403"):
        OpenpiClient(endpoint, additional_headers={"Origin": "https://evil.example"})


def test_the_socket_is_for_this_user_alone(serve: Serve) -> None:
    endpoint = serve(BrightnessPolicy())
    assert endpoint.path is not None
    assert stat.S_IMODE(Path(endpoint.path).stat().st_mode) == 0o600


def test_health_over_tcp(serve: Serve) -> None:
    policy = BrightnessPolicy()
    endpoint = serve(policy, Endpoint(port=0), token="correct-horse-battery")
    assert endpoint.port != 0
    http = HTTPConnection(endpoint.host, endpoint.port, timeout=30.0)
    http.request("GET", "/healthz")
    response = http.getresponse()
    assert (response.status, response.read()) == (200, b"OK\n")


def test_the_health_command_asks_with_and_without_tls(serve: Serve, certificate: Path) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    encrypted = serve(BrightnessPolicy(), Endpoint(port=0), tls=server_side)
    plain = serve(BrightnessPolicy(), Endpoint(port=0), token="correct-horse-battery")
    assert healthy.ask(encrypted.port, tls=True, timeout_s=30.0) == ""
    assert healthy.ask(plain.port, tls=False, timeout_s=30.0) == ""
    assert "no policy server answers" in healthy.ask(encrypted.port, tls=False, timeout_s=30.0)


def test_an_inference_that_hangs_shows_in_the_health(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = BrightnessPolicy()
    endpoint = serve(policy, Endpoint(port=0))
    monkeypatch.setattr("vla_policy.server.HANGING_S", 0.0)
    client = OpenpiClient(endpoint)
    policy.leave.clear()
    client.websocket.send(msgpack.packb(openpi_observation(), default=client._pack))
    assert policy.entered.wait(30.0)
    http = HTTPConnection(endpoint.host, endpoint.port, timeout=30.0)
    http.request("GET", "/healthz")
    assert http.getresponse().status == 503
    policy.leave.set()


def test_a_client_that_leaves_does_not_disturb_the_next(serve: Serve) -> None:
    policy = BrightnessPolicy()
    endpoint = serve(policy)
    policy.leave.clear()
    leaving = OpenpiClient(endpoint)
    leaving.websocket.send(msgpack.packb(openpi_observation(), default=leaving._pack))
    assert policy.entered.wait(30.0)
    leaving.websocket.socket.shutdown(socket.SHUT_RDWR)
    policy.leave.set()
    assert OpenpiClient(endpoint).infer(openpi_observation())["actions"].shape == (8, 8)


def test_a_live_socket_is_never_taken_over(serve: Serve) -> None:
    endpoint = serve(BrightnessPolicy())
    with pytest.raises(RemotePolicyError, match="another server is alive"):
        serve(BrightnessPolicy(), endpoint)
    assert OpenpiClient(endpoint).infer(openpi_observation())["actions"].shape == (8, 8)


def test_a_dead_socket_is_replaced(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    serve(BrightnessPolicy(), Endpoint(path=str(path)))


def test_a_file_that_is_no_socket_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("important")
    with pytest.raises(RemotePolicyError, match="no socket"):
        refuse_live_socket(str(tmp_path / "notes.txt"))
    with pytest.raises(RemotePolicyError, match="does not exist"):
        refuse_live_socket(str(tmp_path / "nowhere" / "p.sock"))
    assert (tmp_path / "notes.txt").read_text() == "important"


def test_a_port_in_use_is_an_error(serve: Serve) -> None:
    endpoint = serve(BrightnessPolicy(), Endpoint(port=0))
    with pytest.raises(RemotePolicyError, match="cannot listen"):
        serve(BrightnessPolicy(), endpoint)


def test_over_tls(serve: Serve, client: Callable[..., RemotePolicy], certificate: Path) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    endpoint = serve(BrightnessPolicy(), Endpoint(host="localhost", port=0), tls=server_side)
    assert str(endpoint).startswith("wss://")
    trusting = ssl.create_default_context(cafile=str(certificate))
    assert client(endpoint, tls=trusting).infer(OBSERVATION).actions.shape == (8, 8)
    with pytest.raises(RemotePolicyError):
        client(endpoint)
