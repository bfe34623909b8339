"""The state of inference_node as one value, put together from what its rooms report. No ROS."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from vla_inference.inference.tasks import TaskDesk


class NodeState(enum.IntEnum):
    """The numbers of vla_msgs/msg/InferenceStatus.state."""

    IDLE = 0
    RUNNING = 1
    STARVED = 2
    WORKER_DOWN = 3
    INACTIVE = 4


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What vla_msgs/msg/InferenceStatus says."""

    state: NodeState = NodeState.INACTIVE
    policy_id: str = ""
    instruction_id: int = 0
    instruction: str = ""
    detail: str = ""
    chunks: int = 0
    worker_restarts: int = 0


@dataclass(frozen=True, slots=True)
class _Facts:
    active: bool = False
    policy_id: str = ""
    worker_fault: str | None = None
    worker_restarts: int = 0
    starved: str | None = None
    remark: str = ""
    chunks: int = 0


class StatusBoard:
    """Collects facts from any thread; ``on_change`` is called, outside the lock, when the status became another one.

    The number of chunks alone is no change: it travels with the next status.
    """

    def __init__(self, desk: TaskDesk, on_change: Callable[[NodeStatus], None]) -> None:
        self._desk = desk
        self._on_change = on_change
        self._lock = threading.Lock()
        self._facts = _Facts()
        self._told = NodeStatus()

    def set_active(self, active: bool) -> None:
        """The lifecycle state became active, or left it."""
        self._update(active=active, starved=None, remark="", **({"chunks": 0} if active else {}))

    def set_policy(self, policy_id: str) -> None:
        """Another policy is in force; empty: none."""
        self._update(policy_id=policy_id)

    def set_worker(self, fault: str | None, restarts: int) -> None:
        """``fault``: why the worker cannot serve; None: it serves."""
        self._update(worker_fault=fault, worker_restarts=restarts)

    def set_starved(self, reason: str | None) -> None:
        """``reason``: which input is missing, stale or skewed; None: all are there."""
        self._update(starved=reason)

    def set_remark(self, remark: str) -> None:
        """The newest thing worth telling that is no state, such as why an instruction was refused."""
        self._update(remark=remark)

    def count_chunk(self) -> None:
        """A chunk went out: inputs and worker are well."""
        self._update(chunks=self._facts.chunks + 1, starved=None, worker_fault=None, remark="")

    def refresh(self) -> None:
        """A task has started or ended."""
        self._update()

    def current(self) -> NodeStatus:
        """The status now."""
        facts, task = self._facts, self._desk.current
        if not facts.active:
            state, detail = NodeState.INACTIVE, facts.remark
        elif facts.worker_fault is not None:
            state, detail = NodeState.WORKER_DOWN, facts.worker_fault
        elif task is None:
            state, detail = NodeState.IDLE, facts.remark
        elif facts.starved is not None:
            state, detail = NodeState.STARVED, facts.starved
        else:
            state, detail = NodeState.RUNNING, facts.remark
        return NodeStatus(
            state=state,
            policy_id=facts.policy_id,
            instruction_id=0 if task is None else task.task_id,
            instruction="" if task is None else task.text,
            detail=detail,
            chunks=facts.chunks,
            worker_restarts=facts.worker_restarts,
        )

    def _update(self, **changes: object) -> None:
        with self._lock:
            self._facts = replace(self._facts, **changes)  # type: ignore[arg-type]
            status = self.current()
            changed = replace(status, chunks=0) != replace(self._told, chunks=0)
            self._told = status
        if changed:
            self._on_change(status)
