"""The inference thread: the newest observation in, a plan out, at most one call in flight, nobody waits for it."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Protocol

from vla_core.errors import ActionError, ObservationError, RemotePolicyError, VlaError
from vla_core.types import ActionChunk, JointPlan, Observation, TwistPlan
from vla_inference.inference.clocks import Clocks
from vla_inference.inference.gate_view import GateView
from vla_inference.inference.seen import ChunkTrace, Seen, Starved
from vla_inference.inference.status_board import StatusBoard
from vla_inference.inference.tasks import Outcome, Task, TaskDesk

# A frame that is due counts although its stamp comes a little early: cameras jitter.
_EARLY = 0.9
# Longest sleep without news: how soon a camera that went silent, or a worker that came back, is noticed [s].
_IDLE_S = 0.1
# A policy that fails this often in a row, though its worker lives, has failed.
_MAX_FAILURES = 3


class Engine(Protocol):
    """One policy with everything that belongs to it, called on the inference thread."""

    @property
    def policy_id(self) -> str:
        """``name@version``."""
        ...

    @property
    def worker_restarts(self) -> int:
        """How often the worker was started again."""
        ...

    def worker_fault(self) -> str | None:
        """Why the worker cannot serve now; None when it can."""
        ...

    def newest_ns(self, ros_ns: int, steady_ns: int) -> int | None:
        """The newest t0 there can be an observation for, ROS time; None when an input has not come, or is old."""
        ...

    def prepare(self, since_ns: int) -> None:
        """Use the wait for the rest of a set: convert the images stamped ``since_ns`` or later that are there."""
        ...

    def see(self, instruction: str, ros_ns: int, steady_ns: int) -> Seen:
        """The newest observation. Raises Starved."""
        ...

    def infer(self, observation: Observation) -> ActionChunk:
        """Raises RemotePolicyError, ObservationError, ActionError."""
        ...

    def plan(self, observation: Observation, chunk: ActionChunk, ros_ns: int) -> JointPlan | TwistPlan | None:
        """The motion to send; None when the chunk came too late to be of use. Raises ActionError, KinematicsError."""
        ...

    def is_done(self, score: float | None) -> bool:
        """The contract's own done signal, fed with each chunk's score."""
        ...

    def start_task(self) -> None:
        """A new instruction: forget the last one. Raises RemotePolicyError."""
        ...

    def restart_plan(self) -> None:
        """What was planned is not what was executed: plan on from the measured state."""
        ...


class InferenceLoop:
    """Runs one engine. ``emit`` publishes; ``period_s`` is the mean ROS time between two observations.

    Each observation is due one period after the last was due, not after the frame that served it: so 20 a second come
    out of a camera of 30 Hz, at every first or second frame.
    """

    def __init__(
        self,
        desk: TaskDesk,
        board: StatusBoard,
        gate: GateView,
        clocks: Clocks,
        period_s: Callable[[], float],
        emit: Callable[[JointPlan | TwistPlan, ChunkTrace], None],
    ) -> None:
        self._desk = desk
        self._board = board
        self._gate = gate
        self._clocks = clocks
        self._period_s = period_s
        self._emit = emit
        self._engine: Engine | None = None
        self._between_chunks = threading.Lock()
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logging.getLogger(__name__)
        self._task_id = 0
        self._last_t0_ns = 0
        self._due_ns = 0
        self._chunk_id = 0
        self._first_chunk_id = 1
        self._failures = 0

    def swap(self, engine: Engine | None) -> None:
        """Put ``engine`` in force between two chunks; afterwards the one before is not called any more."""
        with self._between_chunks:
            self._engine = engine
            self._task_id = 0
            self._board.set_policy("" if engine is None else engine.policy_id)
        self.notify()

    @property
    def engine(self) -> Engine | None:
        """The engine in force."""
        return self._engine

    def notify(self) -> None:
        """Something new has come in: an image, an instruction."""
        self._news.set()

    def start(self) -> None:
        """Start the thread."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a call in flight is waited for, at most its deadline."""
        self._stopping.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait(_IDLE_S)
            self._news.clear()
            try:
                with self._between_chunks:
                    self.step()
            except Exception as error:  # the thread must outlive a defect; the instruction must not
                self._log.exception("internal error on the inference thread")
                self._end_task(Outcome.WORKER_FAILED, f"internal error: {type(error).__name__}: {error}")

    def step(self) -> None:
        """Make one chunk if there is an instruction, a worker and a due observation."""
        engine = self._engine
        if engine is None or self._worker_is_down(engine):
            return
        task = self._desk.current
        if task is None:
            return
        try:
            if task.task_id != self._task_id:
                self._begin(engine, task)
            seen = self._look(engine, task)
            if seen is not None:
                self._serve(engine, task, seen)
        except RemotePolicyError as error:
            self._board.set_worker(engine.worker_fault() or str(error), engine.worker_restarts)
            self._end_task(Outcome.WORKER_FAILED, str(error))

    def _worker_is_down(self, engine: Engine) -> bool:
        fault = engine.worker_fault()
        self._board.set_worker(fault, engine.worker_restarts)
        if fault is not None:
            self._end_task(Outcome.WORKER_FAILED, fault)
        return fault is not None

    def _begin(self, engine: Engine, task: Task) -> None:
        self._task_id = task.task_id
        self._failures = 0
        self._last_t0_ns = self._due_ns = 0
        engine.start_task()

    def _look(self, engine: Engine, task: Task) -> Seen | None:
        """The newest observation, when one is due."""
        ros_ns, steady_ns = self._clocks.ros_ns(), self._clocks.steady_ns()
        t0_ns = engine.newest_ns(ros_ns, steady_ns)
        if t0_ns is not None and not self._is_due(t0_ns):
            self._board.set_starved(None)
            engine.prepare(max(self._earliest_ns(), self._last_t0_ns + 1))
            return None
        try:
            seen = engine.see(task.text, ros_ns, steady_ns)
        except Starved as reason:
            self._board.set_starved(str(reason))
            return None
        self._board.set_starved(None)
        if not self._is_due(seen.observation.t0_ns):
            return None
        self._last_t0_ns = seen.observation.t0_ns
        period_ns = round(self._period_s() * 1e9)
        on_time = self._last_t0_ns < self._due_ns + period_ns  # what was missed is not made up for
        self._due_ns = (self._due_ns if on_time else self._last_t0_ns) + period_ns
        return seen

    def _earliest_ns(self) -> int:
        """The earliest stamp that the next observation may have."""
        return self._due_ns - round(self._period_s() * (1.0 - _EARLY) * 1e9)

    def _is_due(self, t0_ns: int) -> bool:
        if t0_ns < self._last_t0_ns:
            self._last_t0_ns = self._due_ns = 0  # ROS time jumped back: a simulation was started again
        return t0_ns > self._last_t0_ns and t0_ns >= self._earliest_ns()

    def _serve(self, engine: Engine, task: Task, seen: Seen) -> None:
        """One call of the policy, and what follows from it."""
        start_ns, start_steady = self._clocks.ros_ns(), self._clocks.steady_ns()
        try:
            chunk = engine.infer(seen.observation)
        except (ActionError, ObservationError) as error:
            self._count_failure(error)
            return
        end_ns, end_steady = self._clocks.ros_ns(), self._clocks.steady_ns()
        try:
            self._restart_if_refused(engine)
            plan = engine.plan(seen.observation, chunk, end_ns)
        except VlaError as error:
            self._count_failure(error)
            return
        self._failures = 0
        inference_ms = (end_steady - start_steady) * 1e-6
        progress = math.nan if chunk.done is None else chunk.done
        if plan is None or not self._desk.count_chunk(task.task_id, inference_ms, progress):
            return  # too late, or the instruction ended meanwhile
        self._chunk_id += 1
        trace = ChunkTrace(
            chunk_id=self._chunk_id,
            instruction_id=task.task_id,
            policy_id=engine.policy_id,
            instruction=task.text,
            speed_scale=chunk.speed_scale,
            cameras=seen.cameras(),
            joint_state_ns=seen.observation.state_stamp_ns,
            inference_start_ns=start_ns,
            inference_end_ns=end_ns,
            inference_ms=inference_ms,
        )
        self._emit(plan, trace)
        self._board.count_chunk()
        if engine.is_done(chunk.done):
            self._end_task(Outcome.COMPLETED, f"done score {progress:.2f}")

    def _restart_if_refused(self, engine: Engine) -> None:
        report = self._gate.refused_chunk(self._first_chunk_id)
        if report is not None:
            self._first_chunk_id = self._chunk_id + 1
            engine.restart_plan()

    def _count_failure(self, error: VlaError) -> None:
        """A chunk that cannot be used is dropped; the executed plan runs out into a hold if no better one follows."""
        self._failures += 1
        self._board.set_remark(str(error))
        self._log.warning("chunk dropped: %s", error)
        if self._failures >= _MAX_FAILURES:
            self._end_task(Outcome.WORKER_FAILED, f"{self._failures} failures in a row, the last: {error}")

    def _end_task(self, outcome: Outcome, message: str) -> None:
        self._desk.end_current(outcome, message, self._clocks.ros_ns())
        self._board.refresh()
