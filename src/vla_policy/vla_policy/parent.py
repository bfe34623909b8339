"""A worker must not outlive the process that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with_parent(on_death: Callable[[], None]) -> None:
    """Watch the parent by two means, because each has a gap.

    ``on_death`` is called when standard input ends, which the parent holds the other end of: works on every system,
    but not while this process is stopped or a native call holds the interpreter. So the kernel also kills this process
    when the thread that started it ends (Linux only; that thread must live as long as the parent wants the worker).
    """
    threading.Thread(target=_watch_stdin, args=(on_death,), name="parent watch", daemon=True).start()
    if sys.platform == "linux":
        result = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if result != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


def _watch_stdin(on_death: Callable[[], None]) -> None:
    while os.read(0, 4096):
        pass
    on_death()
