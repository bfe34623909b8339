"""The instruction being obeyed, from acceptance to its outcome. No ROS: time comes in as an argument."""

from __future__ import annotations

import enum
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


class Outcome(enum.IntEnum):
    """How an instruction ended; the numbers are those of vla_msgs/action/ExecuteInstruction."""

    COMPLETED = 0
    TIMEOUT = 1
    CANCELED = 2
    PREEMPTED = 3
    REFUSED = 4
    GATE_STOPPED = 5
    WORKER_FAILED = 6


@dataclass(slots=True)
class Task:
    """One accepted instruction. TaskDesk alone changes it.

    task_id: the instruction_id of the messages, from 1.
    accepted_ns, deadline_ns: ROS time. ended_ns: ROS time, or None while it runs.
    progress: newest done score of the policy in [0, 1]; NaN when it has none.
    inference_ms: of the newest chunk; NaN before the first.
    """

    task_id: int
    text: str
    source: str
    accepted_ns: int
    deadline_ns: int
    chunks: int = 0
    progress: float = math.nan
    inference_ms: float = math.nan
    outcome: Outcome | None = None
    message: str = ""
    ended_ns: int | None = None
    on_end: Callable[[Task], None] | None = field(default=None, repr=False)

    def elapsed_s(self, now_ns: int) -> float:
        """ROS time since acceptance, until the end when it has ended [s]."""
        return max(0, (self.ended_ns if self.ended_ns is not None else now_ns) - self.accepted_ns) * 1e-9


class TaskDesk:
    """Holds at most one running task: the newest. Safe to use from several threads.

    ``on_end`` of a task is called exactly once, outside the lock, on the thread that ended it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Task | None = None
        self._accepted = 0

    @property
    def current(self) -> Task | None:
        """The running task."""
        return self._current

    def accept(
        self, text: str, source: str, now_ns: int, timeout_s: float, on_end: Callable[[Task], None] | None = None
    ) -> Task:
        """Start ``text``; the task that runs is preempted."""
        if not timeout_s > 0.0 or math.isinf(timeout_s):
            raise ValueError(f"timeout_s is {timeout_s}, must be positive and finite")
        with self._lock:
            self._accepted += 1
            task = Task(self._accepted, text, source, now_ns, now_ns + round(timeout_s * 1e9), on_end=on_end)
            previous, self._current = self._current, task
        if previous is not None:
            self._close(previous, Outcome.PREEMPTED, f"instruction {task.task_id} took over", now_ns)
        return task

    def end(self, task_id: int, outcome: Outcome, message: str, now_ns: int) -> bool:
        """End the task if it is the one that runs; False when it has ended already."""
        with self._lock:
            task = self._current
            if task is None or task.task_id != task_id:
                return False
            self._current = None
        self._close(task, outcome, message, now_ns)
        return True

    def end_current(self, outcome: Outcome, message: str, now_ns: int) -> bool:
        """End whatever runs; False when nothing does."""
        task = self._current
        return task is not None and self.end(task.task_id, outcome, message, now_ns)

    def tick(self, now_ns: int) -> None:
        """End the task whose time is over."""
        task = self._current
        if task is None:
            return
        if now_ns < task.accepted_ns:
            back_s = (task.accepted_ns - now_ns) * 1e-9
            message = f"ROS time jumped back by at least {back_s:.3f} s, so the deadline can no longer be judged"
            self.end(task.task_id, Outcome.TIMEOUT, message, now_ns)
        elif now_ns >= task.deadline_ns:
            limit_s = (task.deadline_ns - task.accepted_ns) * 1e-9
            self.end(task.task_id, Outcome.TIMEOUT, f"not done within {limit_s:g} s of ROS time", now_ns)

    def count_chunk(self, task_id: int, inference_ms: float, progress: float) -> bool:
        """A chunk for the task is about to go out; False when the task has ended and the chunk must not."""
        with self._lock:
            task = self._current
            if task is None or task.task_id != task_id:
                return False
            task.chunks += 1
            task.inference_ms = inference_ms
            task.progress = progress
            return True

    @staticmethod
    def _close(task: Task, outcome: Outcome, message: str, now_ns: int) -> None:
        task.outcome, task.message, task.ended_ns = outcome, message, now_ns
        if task.on_end is not None:
            task.on_end(task)
