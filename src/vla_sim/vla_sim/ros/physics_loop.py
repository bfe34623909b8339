"""The thread that owns the simulated robot: advances it in step with the steady clock. No ROS."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

from vla_sim.ros.pacing import Pacer

T = TypeVar("T")


class SimulatedRobot(Protocol):
    """What the loop needs of a robot."""

    @property
    def now_ns(self) -> int:
        """Simulated time; never goes back."""

    def advance(self, until_ns: int) -> None:
        """Simulate until ``now_ns`` is at least ``until_ns``."""


class PhysicsLoop:
    """Runs ``robot`` on a thread of its own. All other threads reach the robot through ``post`` and ``call`` only.

    tick_ns: simulated time per round; several physics steps are batched in one.
    on_tick: called on the thread after each round with the simulated time.
    on_error: called on the thread, once, with whatever ended it.
    """

    def __init__(
        self,
        robot: SimulatedRobot,
        pacer: Pacer,
        tick_ns: int,
        on_tick: Callable[[int], None],
        on_error: Callable[[BaseException], None],
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._robot = robot
        self._pacer = pacer
        self._tick_ns = tick_ns
        self._on_tick = on_tick
        self._on_error = on_error
        self._steady_ns = steady_ns
        self._inbox: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._target_ns = robot.now_ns
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="physics", daemon=True)

    def start(self) -> None:
        """Begin. Time starts to run now."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread after its round. Idempotent; may be called before ``start``."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def post(self, work: Callable[[], object]) -> None:
        """Have ``work`` done on the thread before its next round."""
        self._inbox.put(work)

    def call(self, work: Callable[[], T]) -> Future[T]:
        """Like ``post``, with the result or exception of ``work`` in the future."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)

        self.post(run)
        return future

    def tick(self) -> int:
        """One round: the posted work, then physics, then ``on_tick``. Returns the steady time to wait after it [ns]."""
        while True:
            try:
                work = self._inbox.get_nowait()
            except queue.Empty:
                break
            work()
        self._target_ns = max(self._target_ns + self._tick_ns, self._robot.now_ns)
        self._robot.advance(self._target_ns)
        now_ns = self._robot.now_ns
        self._on_tick(now_ns)
        return self._pacer.wait_ns(self._target_ns, self._steady_ns())

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                wait_ns = self.tick()
                if wait_ns > 0:
                    time.sleep(wait_ns * 1e-9)
        except BaseException as error:
            self._on_error(error)
