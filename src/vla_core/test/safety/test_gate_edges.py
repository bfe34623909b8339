"""The gate of an arm at its edges: leads, late installs, sources, grips, and what is remembered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla_core.safety.decision import PASSED, Decision, Limit
from vla_core.safety.gate import SAME
from vla_core.safety.proposal import SOURCE_CHUNK, SOURCE_JOINT, Trace
from vla_core.safety.status import State
from vla_core.safety.trajectory import Trajectory
from vla_core.safety.upstream import UpstreamConfig

HOME = np.array([0.1, -0.4, 0.2])
OTHER = Trace("another/commander")


def fields(verdict):
    return verdict.decision, verdict.rule, verdict.reason, verdict.brakes


def test_a_plan_is_checked_for_a_start_after_the_lead(bench):
    prepared = bench.gate.check(bench.goto(HOME + 0.1, 1.0), bench.now, 0.05)
    at = bench.gate._clock.ahead(bench.steady_ns)
    assert prepared.motion.start == pytest.approx(at + 0.05) and prepared.motion.end == pytest.approx(at + 1.05)
    assert bench.gate.install(prepared, bench.now) is PASSED
    assert bench.gate.status().count_pass == 1


def test_a_plan_installed_after_its_start_is_to_be_checked_again(bench):
    prepared = bench.gate.check(bench.goto(HOME + 0.1, 1.0), bench.now, 0.015)
    bench.tick()
    late = bench.gate.check(bench.goto(HOME + 0.1, 1.0), bench.now, 0.005)
    assert bench.gate.install(prepared, bench.now) is PASSED
    bench.tick()
    assert bench.gate.install(late, bench.now) is None
    assert bench.gate.status().count_pass == 1


@pytest.mark.parametrize(("beside_s", "good"), [(-2.5e-6, False), (-1.5e-6, False), (-0.5e-6, True), (0.0, True)])
def test_a_microsecond_is_not_late(bench, beside_s, good):
    prepared = bench.gate.check(bench.goto(HOME + 0.1, 1.0), bench.now, 0.0)
    motion = prepared.motion
    moved = replace(prepared, motion=Trajectory(motion.times + beside_s, motion.states))
    assert (bench.gate.install(moved, bench.now) is not None) is good


@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize("joint", range(3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_plan_must_begin_with_what_is_committed(bench, row, joint, sign):
    for factor, good in ((1.1, False), (0.9, True)):
        prepared = bench.gate.check(bench.goto(HOME + 0.1, 1.0), bench.now, 0.0)
        states = np.array(prepared.motion.states)
        states[0, row, joint] += sign * factor * SAME[row]
        moved = replace(prepared, motion=Trajectory(prepared.motion.times, states))
        assert (bench.gate.install(moved, bench.now) is not None) is good


def test_what_may_shift_is_small():
    assert SAME.tolist() == [1e-3, 2e-2, 2.0]


def test_a_plan_checked_before_a_brake_is_superseded_and_one_refused_keeps_its_reason(bench):
    good = bench.gate.check(bench.goto(HOME + 0.1, 1.0), bench.now, 0.0)
    bad = bench.gate.check(bench.goto(HOME * np.nan, 1.0), bench.now, 0.0)
    bench.gate.emergency_stop("test")
    bench.arm()
    answer = bench.gate.install(good, bench.now)
    assert fields(answer) == (Decision.HOLD, "operator", "superseded", False)
    assert bench.gate.install(bad, bench.now).reason == "nonfinite"
    assert not bench.gate.moving(bench.now)


def test_a_gate_that_may_not_move_says_why(make_bench):
    bench = make_bench()
    assert fields(bench.gate.submit(bench.goto(HOME, 1.0), bench.now)) == (Decision.HOLD, "operator", "disarmed", False)
    bench.arm()
    bench.gate.emergency_stop("test")
    assert fields(bench.gate.submit(bench.goto(HOME, 1.0), bench.now)) == (Decision.HOLD, "operator", "stopped", False)
    bench.arm()
    bench.gate.disarm()
    assert bench.gate.submit(bench.goto(HOME, 1.0), bench.now).reason == "disarmed"


def test_a_single_point_holds_the_gate_until_it_ends_and_the_grace_after_it(bench):
    assert bench.gate.submit(bench.goto(HOME + 0.01, 0.2), bench.now) is PASSED
    assert bench.gate.status().count_pass == 1 and bench.gate.status().state is State.EXECUTING
    refused = bench.goto(HOME, 1.0, trace=OTHER)
    bench.tick(39)
    assert fields(bench.gate.submit(refused, bench.now)) == (Decision.HOLD, "source", "source_busy", False)
    bench.tick(2)
    assert bench.gate.submit(refused, bench.now) is PASSED


def test_a_single_point_that_is_refused_moves_nothing(bench):
    bench.gate.submit(bench.goto(HOME + 0.01, 0.2), bench.now)
    committed, plan = bench.gate._stream.committed, bench.gate._stream.plan
    assert bench.gate.submit(bench.goto(HOME + 0.02, 0.2, trace=OTHER), bench.now).reason == "source_busy"
    assert bench.gate._stream.committed is committed and bench.gate._stream.plan is plan


def test_after_a_slowed_plan_a_single_point_goes_at_its_own_speed(bench):
    bench.gate.submit(bench.wave(1, bench.ros_ns, speed_scale=0.4), bench.now)
    assert bench.gate.status().scale == pytest.approx(0.4)
    bench.settle()
    bench.tick(25)
    assert bench.gate.submit(bench.goto(bench.measured(), 0.2, trace=OTHER), bench.now) is PASSED
    assert bench.gate.status().scale == 1.0
    command = bench.gate.command(bench.now)
    assert command.message.times.tolist() == pytest.approx([0.2])


@pytest.mark.parametrize(("ticks", "allowed"), [(0, 0.4), (20, 0.6), (70, 1.0)])
def test_the_speed_allowed_recovers_in_proportion_to_time_and_never_beyond_its_own(bench, ticks, allowed):
    bench.gate.submit(bench.wave(1, bench.ros_ns, speed_scale=0.4), bench.now)
    bench.tick(ticks)
    assert bench.gate._speed_allowed(bench.gate._clock.time) == pytest.approx(allowed)
    assert bench.gate._speed_allowed(0.0) == pytest.approx(0.4)  # an instant before does not count


def test_the_first_command_of_a_plan_carries_its_trace_once(bench):
    chunk = bench.wave(1, bench.ros_ns)
    bench.gate.submit(chunk, bench.now)
    assert bench.gate.command(bench.now).trace is chunk.trace
    assert bench.gate.command(bench.now).trace is None
    bench.tick(10)
    again = bench.wave(2, bench.ros_ns)
    bench.gate.submit(again, bench.now)
    bench.gate.emergency_stop("test")
    assert bench.gate.command(bench.now).trace is None  # given up before it was sent


def test_messages_go_on_for_half_a_second_after_rest_and_then_stop(bench):
    bench.gate.submit(bench.goto(HOME + 0.01, 0.2), bench.now)
    bench.tick(19)
    sent = len(bench.commands)
    bench.tick(100)
    assert 48 <= len(bench.commands) - sent <= 51
    assert bench.gate.command(bench.now) is None


def test_a_plan_that_was_given_up_holds_the_gate_only_until_it_rests(bench):
    bench.gate.submit(bench.wave(1, bench.ros_ns), bench.now)
    bench.tick(20)
    bench.gate.submit(bench.wave(2, bench.ros_ns, positions=np.full((8, 3), np.nan)), bench.now)
    bench.settle()
    assert bench.gate.submit(bench.goto(bench.measured(), 1.0, trace=OTHER), bench.now).reason == "source_busy"
    bench.tick(21)
    assert bench.gate.submit(bench.goto(bench.measured(), 1.0, trace=OTHER), bench.now) is PASSED


def gripping(bench, positions, **changes):
    """A chunk in which the arm stands."""
    still = {"positions": np.tile(bench.measured(), (8, 1)), "velocities": np.zeros((8, 3))}
    grip = {"gripper_joint": "finger", "gripper_positions": positions}
    return bench.wave(1, bench.ros_ns, accelerations=np.zeros((8, 3)), **still, **grip, **changes)


def test_braking_keeps_the_grip(bench):
    bench.gate.submit(gripping(bench, np.full(8, 0.04)), bench.now)
    bench.tick(5)
    held = bench.commands[-1][1].gripper
    assert 0.025 < held < 0.035
    bench.gate.emergency_stop("test")
    bench.tick(30)
    assert bench.commands[-1][1].gripper == held


def test_commands_between_ticks_do_not_hurry_the_gripper(bench):
    bench.gate.submit(gripping(bench, np.full(8, 0.04)), bench.now)
    begun = bench.gate.command(bench.now).gripper
    for _ in range(5):
        assert bench.gate.command(bench.now).gripper == begun
    bench.tick()
    assert bench.commands[-1][1].gripper - begun == pytest.approx(0.2 * 0.01)


def test_a_gripper_on_its_way_is_motion_to_the_dead_man(make_bench):
    for target, overdue in ((0.04, True), (0.008, False)):
        bench = make_bench(upstream=UpstreamConfig(plan_timeout=Limit(0.05, "s", "x")))
        bench.grip = 0.0
        bench.tick()
        bench.arm()
        bench.gate.submit(gripping(bench, np.full(8, target)), bench.now)
        bench.tick(8)
        assert (bench.gate.status().verdict.reason == "plan_overdue") is overdue


def test_the_dead_man_counts_from_the_newest_plan_by_the_steady_clock(make_bench):
    bench = make_bench(upstream=UpstreamConfig(plan_timeout=Limit(0.1, "s", "x")))
    bench.arm()
    phase = bench.ros_ns
    for number in range(1, 4):
        bench.gate.submit(bench.wave(number, phase), bench.now)
        bench.tick(9)
        assert bench.gate.status().verdict.reason != "plan_overdue"
    bench.tick(3)
    assert bench.gate.status().verdict.reason == "plan_overdue"
    bench.settle()
    bench.tick(25)
    bench.gate.submit(bench.goto(bench.measured() + 0.05, 1.0), bench.now)
    bench.tick(20)
    assert bench.gate.status().verdict is PASSED  # nobody follows a command of one's own


def test_a_fault_while_disarmed_is_no_news(make_bench):
    bench = make_bench()
    bench.blind = True
    bench.tick(30)
    assert bench.gate.status().verdict.decision is Decision.NONE and bench.gate.status().count_hold == 0
    bench.ros_ns -= 10**9
    bench.tick()
    assert bench.gate.status().state is State.DISARMED and bench.gate.status().count_stop == 0


def test_a_refusal_of_what_is_no_proposal_counts_among_the_others(make_bench):
    bench = make_bench(refusals_to_stop=2)
    bench.arm()
    bad = bench.gate.submit(bench.goto(HOME * np.nan, 1.0), bench.now)
    assert bench.gate.refuse(bad, Trace(SOURCE_JOINT), bench.now) is bad
    verdict = bench.gate.status().verdict
    assert fields(verdict) == (Decision.STOP, "finite", "repeated_refusals", True)
    assert (verdict.value, verdict.limit) == (2.0, 2.0) and verdict.detail.startswith("2 plans in a row")


def test_a_reset_begins_anew(bench):
    phase = bench.ros_ns
    bench.gate.submit(bench.wave(1, phase, speed_scale=0.3), bench.now)
    bench.tick(10)
    bench.gate.emergency_stop("test")
    bench.settle()
    bench.tick(2)
    bench.arm()
    status = bench.gate.status()
    assert (status.state, status.scale, status.count_stop) == (State.HOLDING, 1.0, 0)
    assert bench.gate.submit(bench.goto(bench.measured(), 1.0, trace=OTHER), bench.now) is PASSED  # released at once


def test_a_chunk_says_the_decision_on_itself_whatever_its_number(bench):
    chunk = replace(bench.wave(0, bench.ros_ns), trace=Trace(SOURCE_CHUNK))
    assert bench.gate.submit(chunk, bench.now) is PASSED
    assert bench.gate.status().trace is chunk.trace


def test_before_the_first_plan_the_speed_is_its_own(make_bench):
    bench = make_bench()
    assert bench.gate.status().scale == 1.0
    bench.arm()
    assert bench.gate._speed_allowed(bench.gate._clock.time) == 1.0


def test_an_arm_without_a_gripper_is_sent_no_grip(make_bench):
    bench = make_bench(gripper=None)
    bench.arm()
    bench.gate.submit(bench.goto(HOME + 0.1, 1.0), bench.now)
    bench.tick(3)
    assert bench.commands and all(command.gripper is None for _, command in bench.commands)


def test_an_arm_that_brakes_is_not_armed(bench):
    bench.gate.submit(bench.goto(HOME + 0.5, 1.0), bench.now)
    bench.tick(40)
    bench.gate.emergency_stop("test")
    assert bench.gate.reset(bench.now) == "the arm is still coming to rest; try again"
    bench.settle()
    bench.tick(2)
    bench.arm()


def test_a_reset_that_is_refused_changes_nothing(bench):
    bench.gate.submit(bench.wave(1, bench.ros_ns, speed_scale=0.4), bench.now)
    bench.gate.press(True)
    bench.settle()
    bench.tick(2)
    assert bench.gate.reset(bench.now) != ""
    assert bench.gate.status().scale == pytest.approx(0.4)


def test_after_a_command_a_reset_leaves_the_controller_where_it_was_sent(bench):
    bench.gate.submit(bench.goto(HOME + 0.01, 0.2), bench.now)
    bench.settle()
    bench.stuck = bench.measured() + 0.02
    bench.tick(2)
    bench.arm()
    assert bench.gate._stream.committed.states[-1, 0] == pytest.approx(HOME + 0.01)


def test_a_reset_supersedes_what_was_checked_before_it(bench):
    prepared = bench.gate.check(bench.goto(HOME + 0.1, 1.0), bench.now, 0.0)
    bench.arm()
    assert bench.gate.install(prepared, bench.now).reason == "superseded"


def test_a_chunk_that_was_begun_before_the_reset_is_refused(bench):
    bench.tick(20)
    bench.arm()
    begun = bench.wave(1, bench.ros_ns, t0_ns=bench.ros_ns - 50_000_000)
    assert bench.gate.submit(begun, bench.now).reason == "chunk_before_reset"


def test_a_reset_ends_the_messages_about_what_was_before(bench):
    bench.gate.submit(bench.goto(HOME + 0.01, 0.2), bench.now)
    bench.settle()
    assert bench.gate.command(bench.now) is not None
    bench.tick(2)
    bench.arm()
    assert bench.gate.command(bench.now) is None
