"""Where a policy server listens: a unix socket, or a websocket address."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from vla_core.errors import RemotePolicyError

MAX_SOCKET_PATH = 107
"""Longest path of a unix socket on Linux [byte]."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A unix socket ``path``, or ``host`` and ``port`` with TLS or without."""

    path: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    tls: bool = False

    @property
    def uri(self) -> str:
        """What the websocket handshake names; over a unix socket the host is a placeholder."""
        if self.path is not None:
            return "ws://localhost/"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.tls else 'ws'}://{host}:{self.port}/"

    @property
    def stays_on_machine(self) -> bool:
        """Only processes of this machine can reach it."""
        return self.path is not None or is_loopback(self.host)

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path is not None else self.uri


def is_loopback(host: str) -> bool:
    """True for ``localhost`` and loopback addresses; any other name counts as another machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_endpoint(text: str) -> Endpoint:
    """``unix:/run/policy.sock`` or ``/run/policy.sock``, ``ws://host:port``, ``wss://host:port``, ``host:port``.

    Raises:
        RemotePolicyError: none of these, or the socket path is too long.
    """
    if text.startswith(("unix:", "/")):
        return _socket(text.removeprefix("unix:"), text)
    parts = urlsplit(text if "://" in text else f"ws://{text}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.path not in ("", "/") or not port:
        raise RemotePolicyError(
            f"endpoint '{text}' is not understood; use unix:/path/to/socket, ws://host:port, wss://host:port "
            "or host:port"
        )
    return Endpoint(host=parts.hostname, port=port, tls=parts.scheme == "wss")


def _socket(path: str, text: str) -> Endpoint:
    if not path.startswith("/"):
        raise RemotePolicyError(f"endpoint '{text}': the path of a unix socket must be absolute")
    if len(path.encode()) > MAX_SOCKET_PATH:
        raise RemotePolicyError(
            f"endpoint '{text}': {len(path.encode())} bytes; Linux allows {MAX_SOCKET_PATH}. "
            "Use a shorter folder, e.g. /tmp"
        )
    return Endpoint(path=path)
