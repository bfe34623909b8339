"""Measured efforts, swept across their limits in size and in time."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.decision import Decision, Limit
from vla_core.safety.rules.effort import EffortRule
from vla_core.safety.status import State

NS = 1_000_000_000
LIMITS = np.array([80.0, 10.0, np.inf])


def rule(share=1.0):
    return EffortRule(("a", "b", "c"), LIMITS, share, Limit(0.2, "s", "x"))


@pytest.mark.parametrize("joint", [0, 1])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_swept_across_the_limit(joint, sign, share):
    limit = share * LIMITS[joint]
    for effort, good in ((0.0, True), (limit, True), (1.0001 * limit, False), (5.0 * limit, False)):
        subject, efforts = rule(share), np.zeros(3)
        efforts[joint] = sign * effort
        assert subject.check(efforts, NS) is None
        verdict = subject.check(efforts, NS + 201_000_000)
        assert (verdict is None) is good
        if verdict is not None:
            assert (verdict.decision, verdict.reason) == (Decision.STOP, "effort_limit")
            assert verdict.value == pytest.approx(effort) and verdict.limit == limit and "ab"[joint] in verdict.detail


def test_a_joint_without_a_limit_may_push_as_it_likes():
    subject = rule()
    assert [subject.check(np.array([0.0, 0.0, 1e9]), k * NS) for k in range(3)] == [None] * 3


def test_it_is_patient_and_starts_anew_after_a_pause():
    subject, hard = rule(), np.array([81.0, 0.0, 0.0])
    assert subject.check(hard, NS) is None
    assert subject.check(hard, NS + 200_000_000) is None
    assert subject.check(np.zeros(3), NS + 201_000_000) is None
    assert subject.check(hard, NS + 202_000_000) is None
    assert subject.check(hard, NS + 402_000_000) is None
    assert subject.check(hard, NS + 403_000_000).reason == "effort_limit"


# --- in the gate


def push(bench, effort, ticks):
    bench.blind = True
    for _ in range(ticks):
        bench.gate.measure(bench.measured(), None, None, bench.now, effort)
        bench.tick()


def test_an_arm_that_pushes_is_stopped_and_not_armed_while_it_does(bench):
    push(bench, np.array([0.0, -81.0, 0.0]), 25)
    assert (bench.gate.status().state, bench.gate.status().verdict.reason) == (State.STOPPED, "effort_limit")
    assert bench.gate.reset(bench.now).startswith("effort_limit")
    push(bench, np.zeros(3), 1)
    bench.arm()


@pytest.mark.parametrize("effort", [None, np.full(3, np.nan)])
def test_without_efforts_it_is_silent(bench, effort):
    push(bench, effort, 50)
    assert bench.gate.status().state is State.HOLDING


@pytest.mark.parametrize("effort", [[np.nan, 0.0, 0.0], [np.inf] * 3])
def test_efforts_that_are_not_finite_count_as_no_joint_state(bench, effort):
    push(bench, np.array(effort), 25)
    assert bench.gate.status().verdict.reason == "joint_state_nonfinite"


def test_efforts_that_were_reported_may_not_vanish_into_nan(bench):
    push(bench, np.zeros(3), 2)
    push(bench, np.full(3, np.nan), 25)
    assert bench.gate.status().verdict.reason == "joint_state_nonfinite"
