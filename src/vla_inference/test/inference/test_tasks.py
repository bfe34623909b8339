"""TaskDesk: every way in which an instruction ends, each exactly once."""

from __future__ import annotations

import math

import pytest

from vla_inference.inference.tasks import Outcome, Task, TaskDesk

SECOND = 1_000_000_000


def _desk_with_task(timeout_s: float = 30.0) -> tuple[TaskDesk, Task, list[Task]]:
    desk, ended = TaskDesk(), []
    task = desk.accept("pick", "test", now_ns=5 * SECOND, timeout_s=timeout_s, on_end=ended.append)
    return desk, task, ended


def test_ids_rise_by_one_from_one() -> None:
    desk = TaskDesk()
    assert [desk.accept("a", "test", 0, 1.0).task_id for _ in range(3)] == [1, 2, 3]


def test_the_newest_preempts() -> None:
    desk, first, ended = _desk_with_task()
    second = desk.accept("push", "test", 6 * SECOND, 30.0)
    assert desk.current is second
    assert [task.outcome for task in ended] == [Outcome.PREEMPTED]
    assert first.elapsed_s(99 * SECOND) == pytest.approx(1.0)


def test_timeout_counts_from_acceptance() -> None:
    desk, task, ended = _desk_with_task(timeout_s=30.0)
    desk.tick(35 * SECOND - 1)
    assert not ended and desk.current is task
    desk.tick(35 * SECOND)
    assert task.outcome is Outcome.TIMEOUT and "30 s" in task.message
    assert desk.current is None


def test_a_clock_that_steps_back_ends_the_task() -> None:
    desk, task, _ = _desk_with_task()
    desk.tick(1 * SECOND)
    assert task.outcome is Outcome.TIMEOUT and "jumped back" in task.message


def test_an_ended_task_cannot_end_again() -> None:
    desk, task, ended = _desk_with_task()
    assert desk.end(task.task_id, Outcome.COMPLETED, "", 6 * SECOND)
    assert not desk.end(task.task_id, Outcome.CANCELED, "", 7 * SECOND)
    desk.tick(99 * SECOND)
    assert [(t.outcome, t.ended_ns) for t in ended] == [(Outcome.COMPLETED, 6 * SECOND)]


def test_chunks_of_an_ended_or_older_task_do_not_count() -> None:
    desk, first, _ = _desk_with_task()
    assert desk.count_chunk(first.task_id, 12.0, 0.5)
    second = desk.accept("push", "test", 6 * SECOND, 30.0)
    assert not desk.count_chunk(first.task_id, 12.0, 0.5)
    assert desk.count_chunk(second.task_id, 13.0, math.nan)
    desk.end_current(Outcome.GATE_STOPPED, "e-stop", 7 * SECOND)
    assert not desk.count_chunk(second.task_id, 13.0, math.nan)
    assert (first.chunks, second.chunks, second.inference_ms) == (1, 1, 13.0)


def test_ending_nothing_says_so() -> None:
    assert not TaskDesk().end_current(Outcome.GATE_STOPPED, "", 0)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, math.nan, math.inf])
def test_a_timeout_must_be_positive_and_finite(timeout_s: float) -> None:
    with pytest.raises(ValueError, match="timeout_s"):
        TaskDesk().accept("a", "test", 0, timeout_s)
