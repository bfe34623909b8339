"""A stack for the length of a ``with`` block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vla_bringup.graph.session import Session
from vla_bringup.stack.interrupt import uninterrupted
from vla_bringup.stack.progress import ProgressBoard
from vla_bringup.stack.spec import NodeSpec
from vla_bringup.stack.supervisor import Stack


@contextmanager
def running_stack(
    session: Session, specs: Sequence[NodeSpec], params: Path, logs: Path, board: ProgressBoard, namespace: str = ""
) -> Iterator[Stack]:
    """Everything active inside; the arm at rest and every process ended after it, however it is left."""
    stack = Stack(session, specs, params, logs, board.update, namespace)
    try:
        with board.shown():
            stack.start()
        session.watchdog = stack.check
        yield stack
    finally:
        session.watchdog = None
        with uninterrupted(), board.shown():
            stack.shutdown()
