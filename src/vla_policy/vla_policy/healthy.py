"""Whether a policy server on this machine answers: ``python -m vla_policy.healthy``, for a container's health check."""

from __future__ import annotations

import argparse
import http
import ssl
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection

LOOPBACK = "127.0.0.1"


def ask(port: int, *, tls: bool, timeout_s: float) -> str:
    """Why the server at ``port`` of this machine is not healthy; empty: it is.

    tls: it speaks TLS. Its certificate is not verified: nobody stands between a machine and itself, and the certificate
    names the machine, not its loopback.
    """
    connection: HTTPConnection
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection(LOOPBACK, port, timeout=timeout_s, context=context)
    else:
        connection = HTTPConnection(LOOPBACK, port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        text = response.read(200).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        return f"no policy server answers at {LOOPBACK}:{port} ({error or type(error).__name__}); see --port, --tls"
    finally:
        connection.close()
    return "" if response.status == http.HTTPStatus.OK else f"unhealthy: {response.status} {text}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: healthy, 1: not, with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="python -m vla_policy.healthy", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="TCP port (default: 8000)")
    parser.add_argument("--tls", action="store_true", help="the server speaks TLS")
    parser.add_argument("--timeout", type=float, default=5.0, help="longest wait for each step [s] (default: 5)")
    options = parser.parse_args(arguments)
    why_not = ask(options.port, tls=options.tls, timeout_s=options.timeout)
    if why_not:
        print(why_not, file=sys.stderr)
        return 1
    print("healthy")
    return 0


if __name__ == "__main__":
    sys.exit(main())
