"""Slower, then hold: an unsure policy."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.errors import LimitsError
from vla_core.safety.decision import Decision
from vla_core.safety.rules.unsure import UnsureRule
from vla_core.safety.status import State


@pytest.mark.parametrize(("scale", "good"), [(1.0, True), (0.2, True), (0.1999, False), (1e-9, False)])
def test_swept_across_the_limit(scale, good):
    verdict = UnsureRule(0.2, 0.35).check(scale)
    assert (verdict is None) is good
    assert good or (verdict.decision, verdict.reason, verdict.limit) == (Decision.HOLD, "unsure", 0.2)


def test_it_holds_until_the_policy_is_sure_again():
    rule = UnsureRule(0.2, 0.35)
    held = [rule.check(scale) is not None for scale in (0.3, 0.1, 0.2, 0.3499, 0.35, 0.3, 0.2)]
    assert held == [False, True, True, True, False, False, False]
    rule.check(0.1)
    rule.forget()
    assert rule.check(0.2) is None


@pytest.mark.parametrize("scale", [np.nan, np.inf, 0.0, -1.0, 1.5])
def test_what_is_no_speed_is_left_to_other_rules(scale):
    rule = UnsureRule(0.2, 0.35)
    rule.check(0.1)
    assert rule.check(scale) is None
    assert rule.check(0.3) is not None  # and does not end the hold


@pytest.mark.parametrize(("least", "resume"), [(0.4, 0.3), (0.0, 0.3), (0.2, 1.1), (np.nan, 0.3)])
def test_limits_that_contradict_each_other_are_refused(least, resume):
    with pytest.raises(LimitsError, match="min_speed_scale"):
        UnsureRule(least, resume)


def test_an_unsure_policy_brakes_the_arm_and_is_never_latched(bench):
    phase = bench.ros_ns
    bench.gate.submit(bench.wave(1, phase), bench.now)
    bench.tick(20)
    reasons = set()
    for number in range(2, 30):
        reasons.add(bench.gate.submit(bench.wave(number, phase, speed_scale=0.1), bench.now).reason)
        bench.tick(5)
    assert reasons == {"unsure"} and bench.gate.status().state is State.HOLDING
    assert bench.gate.submit(bench.wave(40, phase, speed_scale=0.3), bench.now).reason == "unsure"
    bench.tick(5)
    assert bench.gate.submit(bench.wave(41, bench.ros_ns, speed_scale=0.5), bench.now).decision is Decision.SLOW
    bench.settle()
    bench.assert_limits_kept()


def test_full_speed_is_sure_and_may_be_what_it_takes_to_go_on():
    rule = UnsureRule(0.3, 0.5)
    assert rule.check(0.1) is not None
    assert rule.check(1.0) is None
    assert rule.check(0.4) is None
    strict = UnsureRule(0.5, 1.0)
    assert strict.check(0.1) is not None and strict.check(0.9) is not None and strict.check(1.0) is None
