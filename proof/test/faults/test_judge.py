"""Verdicts on logs made by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from proof.faults.judge import Facts, Goal, detection, failures, percentile, rest_at, seconds_to
from proof.faults.record import Said, Sample

MS = 1_000_000
REST = 0.02
GOAL = Goal(detection_s=0.01, rest_s=0.4, reasons=("nonfinite",))
GOOD = Facts(0.005, "nonfinite", 0.1, 0.0, "", 0.5, True, "reset", 1.0)


def samples(*speeds: float, period_ms: int = 10, robot_rate: float = 1.0, start_ms: int = 0) -> list[Sample]:
    """One joint; stamps run at ``robot_rate`` from 1 s on."""
    return [
        Sample(
            (start_ms + k * period_ms) * MS,
            1_000 * MS + round(k * period_ms * robot_rate) * MS,
            np.zeros(1),
            np.array([speed]),
        )
        for k, speed in enumerate(speeds)
    ]


def test_rest_is_the_first_sample_from_which_all_are_slow() -> None:
    log = samples(*[1.0] * 5, 0.01, 1.0, *[0.01] * 60)
    found = rest_at(log, 0, log[-1].steady_ns, REST)
    assert found is log[7]


@pytest.mark.parametrize(
    "tail",
    [[0.01] * 5, [0.01] * 60 + [0.03], [0.01] * 60 + [math.nan], []],
    ids=["too short to tell", "moves again", "not a number", "nothing heard"],
)
def test_no_rest(tail: list[float]) -> None:
    log = samples(*[1.0] * 5, *tail)
    assert rest_at(log, 0, log[-1].steady_ns, REST) is None


def test_motion_after_the_cause_is_gone_does_not_count() -> None:
    log = samples(*[1.0] * 5, *[0.0] * 60, *[1.0] * 20)
    assert rest_at(log, 0, log[60].steady_ns, REST) is log[5]


def test_rest_counts_in_the_robots_own_time() -> None:
    slow = samples(*[1.0] * 20, *[0.0] * 60, robot_rate=0.5)
    rested = rest_at(slow, 0, slow[-1].steady_ns, REST)
    assert rested is not None
    assert seconds_to(slow, 0, rested) == pytest.approx(0.1)
    assert seconds_to(slow, 55 * MS, rested) == pytest.approx(0.0725, abs=1e-3)
    assert seconds_to(slow, 75 * 10 * MS, rested) == 0.0  # it rested before


def test_without_stamps_rest_counts_by_receipt() -> None:
    log = [dataclasses.replace(sample, stamp_ns=0) for sample in samples(*[1.0] * 20, *[0.0] * 60, robot_rate=0.5)]
    rested = rest_at(log, 0, log[-1].steady_ns, REST)
    assert rested is not None and seconds_to(log, 0, rested) == pytest.approx(0.2)


def test_detection_is_the_first_fitting_status_after_the_fault() -> None:
    said = [
        Said(1, 2, "nonfinite"),
        Said(5, 2, ""),
        Said(6, 2, "step_limit"),
        Said(7, 3, "nonfinite"),
        Said(9, 1, "nonfinite"),
    ]
    assert detection(said, 4, GOAL) is said[3]
    assert detection(said[:3], 4, GOAL) is None


def test_any_reason_means_any_that_was_not_there_before() -> None:
    goal = dataclasses.replace(GOAL, reasons=(), any_reason=True)
    said = [Said(5, 2, "speed_recovery"), Said(6, 2, "whatever")]
    assert detection(said, 4, goal, "speed_recovery") is said[1]


def test_good_facts_have_no_failures() -> None:
    assert failures(GOOD, GOAL) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"detection_s": None}, "never detected"),
        ({"detection_s": 0.0101}, "detected after"),
        ({"rest_s": None}, "no rest"),
        ({"rest_s": 0.41}, "at rest after"),
        ({"peak_excess": 1e-4}, "limit exceeded"),
        ({"contact": "hand – table"}, "touched"),
        ({"moved_while_latched": True}, "before the reset"),
        ({"recovered": False}, "did not recover"),
        ({"checks": ("armed",)}, "armed"),
    ],
)
def test_each_thing_that_can_be_wrong_is_a_failure(change: dict[str, object], words: str) -> None:
    (failure,) = failures(dataclasses.replace(GOOD, **change), GOAL)
    assert words in failure


def test_where_nobody_can_notice_only_the_rest_counts() -> None:
    goal = Goal(detection_s=None, rest_s=0.7)
    assert failures(dataclasses.replace(GOOD, detection_s=None), goal) == []


def test_an_arm_that_may_go_on_need_not_rest() -> None:
    goal = dataclasses.replace(GOAL, rest_s=None)
    assert failures(dataclasses.replace(GOOD, rest_s=None), goal) == []
    assert failures(dataclasses.replace(GOOD, rest_s=None, detection_s=None), goal) == ["never detected"]


def test_percentiles_by_nearest_rank() -> None:
    assert percentile([], 99) is None
    assert percentile([3.0], 50) == 3.0
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.0
    assert percentile([float(k) for k in range(1, 11)], 99) == 10.0
    assert percentile([float(k) for k in range(1, 201)], 99) == 198.0
