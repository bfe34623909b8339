"""The policy worker: one process that runs one policy bundle and serves it. Needs no ROS.

``python -m vla_policy.worker --bundle DIR --socket PATH``. Listens on a unix socket, or on loopback; elsewhere only
with a token and TLS. On ``--ready-fd`` it reports one JSON line: that it serves, or why it cannot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import ssl
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vla_policy.parent import die_with_parent

if TYPE_CHECKING:
    from vla_core.policy import Policy
    from vla_core.remote import Endpoint

logger = logging.getLogger("vla_policy.worker")

EXIT_REFUSED = 2
"""Exit status when starting again would not help: bad arguments, a broken bundle, a missing library."""

UPSTREAM_TOKEN_VARIABLE = "VLA_UPSTREAM_TOKEN_FILE"
"""For workers that a node starts: it hands them its environment, and knows nothing of tokens."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point ``policy_worker``; returns the exit status."""
    arguments = _parser().parse_args(argv)
    _prepare_process(arguments)
    # Imported now, after the thread settings: libraries read those once, when they load.
    from vla_core.errors import VlaError

    try:
        return asyncio.run(_serve(arguments))
    except VlaError as error:
        logger.error("%s: %s", type(error).__name__, error)
        _report(arguments.ready_fd, {"error": str(error), "type": type(error).__name__})
        return EXIT_REFUSED


def run() -> None:
    """``main`` for a process of its own: ends it even while an inference hangs."""
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


async def _serve(arguments: argparse.Namespace) -> int:
    from vla_policy.server import PolicyServer

    endpoint = _endpoint(arguments)
    token = _token(arguments.token_file)
    tls = _tls(arguments)
    _check_exposure(endpoint, token, tls, arguments.plain_text)
    policy = _load(arguments)
    # Not earlier: until it serves, a signal may simply end the process.
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    server = PolicyServer(policy, token=token)
    listening, address = await server.start(endpoint, tls)
    logger.info("serving %s at %s", policy.contract.policy_id, address)
    _report(arguments.ready_fd, {"ready": str(address), "policy_id": policy.contract.policy_id})
    await stopping.wait()
    logger.info("stopping")
    listening.close()
    await listening.wait_closed()
    server.close()
    if address.path is not None:
        Path(address.path).unlink(missing_ok=True)
    return 0


def _load(arguments: argparse.Namespace) -> Policy:
    from vla_core.contract import load_bundle
    from vla_policy.runtimes import RuntimeSettings, load_policy

    settings = RuntimeSettings(arguments.threads, arguments.device, _token(arguments.upstream_token_file))
    return load_policy(load_bundle(arguments.bundle), settings)


def _prepare_process(arguments: argparse.Namespace) -> None:
    logging.basicConfig(level=arguments.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(arguments.threads)
    if arguments.nice:
        os.nice(arguments.nice)
    if arguments.exit_with_parent:
        die_with_parent(_stop_or_exit)


def _stop_or_exit() -> None:
    """The parent has gone: stop as if asked to; whoever cannot within 2 s ends without."""
    last_resort = threading.Timer(2.0, os._exit, (1,))
    last_resort.daemon = True
    last_resort.start()
    os.kill(os.getpid(), signal.SIGTERM)


def _endpoint(arguments: argparse.Namespace) -> Endpoint:
    from vla_core.remote import Endpoint, parse_endpoint

    if arguments.socket is not None:
        return parse_endpoint(str(Path(arguments.socket).absolute()))
    return Endpoint(host=arguments.host, port=arguments.port, tls=arguments.tls_cert is not None)


def _check_exposure(endpoint: Endpoint, token: str | None, tls: ssl.SSLContext | None, plain_text: bool) -> None:
    """Whoever can reach the policy can move the robot by it."""
    from vla_core.errors import RemotePolicyError

    if endpoint.stays_on_machine:
        return
    if token is None:
        raise RemotePolicyError(
            f"--host {endpoint.host} can be reached from other machines: give --token-file, or use --host 127.0.0.1"
        )
    if tls is None and not plain_text:
        raise RemotePolicyError(
            f"--host {endpoint.host} can be reached from other machines: give --tls-cert and --tls-key, or "
            "--plain-text where the network itself is encrypted"
        )


def _token(file: Path | None) -> str | None:
    from vla_core.errors import RemotePolicyError

    if file is None:
        return None
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RemotePolicyError(f"token file {file}: {error}") from error
    if len(token) < 16 or not token.isprintable() or " " in token:
        raise RemotePolicyError(f"token file {file}: a token has at least 16 printable characters without spaces")
    return token


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    from vla_core.errors import RemotePolicyError

    if arguments.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(arguments.tls_cert, arguments.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise RemotePolicyError(f"--tls-cert {arguments.tls_cert}: {error}") from error
    return context


def _report(descriptor: int | None, message: dict[str, str]) -> None:
    if descriptor is None:
        return
    with os.fdopen(descriptor, "w") as pipe:
        pipe.write(json.dumps(message) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="policy_worker", description="Run a policy bundle and serve it.")
    parser.add_argument("--bundle", type=Path, required=True, help="folder with policy.yaml")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--socket", type=Path, help="unix socket to listen on")
    place.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="TCP port, 0: any (default: 8000)")
    parser.add_argument("--token-file", type=Path, help="file with the token that clients must send")
    parser.add_argument("--tls-cert", type=Path, help="certificate chain (PEM)")
    parser.add_argument("--tls-key", type=Path, help="private key (PEM); default: in the certificate's file")
    parser.add_argument("--plain-text", action="store_true", help="allow other machines without TLS")
    parser.add_argument(
        "--upstream-token-file",
        type=Path,
        default=os.environ.get(UPSTREAM_TOKEN_VARIABLE) or None,
        help=f"token for the server behind runtime: remote (default: {UPSTREAM_TOKEN_VARIABLE} of the environment)",
    )
    parser.add_argument("--threads", type=int, choices=range(1, 257), default=1, metavar="N", help="per inference")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--nice", type=int, choices=range(20), default=0, metavar="0..19", help="lower priority by")
    parser.add_argument("--ready-fd", type=int, help="file descriptor that gets one JSON line when ready or refused")
    parser.add_argument("--exit-with-parent", action="store_true", help="end with standard input, or with the parent")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    return parser


if __name__ == "__main__":
    run()
