"""Ends what the runner has started when the runner itself is gone, however it went.

A process of its own, without any package: ``guard.py NAME=VALUE`` waits until its input closes, which the kernel sees
to, and then kills every process whose environment holds ``NAME=VALUE``, stopped ones too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

ROUNDS = 20  # a process may start another while they are being killed


def marked(mark: str) -> list[int]:
    """Processes, other than this one, whose environment at their start held ``mark``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            held = (folder / "environ").read_bytes().split(b"\0")
            if mark.encode() in held and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def kill_marked(mark: str) -> None:
    """Until none is left."""
    for _ in range(ROUNDS):
        pids = marked(mark)
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.read()
    kill_marked(sys.argv[1])
