"""The first motion out of silence, when nobody knows exactly where the controller holds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from vla_core.safety.decision import Decision
from vla_core.safety.lead import KNOWN, RESYNC, Lead
from vla_core.testing.gate import JudgingController

from .conftest import HOME

SAG = np.array([0.04, -0.04, 0.03])


def move_and_fall_silent(bench):
    """The gate has spoken, and its controller holds what it was sent last."""
    bench.arm()
    bench.gate.submit(bench.goto(HOME + 0.1, 0.5), bench.now)
    bench.settle()
    bench.tick(80)


def arm_sagging(bench):
    """Armed for the first time while the controller lets the arm sag."""
    bench.stuck = HOME - SAG
    bench.tick(5)
    bench.arm()


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
    arm_sagging(bench)
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
    arm_sagging(bench)
    bench.gate.submit(commanded(bench, "servo")[0], bench.now)
    bench.stuck = None
    bench.settle()
    assert bench.controller.worst["acceleration"] > 0.1


@pytest.mark.parametrize("restarted", [False, True])
def test_a_controller_started_again_close_by_is_given_time_too(make_bench, restarted):
    bench = make_bench()
    move_and_fall_silent(bench)
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
    move_and_fall_silent(bench)
    before = bench.time
    bench.gate.submit(bench.goto(HOME, 0.5), bench.now)
    bench.settle()
    assert bench.time - before == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("after", range(0, 30, 3))
def test_a_stop_meanwhile_does_not_hurry_it(make_bench, after):
    bench = make_bench(hold_error=0.05)
    arm_sagging(bench)
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
    arm_sagging(bench)
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
    arm_sagging(bench)
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
    move_and_fall_silent(bench)
    plan = bench.goto(HOME, 0.5)
    prepared = bench.gate.check(plan, bench.now, 0.015)
    bench.gate.measure(bench.measured() - 0.04, np.zeros(3), bench.grip, bench.now)
    assert bench.gate.install(prepared, bench.now) is None
    assert bench.gate.install(bench.gate.check(plan, bench.now, 0.015), bench.now).decision is Decision.PASS


class Held:
    """A stream that only says where it ends, and what it was told to settle at."""

    def __init__(self, *ends):
        self.settled = 0.0
        self.told = []
        self._put(np.array(ends))

    def _put(self, position):
        self.committed = SimpleNamespace(states=np.stack([np.zeros((3, 2)), np.stack([position, *np.zeros((2, 2))])]))

    def settle(self, time, position, duration=0.0):
        self.settled = time + duration
        self.told.append((time, tuple(position), duration))
        self._put(position)


def lead(stream, measured=None, hold_error=0.0, clear=True):
    """Limits of 1 rad; a way takes ten seconds a radian."""
    limits = SimpleNamespace(lower=np.array([-1.0, -1.0]), upper=np.array([1.0, 1.0]))
    config = SimpleNamespace(limits=limits, hold_error=hold_error, period_s=0.01)
    checker = SimpleNamespace(
        soonest=lambda start, end: 10.0 * float(np.abs(end - start).max()), clear=lambda start, end, duration: clear
    )
    robot = SimpleNamespace(position=None if measured is None else np.array(measured))
    return Lead(config, checker, stream, robot)


class TestLead:
    @pytest.mark.parametrize("measured", [(0.3, -0.2), (1.04, 0.0), (-1.05, 0.0), (1.06, 0.0), (0.0, -1.5)])
    def test_it_adopts_where_the_arm_is_and_a_little_over_a_limit_the_limit(self, measured):
        stream = Held(0.0, 0.0)
        lead(stream, measured).adopt(5.0)
        inside = np.clip(measured, -1.0, 1.0)
        near = np.abs(inside - measured).max() <= RESYNC
        assert stream.told == [(5.0, tuple(inside if near else measured), 0.0)]

    def test_it_adopts_nothing_unmeasured_nor_once_it_has_spoken(self):
        stream = Held(0.0, 0.0)
        lead(stream).adopt(5.0)
        spoken = lead(stream, (0.1, 0.1))
        spoken.sent = True
        spoken.adopt(5.0)
        assert stream.told == []

    @pytest.mark.parametrize(
        ("measured", "sent", "needed_s"),
        [
            ((0.2, 0.0), True, 2.0),
            ((0.2, 0.0), False, 2.4),
            ((0.2, 0.1), True, 2.0),
            ((0.2 + KNOWN / 2, 0.0), True, 2.0 + 5.0 * KNOWN),
            ((KNOWN / 2, 0.0), True, 0.0),
            ((1.5 * KNOWN, 0.0), True, 15.0 * KNOWN),
            ((0.0, 0.0), False, 0.4),
        ],
    )
    def test_how_long_it_waits(self, measured, sent, needed_s):
        stream = Held(0.0, 0.0)
        waiting = lead(stream, measured, hold_error=0.04)
        waiting.sent = sent
        assert waiting.wait_s(7.0, quiet=True) == pytest.approx(needed_s and needed_s + 0.03)
        assert waiting.wait_s(7.0, quiet=False) == 0.0

    def test_it_waits_for_what_was_begun(self):
        stream = Held(0.0, 0.0)
        stream.settle(7.0, np.zeros(2), 0.5)
        assert lead(stream, (0.0, 0.0)).wait_s(7.1, quiet=False) == pytest.approx(0.4)
        assert lead(stream).wait_s(7.1, quiet=True) == pytest.approx(0.4)

    def test_only_the_first_message_may_come_too_late(self):
        stream = Held(0.1, 0.0)
        waiting = lead(stream, (0.3, 0.0))
        waiting.sent = True
        waiting.before(9.03, 7.0)
        assert stream.told == [(7.0, (0.1, 0.0), pytest.approx(2.03))]
        assert waiting.in_time(7.02) is True and waiting.in_time(8.0) is True
        waiting.before(9.03, 7.0)
        assert waiting.in_time(7.04) is False
        assert stream.told[-1] == (7.04, (0.1, 0.0), 0.0) and waiting.in_time(7.05) is True

    @pytest.mark.parametrize("away", [0.0, 0.04, 0.06, -0.06])
    def test_an_arm_elsewhere_is_led_there_once(self, away):
        stream = Held(0.0, 0.0)
        leading = lead(stream, (0.0, away))
        refused = leading.refusal(5.0, quiet=True)
        assert leading.refusal(5.0, quiet=False) == refused, "until the message is out"
        leading.begin(5.0)
        if abs(away) < RESYNC:
            assert refused is None and stream.told == []
            return
        assert (refused.decision, refused.rule, refused.reason) == (Decision.HOLD, "step", "arm_elsewhere")
        assert not refused.brakes
        assert stream.told == [(5.0, (0.0, away), pytest.approx(0.6))]
        assert leading.refusal(5.5, quiet=False) is not None and leading.refusal(5.7, quiet=False) is None
        leading.begin(5.7)
        assert len(stream.told) == 1

    def test_its_time_suffices_from_where_the_arm_is_too(self):
        stream = Held(0.9, 0.0)
        leading = lead(stream, (1.5, 0.0))  # led to the limit: 0.1 from the last command, 0.5 from the arm
        assert leading.refusal(5.0, quiet=True) is not None
        leading.begin(5.0)
        assert stream.told == [(5.0, (1.0, 0.0), pytest.approx(5.0))]

    def test_it_stays_where_the_way_is_not_clear_or_it_was_called_off(self):
        stream = Held(0.0, 0.0)
        blocked, called_off = lead(stream, (0.3, 0.0), clear=False), lead(stream, (0.3, 0.0))
        for leading in (blocked, called_off):
            assert leading.refusal(5.0, quiet=True) is not None
        called_off.drop()
        assert called_off.refusal(5.0, quiet=False) is None
        for leading in (blocked, called_off):
            leading.begin(5.0)
        assert stream.told == []
        assert blocked.refusal(5.0, quiet=False) is None

    def test_calling_off_does_not_forget_one_under_way(self):
        leading = lead(Held(0.0, 0.0), (0.3, 0.0))
        leading.refusal(5.0, quiet=True)
        leading.begin(5.0)
        leading.drop()
        assert leading.refusal(6.0, quiet=False) is not None

    def test_without_a_measurement_it_does_nothing(self):
        leading = lead(Held(0.0, 0.0))
        assert leading.refusal(5.0, quiet=True) is None
        leading.begin(5.0)
