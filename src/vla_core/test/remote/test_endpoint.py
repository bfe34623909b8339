from __future__ import annotations

import pytest

from vla_core.errors import RemotePolicyError
from vla_core.remote.endpoint import Endpoint, parse_endpoint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:/tmp/p.sock", Endpoint(path="/tmp/p.sock")),
        ("/tmp/p.sock", Endpoint(path="/tmp/p.sock")),
        ("ws://gpu:8000", Endpoint(host="gpu", port=8000)),
        ("ws://gpu:8000/", Endpoint(host="gpu", port=8000)),
        ("wss://gpu:443", Endpoint(host="gpu", port=443, tls=True)),
        ("localhost:8000", Endpoint(host="localhost", port=8000)),
        ("ws://[::1]:8000", Endpoint(host="::1", port=8000)),
    ],
)
def test_what_is_understood(text: str, expected: Endpoint) -> None:
    assert parse_endpoint(text) == expected


@pytest.mark.parametrize(
    "text", ["", "gpu", "http://gpu:80", "ws://gpu", "ws://gpu:x", "ws://gpu:99999", "unix:p.sock", "ws://gpu:1/path"]
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(RemotePolicyError, match="endpoint"):
        parse_endpoint(text)


def test_a_socket_path_longer_than_the_kernel_takes_is_refused() -> None:
    with pytest.raises(RemotePolicyError, match="shorter"):
        parse_endpoint("/" + "x" * 107)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (Endpoint(path="/tmp/p"), True),
        (Endpoint(host="127.0.0.1"), True),
        (Endpoint(host="127.1.2.3"), True),
        (Endpoint(host="::1"), True),
        (Endpoint(host="localhost"), True),
        (Endpoint(host="0.0.0.0"), False),
        (Endpoint(host="::"), False),
        (Endpoint(host="192.168.1.2"), False),
        (Endpoint(host="localhost.evil.example"), False),
    ],
)
def test_which_endpoints_stay_on_the_machine(endpoint: Endpoint, expected: bool) -> None:
    assert endpoint.stays_on_machine is expected


def test_an_ipv6_address_has_brackets_in_the_uri() -> None:
    assert Endpoint(host="::1", port=1).uri == "ws://[::1]:1/"
