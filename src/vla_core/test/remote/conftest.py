"""A policy server for the client's tests, written after openpi's protocol alone: no code of the suite's own server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, unix_serve

from vla_core.contract import contract_to_mapping
from vla_core.testing import make_contract_example

Behaviour = Callable[[dict[str, Any]], "bytes | str | None"]


def array(values: Any) -> dict[bytes, Any]:
    """An array as openpi's server packs it."""
    values = np.asarray(values)
    return {b"__ndarray__": True, b"data": values.tobytes(), b"dtype": values.dtype.str, b"shape": values.shape}


def reply(request: dict[str, Any], **changes: Any) -> bytes:
    """A valid answer to ``request``: actions whose first number is the request's sequence, where it has one."""
    sequence = request.get("vla", {}).get("sequence")
    actions = np.zeros((8, 8), np.float32)
    actions[0, 0] = sequence or 0
    message = {"actions": array(actions), "done": 0.5, "server_timing": {"infer_ms": 2.0}}
    if sequence is not None:
        message["vla"] = {"sequence": sequence}
    return msgpack.packb(message | changes)


class ScriptedServer:
    """Listens on a unix socket; ``behave`` answers each request: bytes, text, or None for never.

    requests: what came. headers: of each connection. metadata: what is sent first; None: nothing ever.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.behave: Behaviour = reply
        mapping = contract_to_mapping(make_contract_example())
        self.metadata: dict[str, Any] | None = {"vla": {"protocol": 1, "contract": mapping}}
        self.got_request = threading.Event()
        self.client_left = threading.Event()
        self._released = threading.Event()
        self._server: Any = None

    @property
    def endpoint(self) -> str:
        return f"unix:{self.path}"

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._released.clear()
        self._connections: list[ServerConnection] = []
        self._server = unix_serve(self._serve, str(self.path), compression=None, max_size=None, close_timeout=0.2)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        if self._server is None:
            return
        self._released.set()
        self._server.shutdown()
        for connection in self._connections:
            connection.close()
        self._thread.join()
        self.path.unlink(missing_ok=True)
        self._server = None

    def _serve(self, connection: ServerConnection) -> None:
        self._connections.append(connection)
        assert connection.request is not None
        self.headers.append({k.lower(): v for k, v in connection.request.headers.raw_items()})
        if self.metadata is None:
            self._released.wait()
            return
        connection.send(msgpack.packb(self.metadata))
        while (message := _next(connection)) is not None:
            self.requests.append(msgpack.unpackb(message))
            self.got_request.set()
            answer = self.behave(self.requests[-1])
            if answer is None:
                self._released.wait()
                return
            connection.send(answer)
        self.client_left.set()


def _next(connection: ServerConnection) -> bytes | None:
    try:
        message = connection.recv()
    except ConnectionClosed:
        return None
    assert isinstance(message, bytes)
    return message


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    """A running server of this suite's dialect; change it before a client connects."""
    scripted = ScriptedServer(tmp_path / "policy.sock")
    scripted.start()
    yield scripted
    scripted.stop()
