"""Reception: a refusal changes nothing, an acceptance preempts."""

from __future__ import annotations

import math

import pytest

from vla_core.instructions import InstructionError, InstructionIntake, InstructionRate
from vla_inference.inference.reception import Reception
from vla_inference.inference.tasks import Outcome, TaskDesk


class _Site:
    def __init__(self) -> None:
        self.desk = TaskDesk()
        self.objection: str | None = None
        self.steady_ns = 0
        self.reception = Reception(
            InstructionIntake(),
            self.desk,
            [lambda: self.objection],
            lambda: 30.0,
            InstructionRate(0.1),
            lambda: self.steady_ns,
        )


def test_a_sentence_starts_a_task_with_the_default_timeout() -> None:
    site = _Site()
    task = site.reception.receive(" pick up the cube ", "topic", now_ns=1_000)
    assert site.desk.current is task
    assert (task.text, task.deadline_ns) == ("pick up the cube", 1_000 + 30_000_000_000)


def test_a_goal_may_bring_its_own_timeout() -> None:
    task = _Site().reception.receive("pick", "action", now_ns=0, timeout_s=2.5)
    assert task.deadline_ns == 2_500_000_000


@pytest.mark.parametrize("timeout_s", [-1.0, math.nan, math.inf, 86_401.0, 1e300])
def test_a_timeout_that_cannot_be_kept_is_refused(timeout_s: float) -> None:
    with pytest.raises(InstructionError, match="timeout_s") as caught:
        _Site().reception.receive("pick", "action", 0, timeout_s)
    assert caught.value.code == "instruction_bad_timeout"


def test_a_refused_sentence_leaves_the_running_task_alone() -> None:
    site = _Site()
    running = site.reception.receive("pick", "topic", 0)
    site.steady_ns += 1_000_000_000
    for sentence, objection in (("", None), ("x" * 10_000, None), ("push", "the safety monitor is disarmed")):
        site.objection = objection
        with pytest.raises(InstructionError):
            site.reception.receive(sentence, "topic", 0)
    assert site.desk.current is running and running.outcome is None


def test_the_objection_is_told() -> None:
    site = _Site()
    site.objection = "the safety monitor is disarmed; arm it with vla/reset"
    with pytest.raises(InstructionError, match="arm it with vla/reset") as caught:
        site.reception.receive("pick", "topic", 0)
    assert caught.value.code == "instruction_not_ready"


def test_the_newest_sentence_preempts() -> None:
    site = _Site()
    first = site.reception.receive("pick", "topic", 0)
    site.steady_ns += 100_000_000
    second = site.reception.receive("push", "action", 1)
    assert first.outcome is Outcome.PREEMPTED and site.desk.current is second


def test_a_flood_is_refused_by_steady_time_and_the_running_task_runs_on() -> None:
    site = _Site()
    running = site.reception.receive("pick", "topic", 0)
    for now_ns, steady_ns in ((10_000_000_000, 0), (0, 1), (1, 99_999_999)):  # what ROS time says does not matter
        site.steady_ns = steady_ns
        with pytest.raises(InstructionError, match="min_interval_s") as caught:
            site.reception.receive("push", "topic", now_ns)
        assert caught.value.code == "instruction_rate"
    assert site.desk.current is running and running.outcome is None
    site.steady_ns = 100_000_000  # refused ones have not moved the time of the next
    assert site.reception.receive("push", "topic", 2) is site.desk.current
