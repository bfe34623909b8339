"""The latch and the counts: what is remembered, and until when."""

from __future__ import annotations

import pytest

from vla_core.safety.decision import PASSED, Decision, Verdict
from vla_core.safety.latch import Latch, emergency
from vla_core.safety.proposal import Trace
from vla_core.safety.status import State

SLOW = Verdict(Decision.SLOW, "speed", "speed_scale", scale=0.5)
HOLD = Verdict(Decision.HOLD, "finite", "nonfinite")
GENTLE = Verdict(Decision.HOLD, "content_age", "chunk_stale", brakes=False)
STOP = Verdict(Decision.STOP, "tracking", "tracking_error")
TRACE = Trace("x", 3, 4)


def armed():
    latch = Latch()
    assert latch.reset() == ""
    return latch


def status(latch, moving=False, following=False):
    return latch.status(moving, following, 0.7)


def counts(latch):
    now = status(latch)
    return now.count_pass, now.count_slow, now.count_hold, now.count_stop


def test_it_begins_disarmed_without_any_decision():
    latch = Latch()
    now = status(latch)
    assert now.verdict.decision is Decision.NONE and now.trace == Trace("")
    assert now.state is State.DISARMED and now.scale == 0.7 and not now.e_stop
    assert not latch.armed and not latch.stopped and latch.refusals == 0
    assert counts(latch) == (0, 0, 0, 0)


def test_decisions_are_counted_each_by_its_own():
    latch = armed()
    for verdict, times in ((PASSED, 1), (SLOW, 2), (HOLD, 3), (GENTLE, 1)):
        for _ in range(times):
            latch.decide(verdict, TRACE)
    latch.note(Verdict(Decision.HOLD, "receipt_age", "joint_state_stale"))
    latch.stop(STOP)
    assert counts(latch) == (1, 2, 5, 1)


def test_the_newest_decision_and_its_plan_are_shown():
    latch = armed()
    latch.decide(SLOW, TRACE)
    assert status(latch).verdict is SLOW and status(latch).trace is TRACE


def test_refusals_in_a_row_are_counted_and_a_plan_that_runs_ends_the_row():
    latch = armed()
    for expected, verdict in (
        (1, HOLD),
        (2, HOLD),
        (2, GENTLE),
        (3, HOLD),
        (0, SLOW),
        (1, HOLD),
        (0, PASSED),
        (1, HOLD),
    ):
        latch.decide(verdict, TRACE)
        assert latch.refusals == expected
    latch.reset()
    assert latch.refusals == 0


def test_a_plan_that_runs_as_far_as_it_is_good_is_no_refusal_and_ends_no_row():
    latch = armed()
    for expected, followed in ((1, False), (1, True), (2, False), (2, True)):
        latch.decide(HOLD, TRACE, followed=followed)
        assert latch.refusals == expected
    assert status(latch).verdict is HOLD and status(latch).count_hold == 4


def test_a_hold_that_no_plan_caused_is_noted_once_while_it_lasts():
    latch = armed()
    stale = Verdict(Decision.HOLD, "receipt_age", "joint_state_stale", value=0.2)
    later = Verdict(Decision.HOLD, "receipt_age", "joint_state_stale", value=0.3)
    latch.note(stale)
    latch.note(later)
    assert status(latch).verdict is stale and counts(latch) == (0, 0, 1, 0)
    latch.note(Verdict(Decision.HOLD, "clock", "clock_stalled"))
    assert counts(latch) == (0, 0, 2, 0)


def test_the_reason_of_a_stop_stays_until_the_reset():
    latch = armed()
    latch.stop(STOP)
    latch.decide(HOLD, TRACE)
    latch.note(Verdict(Decision.HOLD, "clock", "clock_stalled"))
    assert status(latch).verdict is STOP and counts(latch) == (0, 0, 0, 1)
    assert latch.stopped and not latch.armed
    assert latch.reset() == ""
    assert not latch.stopped and latch.armed
    assert status(latch).verdict.decision is Decision.NONE and status(latch).trace == Trace("")
    assert counts(latch) == (0, 0, 0, 0)


def test_a_stop_decided_on_a_plan_is_recorded_even_after_a_stop():
    latch = armed()
    latch.stop(STOP)
    other = Verdict(Decision.STOP, "operator", "repeated_refusals")
    latch.decide(other, TRACE)
    assert status(latch).verdict is other and status(latch).trace is TRACE
    assert counts(latch) == (0, 0, 0, 2)


def test_the_first_cause_is_kept_and_the_operators_replaces_any_other_once():
    latch = armed()
    latch.stop(STOP)
    latch.stop(Verdict(Decision.STOP, "clock", "clock_back"))
    assert status(latch).verdict is STOP and not status(latch).e_stop
    first, second = emergency("the button"), emergency("the service")
    latch.stop(first)
    assert status(latch).verdict is first and status(latch).e_stop
    latch.stop(second)
    assert status(latch).verdict is first
    assert counts(latch) == (0, 0, 0, 2)


def test_an_emergency_is_a_stop_by_the_operator():
    verdict = emergency("the button")
    assert (verdict.decision, verdict.rule, verdict.reason) == (Decision.STOP, "operator", "emergency_stop")
    assert verdict.detail.startswith("the button") and "vla/reset" in verdict.detail


def test_the_button_holds_the_reset_back_while_it_is_pressed():
    latch = armed()
    latch.press(False)
    assert not latch.stopped
    latch.press(True)
    assert status(latch).verdict.reason == "emergency_stop"
    assert "vla/e_stop" in latch.reset() and latch.stopped
    latch.press(False)
    assert latch.stopped
    assert latch.reset() == ""


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("following", [False, True])
def test_the_state_says_whether_it_moves_follows_and_may(moving, following):
    latch = Latch()
    disarmed = State.STOPPING if moving else State.DISARMED
    assert status(latch, moving, following).state is disarmed
    latch.reset()
    executing = State.EXECUTING if following else State.STOPPING
    assert status(latch, moving, following).state is (executing if moving else State.HOLDING)
    latch.stop(STOP)
    assert status(latch, moving, following).state is (State.STOPPING if moving else State.STOPPED)
    latch.reset()
    latch.disarm()
    assert status(latch, moving, following).state is disarmed
    assert not latch.armed


def test_disarming_keeps_a_stop():
    latch = armed()
    latch.stop(STOP)
    latch.disarm()
    assert latch.stopped and status(latch).state is State.STOPPED


def test_the_numbers_are_those_of_the_message():
    assert [d.value for d in Decision] == [0, 1, 2, 3, 4] == [s.value for s in State]
    assert [d.name for d in Decision] == ["NONE", "PASS", "SLOW", "HOLD", "STOP"]
    assert [s.name for s in State] == ["DISARMED", "HOLDING", "EXECUTING", "STOPPING", "STOPPED"]
