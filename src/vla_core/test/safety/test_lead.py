"""The first motion out of silence, when nobody knows exactly where the controller holds."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.decision import Decision
from vla_core.testing.gate import JudgingController

from .conftest import HOME

SAG = np.array([0.04, -0.04, 0.03])


def commanded(bench, kind):
    """A command from where the arm is measured; its target of a single point."""
    if kind == "chunk":
        return bench.wave(1, bench.ros_ns), None
    target = np.clip(bench.measured(), bench.config.limits.lower, bench.config.limits.upper) - 0.03
    return bench.goto(target, {"point": 0.4, "servo": 0.2}[kind]), target


@pytest.mark.parametrize("kind", ["chunk", "point", "servo"])
@pytest.mark.parametrize("heals", [False, True])
def test_a_controller_that_lets_the_arm_sag_is_not_thrown_onto_the_first_plan(make_bench, kind, heals):
    bench = make_bench(hold_error=0.05)
    bench.stuck = HOME - SAG
    bench.tick(5)
    bench.arm()
    bench.stuck = None if heals else bench.stuck
    bench.tick(5)
    plan, target = commanded(bench, kind)
    verdict = bench.gate.submit(plan, bench.now)
    assert verdict.decision in (Decision.PASS, Decision.SLOW), verdict
    bench.stuck = None
    bench.settle()
    assert target is None or bench.measured() == pytest.approx(target, abs=1e-6)
    bench.assert_limits_kept()


def test_without_that_knowledge_it_would_be(make_bench):
    bench = make_bench(hold_error=0.0)
    bench.stuck = HOME - SAG
    bench.tick(5)
    bench.arm()
    bench.gate.submit(commanded(bench, "servo")[0], bench.now)
    bench.stuck = None
    bench.settle()
    assert bench.controller.worst["acceleration"] > 0.1


@pytest.mark.parametrize("restarted", [False, True])
def test_a_controller_started_again_close_by_is_given_time_too(make_bench, restarted):
    bench = make_bench()
    bench.arm()
    bench.gate.submit(bench.goto(HOME + 0.1, 0.5), bench.now)
    bench.settle()
    bench.tick(80)
    near = bench.measured() + SAG
    bench.stuck = near
    if restarted:
        bench.controller = JudgingController(bench.config.limits, near)
    bench.tick(5)
    bench.gate.submit(bench.goto(HOME, 0.5), bench.now)
    bench.stuck = None
    bench.settle()
    assert bench.measured() == pytest.approx(HOME, abs=1e-6)
    bench.assert_limits_kept()


def test_an_arm_known_to_be_where_it_was_sent_starts_at_once(make_bench):
    bench = make_bench(hold_error=0.05)
    bench.arm()
    bench.gate.submit(bench.goto(HOME + 0.1, 0.5), bench.now)
    bench.settle()
    bench.tick(80)
    before = bench.time
    bench.gate.submit(bench.goto(HOME, 0.5), bench.now)
    bench.settle()
    assert bench.time - before == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("after", range(0, 30, 3))
def test_a_stop_meanwhile_does_not_hurry_it(make_bench, after):
    bench = make_bench(hold_error=0.05)
    bench.stuck = HOME - SAG
    bench.tick(5)
    bench.arm()
    bench.gate.submit(commanded(bench, "point")[0], bench.now)
    bench.stuck = None
    bench.tick(after)
    bench.gate.emergency_stop("test")
    bench.settle()
    bench.tick(80)
    if bench.commands:
        bench.assert_limits_kept()


@pytest.mark.parametrize("beyond", [0.0, 0.03, 0.08])
def test_an_arm_that_sags_over_a_limit_is_never_sent_there(make_bench, beyond):
    upper = HOME.copy()
    upper[0] = 2.0
    bench = make_bench(hold_error=0.05)
    bench.controller = JudgingController(bench.config.limits, upper)
    bench.stuck = upper + [beyond, 0.0, 0.0]
    bench.tick(5)
    bench.arm()
    bench.tick(5)
    for _ in range(40):  # an arm too far out is led back first
        verdict = bench.gate.submit(bench.goto(HOME, 2.0), bench.now)
        if verdict.decision is Decision.PASS:
            break
        bench.tick(5)
        bench.stuck = None if bench.commands else bench.stuck
    assert verdict.decision is Decision.PASS, verdict
    bench.stuck = None
    bench.settle()
    assert bench.measured() == pytest.approx(HOME, abs=1e-6)
    bench.assert_limits_kept()


def test_a_second_plan_while_it_is_led_waits_as_long(make_bench):
    bench = make_bench(hold_error=0.05)
    bench.stuck = HOME - SAG
    bench.tick(5)
    bench.arm()
    for target in (HOME, HOME + 0.05, HOME - 0.05):
        assert bench.gate.submit(bench.goto(target, 0.4), bench.now).decision is Decision.PASS
        bench.tick(3)
    bench.stuck = None
    bench.settle()
    assert bench.measured() == pytest.approx(HOME - 0.05, abs=1e-6)
    bench.assert_limits_kept()


@pytest.mark.parametrize("late_ms", [15, 60, 400])
def test_a_tick_so_late_that_it_would_hurry_drops_the_plan(make_bench, late_ms):
    bench = make_bench(hold_error=0.05)
    bench.stuck = HOME - SAG
    bench.tick(5)
    bench.arm()
    bench.stuck = None
    bench.gate.submit(bench.goto(HOME - 0.05, 0.4), bench.now)
    bench.steady_ns += late_ms * 1_000_000
    bench.ros_ns += late_ms * 1_000_000
    bench.tick()
    assert (not bench.commands) == (late_ms > 15)
    bench.settle()
    bench.gate.submit(bench.goto(HOME - 0.05, 0.4), bench.now)
    bench.settle()
    assert bench.measured() == pytest.approx(HOME - 0.05, abs=1e-6)
    bench.assert_limits_kept()


def test_a_plan_that_could_not_begin_for_long_is_dropped(make_bench):
    bench = make_bench(hold_error=0.05)
    bench.arm()
    bench.gate.submit(bench.goto(HOME - 0.05, 0.4), bench.now)
    bench.tick()
    assert len(bench.commands) == 1
    bench.steady_ns += 800_000_000  # the monitor did not run
    bench.ros_ns += 800_000_000
    bench.settle()
    assert bench.measured() == pytest.approx(HOME, abs=1e-6)
    bench.assert_limits_kept()


def test_an_arm_that_sagged_further_while_a_plan_was_checked_needs_a_new_check(make_bench):
    bench = make_bench()
    bench.arm()
    bench.gate.submit(bench.goto(HOME + 0.1, 0.5), bench.now)
    bench.settle()
    bench.tick(80)
    plan = bench.goto(HOME, 0.5)
    prepared = bench.gate.check(plan, bench.now, 0.015)
    bench.gate.measure(bench.measured() - 0.04, np.zeros(3), bench.grip, bench.now)
    assert bench.gate.install(prepared, bench.now) is None
    assert bench.gate.install(bench.gate.check(plan, bench.now, 0.015), bench.now).decision is Decision.PASS
