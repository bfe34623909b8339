"""Against what openpi's released packages said to each other, byte by byte; see docs/foreign.md."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import unix_connect
from websockets.sync.server import ServerConnection, unix_serve

from vla_core.contract import Contract, load_contract
from vla_core.errors import RemotePolicyError
from vla_core.policies import make_mock_policy
from vla_core.remote import Deadlines, Endpoint, RemotePolicy, packb, unpackb
from vla_core.testing import make_contract_mapping
from vla_core.types import Observation, read_only
from vla_policy.server import PolicyServer

TRANSCRIPT = json.loads((Path(__file__).parent / "transcript.json").read_text())
TOKEN = "correct-horse-battery"
PATIENT = Deadlines(30.0, 30.0, 30.0)


def frame(entry: dict[str, str]) -> bytes | str:
    return entry["text"] if "text" in entry else base64.b64decode(entry["base64"])


CONVERSATION = [(side, frame(entry)) for side, entry in TRANSCRIPT["conversation"] if side != "close"]
BINARY = [data for _, data in CONVERSATION if isinstance(data, bytes)]
FROM_CLIENT = frame(TRANSCRIPT["client"][1])


def contract(**changes: object) -> Contract:
    """What both sides of the transcript agreed on: two pictures of 4 x 4, two actions of eight numbers."""
    mapping: dict[str, Any] = make_contract_mapping(**changes)
    for camera in mapping["cameras"]:
        camera |= {"width": 4, "height": 4}
    mapping["action"]["horizon"] = 2
    del mapping["done"]
    return load_contract(mapping)


def observation(prompt: str) -> Observation:
    images = {"front": np.arange(48, dtype=np.uint8).reshape(4, 4, 3), "wrist": np.full((4, 4, 3), 7, np.uint8)}
    return Observation(images, dict.fromkeys(images, 0), read_only(np.linspace(0, 1, 8)), 0, prompt)


@pytest.mark.parametrize("data", BINARY, ids=lambda data: f"{len(data)} bytes")
def test_every_message_is_read_and_written_to_the_byte(data: bytes) -> None:
    assert packb(unpackb(data)) == data


class Replay:
    """The released server's side of the transcript; keeps what it was sent."""

    def __init__(self) -> None:
        self.received: list[bytes | str] = []

    def __call__(self, websocket: ServerConnection) -> None:
        script = iter(CONVERSATION)
        websocket.send(next(script)[1])
        for side, data in script:
            if side == "client":
                try:
                    self.received.append(websocket.recv(timeout=30.0))
                except ConnectionClosed:
                    return
            else:
                websocket.send(data)
        websocket.close(1011)


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[tuple[Replay, RemotePolicy]]:
    """The transcript's server, and our client for it."""
    script = Replay()
    with unix_serve(script, str(tmp_path / "replay.sock"), compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        policy = RemotePolicy(f"unix:{tmp_path}/replay.sock", contract=contract(), deadlines=PATIENT)
        yield script, policy
        policy.close()
        server.shutdown()
        thread.join()


def test_our_client_says_what_the_released_one_says(replay: tuple[Replay, RemotePolicy]) -> None:
    script, policy = replay
    policy.connect()
    assert policy.metadata is not None and policy.metadata.raw == {"reset_pose": [0.0, 0.5], "name": "shown"}
    policy.infer(observation("pick"))
    policy.reset()  # that server has none; nothing may be sent
    policy.infer(observation("place"))
    assert script.received == [data for side, data in CONVERSATION if side == "client"][:2]
    assert script.received[0] == FROM_CLIENT


def test_our_client_understands_what_the_released_server_says(replay: tuple[Replay, RemotePolicy]) -> None:
    _, policy = replay
    policy.connect()
    first, second = (policy.infer(observation(prompt)) for prompt in ("pick", "place"))
    for chunk in (first, second):
        np.testing.assert_array_equal(chunk.actions, np.arange(16.0).reshape(2, 8))
        assert chunk.speed_scale == 1.0 and chunk.done is None and chunk.timing_ms["infer_ms"] > 0
    assert "prev_total_ms" not in first.timing_ms and second.timing_ms["prev_total_ms"] > 0


def test_a_failure_of_the_released_server_is_told_in_its_words(replay: tuple[Replay, RemotePolicy]) -> None:
    _, policy = replay
    policy.connect()
    for prompt in ("pick", "place"):
        policy.infer(observation(prompt))
    with pytest.raises(RemotePolicyError, match="ValueError: the policy stumbled"):
        policy.infer(observation("fail"))
    assert not policy.connected


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Endpoint]:
    """Our server, for whoever has the token."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = PolicyServer(make_mock_policy(contract(mock={"behaviour": "hold"})), token=TOKEN)
    place = Endpoint(path=str(tmp_path / "ours.sock"))
    listening, endpoint = asyncio.run_coroutine_threadsafe(server.start(place), loop).result(30.0)
    yield endpoint

    async def stop() -> None:
        listening.close()
        await listening.wait_closed()

    asyncio.run_coroutine_threadsafe(stop(), loop).result(30.0)
    server.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_our_server_answers_the_released_client(ours: Endpoint) -> None:
    headers = {"Authorization": TRANSCRIPT["client"][0]["headers"]["Authorization"]}
    assert ours.path is not None
    with unix_connect(ours.path, ours.uri, compression=None, additional_headers=headers) as websocket:
        metadata = msgpack.unpackb(websocket.recv(timeout=30.0))
        assert set(metadata) == {"vla"}
        websocket.send(FROM_CLIENT)
        reply = msgpack.unpackb(websocket.recv(timeout=30.0))
        assert set(reply) == {"actions", "server_timing", "speed_scale"}
        assert reply["actions"][b"__ndarray__"] is True and reply["actions"][b"shape"] == [2, 8]
        assert reply["actions"][b"dtype"] == "<f8" and len(reply["actions"][b"data"]) == 128
        assert reply["server_timing"]["infer_ms"] > 0
        websocket.send(packb({"prompt": "no camera"}))
        failure = websocket.recv(timeout=30.0)
        assert isinstance(failure, str) and "observation/images/front" in failure
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(timeout=30.0)
        assert closed.value.rcvd is not None
        assert ["close", closed.value.rcvd.code] == [TRANSCRIPT["conversation"][-1][0], 1011]
