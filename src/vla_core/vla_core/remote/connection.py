"""One websocket connection to a policy server. Every call ends by its deadline, also when the server hangs."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect, unix_connect

from vla_core.errors import RemotePolicyError
from vla_core.remote.codec import MAX_MESSAGE_BYTES
from vla_core.remote.endpoint import Endpoint
from vla_core.remote.errors import RemoteDeadlineError

_CLOSE_TIMEOUT_S = 0.5
_Message = bytes | str


class Connection:
    """An open connection. Not for two calls at once; ``drop`` may be called from any thread at any time."""

    def __init__(self, websocket: ClientConnection, endpoint: Endpoint, clock: Callable[[], float]) -> None:
        self._websocket = websocket
        self._endpoint = endpoint
        self._clock = clock
        self._overdue = False

    @property
    def alive(self) -> bool:
        """The server has not closed it since."""
        return self._websocket.state is State.OPEN

    def exchange(self, message: bytes, deadline_s: float) -> _Message:
        """Send ``message`` and return the answer; both together may take ``deadline_s`` [s].

        Raises:
            RemoteDeadlineError: it took longer; the connection is dropped.
            RemotePolicyError: the connection is lost.
        """
        end = self._clock() + deadline_s
        with self._translated(deadline_s):
            self._send(message, deadline_s)
            return self._websocket.recv(timeout=max(0.0, end - self._clock()))

    def receive(self, deadline_s: float) -> _Message:
        """The next message; errors as in ``exchange``."""
        with self._translated(deadline_s):
            return self._websocket.recv(timeout=deadline_s)

    def drop(self) -> None:
        """Cut the connection now, without a closing handshake; a call in progress ends with an error."""
        with suppress(OSError):  # The other side was faster; the connection is gone either way.
            self._websocket.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close politely, within half a second."""
        self._websocket.close()

    def _send(self, message: bytes, deadline_s: float) -> None:
        # A server that hangs no longer empties the socket, and sendall() has no timeout: cut it from outside.
        cut = threading.Timer(deadline_s, self._cut)
        cut.daemon = True
        self._overdue = False
        cut.start()
        try:
            self._websocket.send(message)
        except ConnectionClosed:
            if self._overdue:
                raise TimeoutError from None
            raise
        finally:
            cut.cancel()

    def _cut(self) -> None:
        self._overdue = True
        self.drop()

    @contextmanager
    def _translated(self, deadline_s: float) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            self.drop()
            raise RemoteDeadlineError(
                f"policy server at {self._endpoint} did not answer within {deadline_s:g} s; connection dropped"
            ) from None
        except ConnectionClosed as error:
            raise RemotePolicyError(f"policy server at {self._endpoint} closed the connection: {error}") from error


def open_connection(
    endpoint: Endpoint,
    *,
    deadline_s: float,
    token: str | None = None,
    tls: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Connection:
    """Connect and shake hands within ``deadline_s``.

    token: sent as openpi's clients do, ``Authorization: Api-Key <token>``.
    tls: context for ``wss`` endpoints; None: the system's certificates.

    Raises:
        RemoteDeadlineError: the server accepted and then said nothing.
        RemotePolicyError: nobody listens, the token is refused, or it is no websocket server.
    """
    options: dict[str, Any] = {
        "additional_headers": {"Authorization": f"Api-Key {token}"} if token else None,
        "compression": None,
        "open_timeout": deadline_s,
        "close_timeout": _CLOSE_TIMEOUT_S,
        # Liveness is judged by the deadline of each call, so no keepalive thread.
        "ping_interval": None,
        "max_size": MAX_MESSAGE_BYTES,
    }
    try:
        if endpoint.path is not None:
            opening = unix_connect(endpoint.path, endpoint.uri, **options)
        else:
            # Neither a proxy nor a redirect may see the camera images or the token.
            sock = socket.create_connection((endpoint.host, endpoint.port), timeout=deadline_s)
            sock.settimeout(None)
            opening = connect(endpoint.uri, sock=sock, ssl=tls, proxy=None, **options)
        # Entered here and left by drop(): since websockets 17 it opens on entry, before it did in connect() itself.
        websocket = opening.__enter__()
    except TimeoutError:
        raise RemoteDeadlineError(f"policy server at {endpoint} did not open within {deadline_s:g} s") from None
    except InvalidStatus as error:
        status = error.response.status_code
        remedy = "; check the token" if status in (401, 403) else ""
        raise RemotePolicyError(f"policy server at {endpoint} refused the connection: HTTP {status}{remedy}") from error
    except OSError as error:
        raise RemotePolicyError(f"no policy server at {endpoint}: {error.strerror or error}") from error
    except WebSocketException as error:
        raise RemotePolicyError(f"{endpoint} does not answer as a websocket server: {error}") from error
    return Connection(websocket, endpoint, clock)
