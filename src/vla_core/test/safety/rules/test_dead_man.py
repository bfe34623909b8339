"""No fresh plan for too long: swept across the timeout, by both clocks, and against fluttering."""

from __future__ import annotations

import pytest

from vla_core.safety.clock import ClockConfig
from vla_core.safety.decision import Decision, Limit
from vla_core.safety.rules.dead_man import AGAIN, PROOF, DeadManRule
from vla_core.safety.status import State
from vla_core.safety.upstream import UpstreamConfig

NS = 1_000_000_000
TIMEOUT = Limit(0.1, "s", "x")
STEADY = UpstreamConfig(plan_timeout=TIMEOUT)


def yes():
    return True


@pytest.mark.parametrize("min_rate", [1.0, 0.5])
@pytest.mark.parametrize(
    ("steady_s", "stream_s"), [(0.1, 0.0), (0.0, 0.1), (0.099, 0.099), (0.101, 0.0), (0.0, 0.101), (0.3, 0.3)]
)
def test_overdue_by_whichever_clock_is_ahead(min_rate, steady_s, stream_s):
    rule = DeadManRule(TIMEOUT, min_rate)
    rule.feed(NS, 5.0)
    verdict = rule.check(yes, NS + round(steady_s / min_rate * NS), 5.0 + stream_s)
    assert (verdict is None) is (max(steady_s, stream_s) <= 0.1 + 1e-9)
    if verdict is not None:
        assert (verdict.decision, verdict.reason, verdict.limit) == (Decision.HOLD, "plan_overdue", 0.1)
        assert verdict.brakes and verdict.value == pytest.approx(max(steady_s, stream_s))


def test_without_a_plan_of_chunks_or_way_to_go_nothing_is_overdue():
    rule = DeadManRule(TIMEOUT, 1.0)
    assert rule.check(yes, 10 * NS, 10.0) is None
    rule.feed(NS, 1.0)
    assert rule.check(lambda: False, 10 * NS, 10.0) is None
    rule.release()
    assert rule.check(yes, 10 * NS, 10.0) is None


def test_it_is_said_once():
    rule = DeadManRule(TIMEOUT, 1.0)
    rule.feed(NS, 1.0)
    assert rule.check(yes, 2 * NS, 2.0) is not None
    assert rule.check(yes, 3 * NS, 3.0) is None


def overdue(rule, at_s):
    rule.feed(round((at_s - 0.15) * NS), at_s - 0.15)
    assert rule.check(yes, round(at_s * NS), at_s) is not None


def admitted(rule, at_s):
    return rule.admit(round(at_s * NS), round(at_s * NS), at_s) is None


def test_after_one_brake_the_next_plan_runs():
    rule = DeadManRule(TIMEOUT, 1.0)
    overdue(rule, 1.0)
    assert admitted(rule, 1.2)
    overdue(rule, 1.0 + AGAIN.value + 0.01)
    assert admitted(rule, 2.2)


def test_after_two_within_a_second_planning_proves_itself():
    rule = DeadManRule(TIMEOUT, 1.0)
    overdue(rule, 1.0)
    overdue(rule, 1.9)
    count = round(PROOF.value)
    assert [admitted(rule, 2.0 + 0.09 * k) for k in range(count)] == [False] * (count - 1) + [True]
    assert admitted(rule, 9.0)


def test_a_late_plan_starts_the_proof_anew():
    rule = DeadManRule(TIMEOUT, 1.0)
    overdue(rule, 1.0)
    overdue(rule, 1.5)
    assert not any(admitted(rule, 2.0 + 0.09 * k) for k in range(4))
    assert not any(admitted(rule, 2.5 + 0.09 * k) for k in range(4))
    assert admitted(rule, 2.5 + 0.09 * 4)


def test_after_a_second_of_silence_it_is_a_new_beginning():
    rule = DeadManRule(TIMEOUT, 1.0)
    overdue(rule, 1.0)
    overdue(rule, 1.5)
    assert not admitted(rule, 1.6)
    assert not admitted(rule, 1.6 + AGAIN.value - 0.01)
    assert admitted(rule, 1.6 + 2 * AGAIN.value + 0.01)


def test_the_same_plan_proves_nothing_twice():
    rule = DeadManRule(TIMEOUT, 1.0)
    overdue(rule, 1.0)
    overdue(rule, 1.5)
    assert all(rule.admit(7, round((2.0 + 0.01 * k) * NS), 2.0 + 0.01 * k) is not None for k in range(9))


# --- in the gate


def follow(bench, ticks, every=5, first=1):
    """Chunks of one wave, one every ``every`` ticks; the answers' reasons."""
    phase = bench.ros_ns - 200_000_000
    reasons = []
    for number in range(first, first + ticks // every):
        reasons.append(bench.gate.submit(bench.wave(number, phase, amplitude=0.3), bench.now).reason)
        bench.tick(every)
    return reasons


@pytest.mark.parametrize("clock", [1.0, 0.0])
def test_a_plan_that_none_follows_is_braked_before_it_ends(make_bench, clock):
    bench = make_bench(upstream=STEADY)
    bench.arm()
    assert set(follow(bench, 40)) <= {"", "speed_recovery"}
    fed = bench.time - 0.05  # the last chunk was sent five periods ago
    while bench.gate.status().verdict.reason != "plan_overdue":
        bench.tick(clock=clock)
        assert bench.time - fed <= 0.1 + 0.0101, bench.gate.status()
    verdict = bench.gate.status().verdict
    assert verdict.decision is Decision.HOLD and verdict.value > verdict.limit == 0.1
    begun = bench.time
    bench.settle()
    assert bench.time - begun <= bench.config.promised_stop_s
    assert bench.gate.status().state is State.HOLDING
    bench.assert_limits_kept()


def test_a_slow_simulation_is_waited_for(make_bench):
    bench = make_bench(upstream=STEADY, clock=ClockConfig(simulated=True, min_rate=0.5))
    bench.tick(100, clock=0.5)
    bench.arm()
    phase = bench.ros_ns - 200_000_000
    for number in range(1, 6):
        bench.gate.submit(bench.wave(number, phase), bench.now)
        bench.tick(18, clock=0.5)
        assert bench.gate.status().verdict.reason != "plan_overdue"
    bench.tick(4, clock=0.5)
    assert bench.gate.status().verdict.reason == "plan_overdue"


def test_the_next_plan_joins_from_where_the_brake_left_the_arm(make_bench):
    bench = make_bench(upstream=STEADY)
    bench.arm()
    follow(bench, 30)
    bench.tick(8)
    assert bench.gate.status().verdict.reason == "plan_overdue"
    reasons = follow(bench, 30, first=50)
    assert "plan_unsteady" not in reasons and bench.gate.status().state is State.EXECUTING
    bench.settle()
    bench.assert_limits_kept()


def test_planning_that_flutters_does_not_make_the_arm_flutter(make_bench):
    bench = make_bench(upstream=STEADY)
    bench.arm()
    follow(bench, 20)
    reasons = follow(bench, 260, every=13, first=50)  # 0.13 s apart: each comes too late
    assert reasons[4:] == ["plan_unsteady"] * (len(reasons) - 4)
    bench.settle()
    reasons = follow(bench, 60, first=100)
    assert reasons[:4] == ["plan_unsteady"] * 4 and "plan_unsteady" not in reasons[5:]
    assert bench.gate.status().state is State.EXECUTING
    bench.assert_limits_kept()


def test_a_whole_trajectory_runs_to_its_end(make_bench):
    bench = make_bench(upstream=STEADY)
    bench.arm()
    bench.gate.submit(bench.goto(bench.measured() + 0.3, 1.5), bench.now)
    bench.settle()
    assert bench.gate.status().count_hold == 0


def test_a_plan_that_has_ended_is_no_fault(make_bench):
    bench = make_bench(upstream=STEADY)
    bench.arm()
    bench.gate.submit(bench.wave(1, bench.ros_ns, amplitude=0.001), bench.now)
    bench.settle()
    assert bench.gate.status().count_hold == 0


def test_whatever_number_a_chunk_has_it_is_a_chunk(make_bench):
    bench = make_bench(upstream=STEADY)
    bench.arm()
    bench.gate.submit(bench.wave(0, bench.ros_ns), bench.now)
    bench.tick(12)
    assert bench.gate.status().verdict.reason == "plan_overdue"
