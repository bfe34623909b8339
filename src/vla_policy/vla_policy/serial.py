"""Runs jobs one at a time on one background thread, for an asyncio server."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class SerialRunner:
    """One thread, one job at a time, in the order of arrival.

    The thread is a daemon: a job that hangs must not keep the process from ending.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._clock = clock
        self._started: float | None = None
        threading.Thread(target=self._work, name="inference", daemon=True).start()

    @property
    def busy_s(self) -> float:
        """How long the present job has been running [s]; 0 when idle."""
        started = self._started
        return 0.0 if started is None else self._clock() - started

    async def run(self, job: Callable[[], T]) -> T:
        """The result of ``job``. When the caller is cancelled, a job that still waits is never started."""
        future: Future[T] = Future()
        self._jobs.put((future, job))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End after the jobs that wait."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            future, job = item
            if not future.set_running_or_notify_cancel():
                continue
            self._started = self._clock()
            try:
                result = job()
            except BaseException as error:  # it belongs to the caller, whatever it is
                self._started = None
                future.set_exception(error)
            else:
                self._started = None
                future.set_result(result)
