"""Two hosts as network namespaces of this machine, each with shared memory of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

INSIDE = "VLA_HOSTS_INSIDE"
_UNSHARE = ("unshare", "--net", "--mount", "--propagation", "private")
# Without shared memory of its own a host would talk past the wire.
_PREPARE = "mount -t tmpfs shm /dev/shm && ip link set lo up"


def refusal() -> str:
    """Why this machine does not allow it; empty: it does."""
    for program in ("unshare", "nsenter", "ip"):
        if shutil.which(program) is None:
            return f"the program {program} is not installed (Debian: util-linux, iproute2)"
    attempt = f"{_PREPARE} && ip tuntap add vla0 mode tap"
    tried = subprocess.run([*_UNSHARE, "sh", "-c", attempt], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"network namespaces are not permitted here: {tried.stderr.strip()}"


def enter(module: str, arguments: Sequence[str]) -> None:
    """Run ``python -m module`` again, as the first host. Does not return."""
    os.environ[INSIDE] = "1"
    again = [sys.executable, "-m", module, *arguments]
    os.execvp(_UNSHARE[0], [*_UNSHARE, "sh", "-c", f'{_PREPARE} && exec "$@"', "sh", *again])


class SecondHost:
    """Use as a context, on the first host."""

    def __enter__(self) -> SecondHost:
        command = [*_UNSHARE, "sh", "-c", f"{_PREPARE} && echo ready && exec cat"]
        self._holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            raise OSError("the second host did not come up")
        self._wire = subprocess.Popen(
            [sys.executable, "-m", "proof.hosts.wire", str(self._holder.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._answer()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in (self._wire, self._holder):
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)

    @property
    def enter(self) -> list[str]:
        """Words before a command that is to run there."""
        return ["nsenter", "-t", str(self._holder.pid), "--net", "--mount", "--"]

    def wire(self, **quality: float | bool) -> dict[str, Any]:
        """Change the wire (``delay_s``, ``loss``, ``up``); returns its counts."""
        assert self._wire.stdin is not None
        self._wire.stdin.write(json.dumps(quality) + "\n")
        self._wire.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._wire.stdout is not None
        line = self._wire.stdout.readline()
        if not line:
            raise OSError("the wire has ended")
        counts: dict[str, Any] = json.loads(line)
        return counts
