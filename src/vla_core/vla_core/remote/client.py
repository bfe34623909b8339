"""A policy that runs in another process or on another machine, behind the ``Policy`` interface."""

from __future__ import annotations

import dataclasses
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vla_core.checks import check_observation
from vla_core.contract import Contract, ObservationKeys
from vla_core.errors import RemotePolicyError
from vla_core.remote.backoff import Backoff
from vla_core.remote.codec import packb, unpack_mapping
from vla_core.remote.connection import Connection, open_connection
from vla_core.remote.endpoint import parse_endpoint
from vla_core.remote.messages import (
    RESET,
    ServerMetadata,
    decode_chunk,
    decode_metadata,
    encode_observation,
    extras_of,
)
from vla_core.types import ActionChunk, Observation


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The longest each call may take [s]; after that it fails and the connection is dropped."""

    connect_s: float = 5.0
    infer_s: float = 2.0
    reset_s: float = 1.0


class RemotePolicy:
    """A ``Policy`` served over openpi's websocket protocol.

    A lost connection is opened again by the next call, not more often than ``backoff`` allows: until then calls
    fail at once, so that a control loop never waits for a server that is down.

    endpoint: see ``parse_endpoint``.
    contract: needed for servers that do not send one (plain openpi); for others it must equal what they send.
    keys: names of the observation's parts on the wire.
    token: access token; tls: context for ``wss`` endpoints.
    clock: steady clock [s].
    """

    def __init__(
        self,
        endpoint: str,
        *,
        contract: Contract | None = None,
        keys: ObservationKeys | None = None,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        deadlines: Deadlines | None = None,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = parse_endpoint(endpoint)
        self._contract = contract
        self._keys = keys or ObservationKeys()
        self._token = token
        self._tls = tls
        self._deadlines = deadlines or Deadlines()
        self._backoff = backoff or Backoff(first_s=0.2, max_s=5.0)
        self._clock = clock
        self._call = threading.Lock()
        self._connection: Connection | None = None
        self._metadata: ServerMetadata | None = None
        self._sequence = 0
        self._failures = 0
        self._retry_at = clock()
        self._closed = False

    @property
    def contract(self) -> Contract:
        """What the numbers mean.

        Raises:
            RemotePolicyError: not known yet; ``connect`` first.
        """
        if self._contract is None:
            raise RemotePolicyError(f"contract of {self._endpoint} is not known yet: connect() first")
        return self._contract

    @property
    def connected(self) -> bool:
        """A connection is open."""
        connection = self._connection
        return connection is not None and connection.alive

    @property
    def metadata(self) -> ServerMetadata | None:
        """What the server said of itself when it was connected last."""
        return self._metadata

    def connect(self) -> None:
        """Open the connection now, whatever the back-off says; nothing happens where it is open.

        Raises:
            RemotePolicyError: no server, refused, another contract, or (``RemoteDeadlineError``) it hangs.
        """
        with self._call:
            self._retry_at = self._clock()
            self._ensure_connected()

    def infer(self, observation: Observation) -> ActionChunk:
        """The server's chunk for exactly this observation.

        Raises:
            RemoteDeadlineError: no answer in time.
            RemotePolicyError: the server is down, failed, or spoke another protocol.
            ObservationError, ActionError: as for any policy.
        """
        with self._call:
            connection = self._ensure_connected()
            check_observation(observation, self.contract)
            self._sequence += 1
            extended = self._metadata is not None and self._metadata.extended
            sequence = self._sequence if extended else None
            request = packb(encode_observation(observation, self.contract, self._keys, sequence))
            started = self._clock()
            reply = self._exchange(connection, request, self._deadlines.infer_s)
            if extended and extras_of(reply).get("sequence") != sequence:
                self._fail()
                raise RemotePolicyError(f"{self._endpoint} answered another observation than the one that was sent")
            round_trip_ms = (self._clock() - started) * 1e3
            chunk = decode_chunk(reply, self.contract)
        return _with_timing(chunk, round_trip_ms)

    def reset(self) -> None:
        """Forget the running episode; sent only to servers that know it (plain openpi servers keep no state)."""
        with self._call:
            connection = self._ensure_connected()
            if self._metadata is not None and self._metadata.extended:
                self._exchange(connection, packb({RESET: True}), self._deadlines.reset_s)

    def close(self) -> None:
        """End for good. A call in progress in another thread fails at once."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()

    def _ensure_connected(self) -> Connection:
        if self._closed:
            raise RemotePolicyError(f"connection to {self._endpoint} has been closed here")
        if self._connection is not None and self._connection.alive:
            return self._connection
        self._connection = None  # closed by the server between two calls; that failed no call, so no back-off
        wait_s = self._retry_at - self._clock()
        if wait_s > 0:
            raise RemotePolicyError(f"not connected to {self._endpoint}; next attempt in {wait_s:.1f} s")
        try:
            self._connection = self._open()
        except RemotePolicyError:
            self._fail()
            raise
        return self._connection

    def _open(self) -> Connection:
        end = self._clock() + self._deadlines.connect_s
        connection = open_connection(
            self._endpoint,
            deadline_s=self._deadlines.connect_s,
            token=self._token,
            tls=self._tls,
            clock=self._clock,
        )
        try:
            hello = connection.receive(max(0.0, end - self._clock()))
            self._accept(decode_metadata(unpack_mapping(hello, f"metadata from {self._endpoint}")))
        except RemotePolicyError:
            connection.drop()
            raise
        return connection

    def _accept(self, metadata: ServerMetadata) -> None:
        offered = metadata.contract
        if offered is None and self._contract is None:
            raise RemotePolicyError(
                f"{self._endpoint} is a plain openpi server and sends no contract; give this side one (policy.yaml)"
            )
        if offered is not None and self._contract is not None and not _same_meaning(offered, self._contract):
            raise RemotePolicyError(
                f"{self._endpoint} serves {offered.policy_id} with another contract than "
                f"{self._contract.policy_id} here; load it as a new policy"
            )
        self._contract = self._contract or offered
        self._metadata = metadata

    def _exchange(self, connection: Connection, request: bytes, deadline_s: float) -> dict[str, object]:
        try:
            reply = connection.exchange(request, deadline_s)
            if isinstance(reply, str):  # openpi's way to report an exception; the server closes after it
                raise RemotePolicyError(f"policy server at {self._endpoint} failed:\n{reply[-4000:]}")
            message = unpack_mapping(reply, f"reply from {self._endpoint}")
        except RemotePolicyError:
            self._fail()
            raise
        self._failures = 0
        return message

    def _fail(self) -> None:
        """Drop the connection, so that no late reply can be taken for a newer one, and back off."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()
        self._failures += 1
        self._retry_at = self._clock() + self._backoff.delay_s(self._failures)


def _same_meaning(one: Contract, other: Contract) -> bool:
    """Equal but for where and how it runs; the weights are compared where both sides list them."""
    if one.files and other.files and one.files != other.files:
        return False
    if one.language and other.language and one.language != other.language:
        return False
    here: dict[str, Any] = dict.fromkeys(("mock", "recording", "url", "keys", "language")) | {
        "runtime": "",
        "files": (),
    }
    return dataclasses.replace(one, **here) == dataclasses.replace(other, **here)


def _with_timing(chunk: ActionChunk, round_trip_ms: float) -> ActionChunk:
    timing = dict(chunk.timing_ms) | {"round_trip": round_trip_ms}
    return ActionChunk(chunk.actions, chunk.speed_scale, chunk.done, timing)
