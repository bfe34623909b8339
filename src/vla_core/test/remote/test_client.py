from __future__ import annotations

import base64
import dataclasses
import hashlib
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from vla_core.contract import LanguageSpec, contract_to_mapping, load_contract
from vla_core.errors import ActionError, ObservationError, RemotePolicyError
from vla_core.policy import Policy
from vla_core.remote import Backoff, Deadlines, RemoteDeadlineError, RemotePolicy
from vla_core.remote.client import _same_meaning
from vla_core.testing import make_contract_example, make_contract_mapping, make_observation_example
from vla_core.testing.policy_conformance import PolicyConformance

CONTRACT = make_contract_example()
OBSERVATION = make_observation_example(CONTRACT)
PATIENT = Deadlines(connect_s=30.0, infer_s=30.0, reset_s=30.0)
SHORT_S = 0.2


class Clock:
    """A steady clock that stands still until it is moved."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def opened() -> Iterator[list[RemotePolicy]]:
    """Policies to close at the end."""
    policies: list[RemotePolicy] = []
    yield policies
    for policy in policies:
        policy.close()


@pytest.fixture
def connect(server: Any, opened: list[RemotePolicy]) -> Any:
    """Connects a policy to ``server``."""

    def make(**options: Any) -> RemotePolicy:
        policy = RemotePolicy(server.endpoint, **({"deadlines": PATIENT} | options))
        opened.append(policy)
        policy.connect()
        return policy

    return make


class TestConformance(PolicyConformance):
    @pytest.fixture(autouse=True)
    def _server(self, server: Any, connect: Any) -> None:
        server.behave = lambda request: (
            msgpack.packb({"__ack__": ""}) if "__reset__" in request else scripted_reply(server, request)
        )
        self._connect = connect

    def make_object_under_test(self) -> Policy:
        return self._connect()


def scripted_reply(server: Any, request: dict[str, Any]) -> bytes:
    message = {
        "actions": {b"__ndarray__": True, b"data": bytes(512), b"dtype": "<f8", b"shape": [8, 8]},
        "done": 0.5,
        "vla": {"sequence": request["vla"]["sequence"]},
    }
    return msgpack.packb(message)


def test_the_contract_comes_from_the_server(connect: Any) -> None:
    assert connect().contract == CONTRACT


def test_before_the_first_connection_there_is_no_contract(server: Any) -> None:
    with pytest.raises(RemotePolicyError, match="connect"):
        _ = RemotePolicy(server.endpoint).contract


def test_each_answer_belongs_to_its_own_observation(connect: Any) -> None:
    policy = connect()
    assert [policy.infer(OBSERVATION).actions[0, 0] for _ in range(3)] == [1.0, 2.0, 3.0]


def test_the_time_on_the_way_is_reported(connect: Any) -> None:
    timing = connect().infer(OBSERVATION).timing_ms
    assert timing["infer_ms"] == 2.0 and timing["round_trip"] > 0.0


def test_an_answer_to_another_observation_is_refused_and_costs_the_connection(server: Any, connect: Any) -> None:
    behave = server.behave
    server.behave = lambda request: behave({"vla": {"sequence": request["vla"]["sequence"] - 1}})
    policy = connect()
    with pytest.raises(RemotePolicyError, match="another observation"):
        policy.infer(OBSERVATION)
    assert not policy.connected
    assert server.client_left.wait(30.0)


def test_a_plain_openpi_server_needs_a_contract_from_here(server: Any, connect: Any) -> None:
    server.metadata = {"model": "pi0"}
    with pytest.raises(RemotePolicyError, match="plain openpi server"):
        connect()


def test_a_plain_openpi_server_serves_with_a_contract_from_here(server: Any, connect: Any) -> None:
    server.metadata = {}
    policy = connect(contract=CONTRACT)
    assert policy.infer(OBSERVATION).actions.shape == (8, 8)
    policy.reset()
    policy.infer(OBSERVATION)
    assert [set(request) & {"vla", "__reset__"} for request in server.requests] == [set(), set()]


def test_a_reset_reaches_a_server_that_knows_it(server: Any, connect: Any) -> None:
    connect().reset()
    assert server.requests == [{"__reset__": True}]


def test_another_contract_than_ours_is_refused(server: Any, connect: Any) -> None:
    server.metadata["vla"]["contract"] = contract_to_mapping(make_contract_example(version="2.0.0"))
    with pytest.raises(RemotePolicyError, match=r"tabletop_example@2\.0\.0.*tabletop_example@0\.1\.0"):
        connect(contract=CONTRACT)


def test_the_sentence_encoder_of_the_server_is_not_asked_of_a_remote_bundle() -> None:
    encoder = LanguageSpec("language/model.onnx", "language/tokenizer.json", 32)
    offered = dataclasses.replace(CONTRACT, language=encoder, files=(("language/model.onnx", "0" * 64),))
    assert _same_meaning(offered, CONTRACT) and _same_meaning(CONTRACT, offered)
    shorter = dataclasses.replace(offered, language=dataclasses.replace(encoder, max_tokens=16))
    assert not _same_meaning(offered, shorter)


def test_a_contract_that_differs_only_in_how_it_runs_is_the_same(connect: Any) -> None:
    mapping = make_contract_mapping(runtime="remote", url="ws://gpu:8000")
    del mapping["mock"]
    connect(contract=load_contract(mapping))


def test_the_token_is_sent_as_openpi_sends_it(server: Any, connect: Any) -> None:
    connect(token="secret-secret-secret")
    assert server.headers[0]["authorization"] == "Api-Key secret-secret-secret"


def test_no_server_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(RemotePolicyError, match=r"no policy server at unix:.*nobody\.sock"):
        RemotePolicy(f"unix:{tmp_path}/nobody.sock").connect()


def test_a_hung_inference_fails_after_the_deadline_and_costs_the_connection(server: Any, connect: Any) -> None:
    server.behave = lambda request: None
    policy = connect(deadlines=Deadlines(30.0, SHORT_S, 30.0))
    with pytest.raises(RemoteDeadlineError, match=r"did not answer within 0\.2 s"):
        policy.infer(OBSERVATION)
    assert not policy.connected


def test_a_hung_reset_fails_after_the_deadline(server: Any, connect: Any) -> None:
    server.behave = lambda request: None
    with pytest.raises(RemoteDeadlineError):
        connect(deadlines=Deadlines(30.0, 30.0, SHORT_S)).reset()


def test_a_server_that_never_introduces_itself_fails_after_the_deadline(server: Any, connect: Any) -> None:
    server.metadata = None
    with pytest.raises(RemoteDeadlineError):
        connect(deadlines=Deadlines(connect_s=SHORT_S))


def test_a_server_that_accepts_and_says_nothing_fails_after_the_deadline(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "mute.sock"))
        listener.listen()
        policy = RemotePolicy(f"unix:{tmp_path}/mute.sock", deadlines=Deadlines(connect_s=SHORT_S))
        with pytest.raises(RemoteDeadlineError):
            policy.connect()


def test_a_server_that_no_longer_reads_fails_after_the_deadline(tmp_path: Path, opened: list[RemotePolicy]) -> None:
    """The message does not fit the socket's buffer, so that it is the sending that hangs."""
    camera = {"width": 1920, "height": 1080, "encoding": "rgb8", "resize": "none", "resize_method": "stretch"}
    contract = make_contract_example(cameras=[{"name": "front", "max_age_s": 0.3, **camera}])
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "deaf.sock"))
        listener.listen()
        server = threading.Thread(target=_introduce_itself_and_stop_reading, args=(listener,))
        server.start()
        deadlines = Deadlines(connect_s=30.0, infer_s=SHORT_S)
        policy = RemotePolicy(f"unix:{tmp_path}/deaf.sock", contract=contract, deadlines=deadlines)
        opened.append(policy)
        policy.connect()
        with pytest.raises(RemoteDeadlineError):
            policy.infer(make_observation_example(contract))
        assert not policy.connected
        server.join()


def _introduce_itself_and_stop_reading(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += connection.recv(4096)
    key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    digest = hashlib.sha1(key.split(b":")[1].strip() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    accept = base64.b64encode(digest)
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    metadata = msgpack.packb({})
    connection.sendall(answer + accept + b"\r\n\r\n" + bytes([0x82, len(metadata)]) + metadata)
    poll = select.poll()
    poll.register(connection, select.POLLHUP)
    assert poll.poll(30_000)  # hung up by the client; until then nothing is read
    connection.close()


def test_an_exception_in_the_server_is_passed_on(server: Any, connect: Any) -> None:
    server.behave = lambda request: "Traceback: CUDA out of memory"
    policy = connect()
    with pytest.raises(RemotePolicyError, match="CUDA out of memory"):
        policy.infer(OBSERVATION)
    assert not policy.connected


@pytest.mark.parametrize("answer", [b"\xc1", msgpack.packb([1, 2])])
def test_gibberish_costs_the_connection(server: Any, connect: Any, answer: bytes) -> None:
    server.behave = lambda request: answer
    policy = connect()
    with pytest.raises(RemotePolicyError, match="reply"):
        policy.infer(OBSERVATION)
    assert not policy.connected


def test_a_refused_observation_keeps_the_connection(server: Any, connect: Any) -> None:
    server.behave = lambda request: msgpack.packb(
        {"error": {"type": "ObservationError", "message": "too dark"}, "vla": request["vla"]}
    )
    policy = connect()
    with pytest.raises(ObservationError, match="too dark"):
        policy.infer(OBSERVATION)
    assert policy.connected


def test_a_chunk_that_breaks_the_contract_keeps_the_connection(server: Any, connect: Any) -> None:
    behave = server.behave
    server.behave = lambda request: behave(request, actions=None)
    policy = connect()
    with pytest.raises(ActionError):
        policy.infer(OBSERVATION)
    assert policy.connected


def test_an_observation_that_breaks_the_contract_is_never_sent(server: Any, connect: Any) -> None:
    policy = connect()
    with pytest.raises(ObservationError):
        policy.infer(make_observation_example(CONTRACT, instruction=" "))
    policy.reset()
    assert server.requests == [{"__reset__": True}]


def test_after_a_failure_calls_fail_at_once_until_the_back_off_is_over(server: Any, connect: Any) -> None:
    clock = Clock()
    policy = connect(clock=clock, backoff=Backoff(first_s=1.0, factor=3.0, max_s=10.0))
    behave, server.behave = server.behave, lambda request: "Traceback"
    with pytest.raises(RemotePolicyError, match="Traceback"):
        policy.infer(OBSERVATION)
    server.stop()
    clock.now_s += 0.9
    with pytest.raises(RemotePolicyError, match=r"next attempt in 0\.1 s"):
        policy.infer(OBSERVATION)
    clock.now_s += 0.2
    with pytest.raises(RemotePolicyError, match="no policy server"):
        policy.infer(OBSERVATION)
    with pytest.raises(RemotePolicyError, match=r"next attempt in 3\.0 s"):
        policy.infer(OBSERVATION)
    server.behave = behave
    server.start()
    clock.now_s += 3.0
    assert policy.infer(OBSERVATION).actions.shape == (8, 8)


def test_a_server_that_was_restarted_between_two_calls_is_found_again_without_a_failure(
    server: Any, connect: Any
) -> None:
    policy = connect(clock=Clock(), backoff=Backoff(first_s=1000.0, max_s=1000.0))
    policy.infer(OBSERVATION)
    server.stop()
    server.start()
    assert policy.infer(OBSERVATION).actions.shape == (8, 8)


def test_close_ends_a_call_in_progress(server: Any, connect: Any) -> None:
    server.behave = lambda request: None
    policy = connect(deadlines=Deadlines(30.0, 300.0, 30.0))
    failures: list[Exception] = []

    def infer() -> None:
        try:
            policy.infer(OBSERVATION)
        except RemotePolicyError as error:
            failures.append(error)

    caller = threading.Thread(target=infer)
    caller.start()
    assert server.got_request.wait(30.0)
    policy.close()
    caller.join(30.0)
    assert not caller.is_alive() and len(failures) == 1
    with pytest.raises(RemotePolicyError, match="closed here"):
        policy.infer(OBSERVATION)


def test_the_actions_are_read_only_and_float64(connect: Any) -> None:
    actions = connect().infer(OBSERVATION).actions
    assert actions.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        actions[0, 0] = 1.0
