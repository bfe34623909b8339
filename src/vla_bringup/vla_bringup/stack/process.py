"""One process of the stack: its own session, its output in a file, and a way to end it that works."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _before_exec() -> None:
    """Between fork and exec: told to end when this command is killed outright; interruptible also from scripts.

    A shell without job control starts background commands with the interrupt ignored, and that is inherited.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class ManagedProcess:
    """A running program of the stack. Start it from the main thread, whose death ends it."""

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            # A session of its own: Ctrl-C reaches the supervisor alone, which brings the arm to rest first.
            self._popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                start_new_session=True,
                preexec_fn=_before_exec if sys.platform == "linux" else None,
            )

    @property
    def pid(self) -> int:
        """Process id, also of its session."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._popen.poll()

    def log_tail(self, lines: int = 15) -> str:
        """The end of what it printed."""
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join(text[-lines:])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it still runs."""
        if self.exit_code is None:
            self._popen.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Whether it ended within ``timeout_s``."""
        try:
            self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self, grace_s: float = 6.0) -> None:
        """Interrupt, then terminate, then kill; at last whatever it left in its session."""
        for number, patience_s in ((signal.SIGINT, grace_s), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0)):
            self.signal(number)
            if self.wait(patience_s):
                break
        try:
            os.killpg(self.pid, signal.SIGKILL)  # children that outlived it
        except ProcessLookupError:
            pass
