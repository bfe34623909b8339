"""DoneJudge: only an unbroken row of high scores ends an instruction."""

from __future__ import annotations

import math

import pytest

from vla_inference.inference.done import DoneJudge


def test_a_full_row_is_done() -> None:
    judge = DoneJudge(0.5, hold_chunks=3)
    assert [judge.judge(score) for score in (0.5, 0.9, 0.5)] == [False, False, True]


@pytest.mark.parametrize("breaker", [0.49, None, math.nan])
def test_one_low_missing_or_nan_score_starts_the_row_again(breaker: float | None) -> None:
    judge = DoneJudge(0.5, hold_chunks=2)
    assert [judge.judge(score) for score in (0.9, breaker, 0.9, 0.9)] == [False, False, False, True]


def test_a_new_instruction_starts_the_row_again() -> None:
    judge = DoneJudge(0.5, hold_chunks=2)
    judge.judge(0.9)
    judge.reset()
    assert not judge.judge(0.9)


def test_without_a_signal_nothing_is_ever_done() -> None:
    judge = DoneJudge(None)
    assert not any(judge.judge(score) for score in (1.0, None, 1.0))
