"""StatusBoard: which state wins, and that only a change is told."""

from __future__ import annotations

from vla_inference.inference.status_board import NodeState, NodeStatus, StatusBoard
from vla_inference.inference.tasks import Outcome, TaskDesk


def _board() -> tuple[StatusBoard, TaskDesk, list[NodeStatus]]:
    desk, told = TaskDesk(), []
    return StatusBoard(desk, told.append), desk, told


def test_a_life() -> None:
    board, desk, told = _board()
    board.set_policy("mock@1")
    board.set_active(True)
    task = desk.accept("pick", "test", 0, 30.0)
    board.refresh()
    board.set_starved("camera 'wrist' is missing")
    board.count_chunk()
    board.set_worker("exited with -9", 1)
    desk.end(task.task_id, Outcome.WORKER_FAILED, "", 1)
    board.refresh()
    board.set_worker(None, 1)
    board.set_active(False)
    states = [NodeState.INACTIVE, NodeState.IDLE, NodeState.RUNNING, NodeState.STARVED, NodeState.RUNNING]
    states += [NodeState.WORKER_DOWN, NodeState.WORKER_DOWN, NodeState.IDLE, NodeState.INACTIVE]
    assert [status.state for status in told] == states
    assert told[3].detail == "camera 'wrist' is missing" and told[3].instruction == "pick"
    assert (told[5].instruction_id, told[6].instruction_id) == (task.task_id, 0)
    assert told[-1].chunks == 1 and told[-1].worker_restarts == 1


def test_without_a_task_missing_inputs_starve_nobody() -> None:
    board, _, _ = _board()
    board.set_active(True)
    board.set_starved("camera 'wrist' is missing")
    assert board.current().state is NodeState.IDLE


def test_a_repeated_fact_is_not_told_again() -> None:
    board, _, told = _board()
    board.set_active(True)
    for _ in range(3):
        board.set_worker(None, 0)
        board.count_chunk()
    assert len(told) == 1
    assert board.current().chunks == 3


def test_chunks_count_from_activation() -> None:
    board, _, _ = _board()
    board.set_active(True)
    board.count_chunk()
    board.set_active(False)
    board.set_active(True)
    assert board.current().chunks == 0


def test_a_remark_is_told_until_the_next_chunk() -> None:
    board, _, told = _board()
    board.set_active(True)
    board.set_remark("instruction refused (empty)")
    assert told[-1].detail == "instruction refused (empty)" and told[-1].state is NodeState.IDLE
    board.count_chunk()
    assert board.current().detail == ""
