"""A loop paced by the steady clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pacer:
    """Calls ``tick`` every ``period_ns`` in a thread of its own. Late ticks are not made up for, they are counted."""

    def __init__(self, period_ns: int, tick: Callable[[], None], on_error: Callable[[Exception], None]) -> None:
        self._period_ns = period_ns
        self._tick = tick
        self._on_error = on_error
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
        self.ticks = 0
        self.missed = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when no tick runs."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due = time.monotonic_ns()
        while not self._stopping.is_set():
            due += self._period_ns
            wait = due - time.monotonic_ns()
            if wait > 0:
                time.sleep(wait * 1e-9)
            elif wait < -self._period_ns:
                skipped = -wait // self._period_ns
                self.missed += skipped
                due += skipped * self._period_ns
            try:
                self._tick()
            except Exception as error:  # a stream that dies silently would be worse; what was sent ends at rest
                self._on_error(error)
            self.ticks += 1
