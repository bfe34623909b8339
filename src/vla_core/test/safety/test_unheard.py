"""A link that is cut both ways, or one: what the controller does then, and what it is told when the link is back."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.decision import Decision
from vla_core.safety.unheard import Unheard

from .conftest import HOME

CUTS_MS = (30, 60, 120, 200, 300, 400, 500, 700, 900, 1500)


def in_motion(bench):
    """Fast, at the height of a long way."""
    bench.arm()
    assert bench.gate.submit(bench.goto(HOME + [1.2, -0.5, 0.7], 1.6), bench.now).decision is Decision.PASS
    bench.tick(70)
    assert np.abs(bench.controller.state(bench.time)[1]).max() > 0.6


def cut(bench, ms, commands=True):
    """No joint states for ``ms``, and where ``commands`` none of what is sent arrives."""
    bench.blind = True
    obey = bench.obey
    if commands:
        bench.obey = lambda command: None
    bench.tick(ms // 10)
    bench.blind, bench.obey = False, obey


@pytest.mark.parametrize("both_ways", [True, False])
@pytest.mark.parametrize("ms", CUTS_MS)
def test_nothing_is_hurried_when_the_link_is_back(make_bench, ms, both_ways):
    bench = make_bench()
    in_motion(bench)
    cut(bench, ms, both_ways)
    bench.tick(150)
    assert not bench.gate.moving(bench.now)
    assert bench.gate.status().verdict.decision is not Decision.STOP
    for _ in range(40):  # an arm that went on further is found first
        if bench.gate.submit(bench.goto(HOME, 2.0), bench.now).decision is Decision.PASS:
            break
        bench.tick(10)
    bench.settle()
    assert bench.measured() == pytest.approx(HOME, abs=1e-6)
    bench.assert_limits_kept()


def test_the_stop_is_sent_once_and_then_nothing(make_bench):
    bench = make_bench()
    in_motion(bench)
    sent = len(bench.commands)
    bench.blind = True
    bench.tick(12)
    told = len(bench.commands)
    assert told > sent
    bench.tick(200)
    assert len(bench.commands) == told
    assert not bench.controller.state(bench.time)[1].any()


def test_no_plan_and_no_reset_before_the_controller_is_surely_at_rest(make_bench):
    bench = make_bench()
    in_motion(bench)
    cut(bench, 200)
    bench.tick()
    answer = bench.gate.submit(bench.goto(HOME, 1.0), bench.now)
    assert (answer.decision, answer.reason, answer.brakes) == (Decision.HOLD, "joint_state_back", False)
    bench.gate.emergency_stop("test")
    bench.tick(4)
    assert bench.gate.reset(bench.now)
    bench.tick(80)
    assert bench.gate.reset(bench.now) == ""


def test_a_cut_at_rest_costs_nothing_but_its_own_time(make_bench):
    bench = make_bench()
    bench.arm()
    bench.tick(3)
    cut(bench, 300)
    bench.tick(2)
    assert bench.gate.submit(bench.goto(HOME + 0.1, 0.5), bench.now).decision is Decision.PASS


class TestUnheard:
    def test_it_says_once_that_the_robot_is_at_rest(self):
        unheard = Unheard()
        unheard.sent(0.4)
        assert not unheard.hear(False, 0.0) and not unheard.mute
        assert not unheard.hear(True, 0.1) and not unheard.mute, "the stop may still be sent"
        unheard.sent(0.1)
        assert unheard.mute
        assert not unheard.hear(True, 0.2) and unheard.refusal() is None
        assert not unheard.hear(False, 0.3) and unheard.mute and unheard.refusal() is not None
        assert not unheard.hear(False, 0.69)
        assert unheard.hear(False, 0.71) and not unheard.mute and unheard.refusal() is None
        assert not unheard.hear(False, 0.8)

    def test_a_second_silence_begins_anew(self):
        unheard = Unheard()
        unheard.hear(True, 0.0)
        unheard.sent(0.4)
        unheard.hear(False, 0.1)
        unheard.hear(True, 0.3)
        assert unheard.mute and unheard.refusal() is None
        assert not unheard.hear(False, 0.5)
        assert not unheard.hear(False, 0.89)
        assert unheard.hear(False, 0.91)
