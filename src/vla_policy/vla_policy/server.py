"""Serves a policy over openpi's websocket protocol, on a unix socket or a TCP port.

Requests are answered one at a time, in the order they came, each by an inference of its own: nothing is cached, so
that a newer observation never gets an older answer.
"""

from __future__ import annotations

import hmac
import http
import logging
import os
import socket
import ssl
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from vla_core.checks import check_chunk, check_observation
from vla_core.errors import RemotePolicyError, VlaError
from vla_core.policy import Policy
from vla_core.remote import MAX_MESSAGE_BYTES, Endpoint, ObservationKeys, packb, unpack_mapping
from vla_core.remote.messages import (
    RESET,
    decode_observation,
    encode_chunk,
    encode_error,
    encode_metadata,
    extras_of,
)
from vla_policy.serial import SerialRunner

logger = logging.getLogger(__name__)

HANGING_S = 10.0
"""An inference that runs longer makes ``/healthz`` report the server as unhealthy [s]."""


class PolicyServer:
    """Serves ``policy``.

    token: when given, clients must send ``Authorization: Api-Key <token>`` (or ``Bearer``).
    keys: names of the observation's parts on the wire.
    """

    def __init__(self, policy: Policy, *, token: str | None = None, keys: ObservationKeys | None = None) -> None:
        self._policy = policy
        self._contract = policy.contract
        self._token = token
        self._keys = keys or ObservationKeys()
        self._runner = SerialRunner()

    async def start(self, endpoint: Endpoint, tls: ssl.SSLContext | None = None) -> tuple[Server, Endpoint]:
        """Listen; the endpoint returned has the real port where 0 was asked for.

        Raises:
            RemotePolicyError: the address is in use or cannot be bound.
        """
        options: dict[str, Any] = {
            "process_request": self._admit,
            "origins": [None],  # web pages name their origin; none of them may talk to the robot's policy
            "compression": None,
            "max_size": MAX_MESSAGE_BYTES,
            "ping_interval": None,
            "close_timeout": 0.5,
        }
        try:
            if endpoint.path is not None:
                return await self._listen_on_socket(endpoint.path, options), endpoint
            server = await serve(self._converse, endpoint.host, endpoint.port, ssl=tls, **options)
        except OSError as error:
            raise RemotePolicyError(f"cannot listen at {endpoint}: {error.strerror or error}") from error
        port = next(iter(server.sockets)).getsockname()[1]
        return server, Endpoint(host=endpoint.host, port=port, tls=tls is not None)

    def close(self) -> None:
        """End the inference thread."""
        self._runner.close()

    async def _listen_on_socket(self, path: str, options: dict[str, Any]) -> Server:
        refuse_live_socket(path)
        before = os.umask(0o177)  # only this user may connect
        try:
            return await unix_serve(self._converse, path, **options)
        finally:
            os.umask(before)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/healthz":
            if self._runner.busy_s > HANGING_S:
                text = f"inference runs for {self._runner.busy_s:.1f} s\n"
                return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, text)
            return connection.respond(http.HTTPStatus.OK, "OK\n")
        if self._token is not None and not _token_matches(self._token, request.headers.get("Authorization", "")):
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "a valid token is needed\n")
        return None

    async def _converse(self, websocket: ServerConnection) -> None:
        try:
            await websocket.send(packb(encode_metadata(self._contract, runtime=self._contract.runtime)))
            async for message in websocket:
                await self._reply(websocket, message)
        except ConnectionClosed:
            pass  # The client left; whatever it asked for last is dropped.

    async def _reply(self, websocket: ServerConnection, message: bytes | str) -> None:
        try:
            await websocket.send(packb(await self._answer(message)))
        except ConnectionClosed:
            raise
        except Exception as error:
            known = isinstance(error, VlaError)
            text = f"{type(error).__name__}: {error}" if known else traceback.format_exc()
            logger.warning("request failed: %s", text)
            await websocket.send(text)
            await websocket.close(CloseCode.INTERNAL_ERROR, "error in the frame before")

    async def _answer(self, message: bytes | str) -> dict[str, Any]:
        request = unpack_mapping(message, "request")
        if request.get(RESET) is True:
            await self._runner.run(self._policy.reset)
            return {"__ack__": RESET}
        sequence = extras_of(request).get("sequence")
        if not isinstance(sequence, int):
            return await self._runner.run(lambda: self._infer(request, None))
        try:
            return await self._runner.run(lambda: self._infer(request, sequence))
        except VlaError as error:  # a client of this suite is told which request was bad, and keeps its connection
            logger.warning("observation %d: %s: %s", sequence, type(error).__name__, error)
            return encode_error(error, sequence)

    def _infer(self, request: Mapping[str, Any], sequence: int | None) -> dict[str, Any]:
        started = time.perf_counter()
        observation = decode_observation(request, self._contract, self._keys)
        check_observation(observation, self._contract)
        chunk = self._policy.infer(observation)
        check_chunk(chunk, self._contract)
        reply = encode_chunk(chunk, sequence)
        reply["server_timing"]["infer_ms"] = (time.perf_counter() - started) * 1e3
        return reply


def refuse_live_socket(path: str) -> None:
    """Make room for a socket at ``path``: a dead one is left to be replaced.

    Raises:
        RemotePolicyError: a live server listens there, or a file of another kind lies there, or the folder is missing.
    """
    place = Path(path)
    if not place.parent.is_dir():
        raise RemotePolicyError(f"cannot listen at unix:{path}: folder {place.parent} does not exist")
    if not place.exists():
        return
    if not place.is_socket():
        raise RemotePolicyError(f"cannot listen at unix:{path}: a file that is no socket lies there; remove it")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return
        except OSError as error:
            raise RemotePolicyError(f"cannot listen at unix:{path}: {error}") from error
    raise RemotePolicyError(f"cannot listen at unix:{path}: another server is alive there; stop it or use another path")


def _token_matches(token: str, header: str) -> bool:
    scheme, _, given = header.partition(" ")
    return scheme in ("Api-Key", "Bearer") and hmac.compare_digest(token.encode(), given.strip().encode())
