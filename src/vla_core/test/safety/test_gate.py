"""The gate of an arm, driven tick by tick with an ideal controller behind it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla_core.safety.clock import ClockConfig
from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.gate import ArmGate
from vla_core.safety.proposal import SOURCE_CHUNK, SOURCE_JOINT, Trace
from vla_core.safety.status import State
from vla_core.safety.upstream import UpstreamConfig
from vla_core.testing.gate import JudgingController

HOME = np.array([0.1, -0.4, 0.2])
NAN = float("nan")


def state(bench):
    return bench.gate.status().state


def verdict(bench):
    return bench.gate.status().verdict


def run_wave(bench, chunks=6, ticks=25, first=1, **changes):
    phase = bench.ros_ns
    for number in range(first, first + chunks):
        answer = bench.gate.submit(bench.wave(number, phase, **changes), bench.now)
        bench.tick(ticks)
    return answer


def test_starts_disarmed_and_silent(make_bench):
    bench = make_bench()
    bench.tick(20)
    answer = bench.gate.submit(bench.wave(1, bench.ros_ns), bench.now)
    bench.tick(20)
    assert (state(bench), answer.decision, answer.reason) == (State.DISARMED, Decision.HOLD, "disarmed")
    assert bench.commands == []


def test_a_plan_that_comes_before_the_first_tick_is_judged_by_its_stamp(bench):
    gate = ArmGate(bench.config)
    gate.measure(HOME, np.zeros(3), 0.02, bench.now)
    assert gate.reset(bench.now) == ""
    answer = gate.submit(bench.wave(1, bench.ros_ns), bench.now)
    assert (answer.decision, answer.reason) == (Decision.PASS, "")


def test_armed_without_a_plan_it_is_silent(bench):
    bench.tick(100)
    assert (state(bench), bench.commands) == (State.HOLDING, [])


def test_a_smooth_wave_passes_and_is_followed_closely(bench):
    phase = bench.ros_ns
    answer = run_wave(bench)
    assert (answer.decision, state(bench)) == (Decision.PASS, State.EXECUTING)
    bench.tick(10)
    due = HOME + 0.3 * (1.0 - np.cos(2.0 * (bench.ros_ns - phase) * 1e-9))
    np.testing.assert_allclose(bench.measured(), due, atol=5e-3)
    bench.assert_limits_kept()
    assert bench.gate.status().count_pass == 6


def test_messages_have_few_points_and_reach_the_horizon(bench):
    run_wave(bench, chunks=2)
    for _, command in bench.commands[:40]:
        assert len(command.message.times) <= 14
        assert 0.25 < command.message.times[-1] < 0.3 + bench.config.promised_stop_s


def test_when_the_plan_runs_out_it_comes_to_rest_and_then_is_silent(bench):
    run_wave(bench, chunks=1)
    bench.settle()
    assert state(bench) is State.HOLDING
    at_rest = len(bench.commands)
    bench.tick(200)
    assert 40 <= len(bench.commands) - at_rest <= 60  # quiet_after_s
    assert not bench.controller.state(bench.time)[1:].any()
    bench.assert_limits_kept()


def test_the_monitors_death_leaves_the_arm_at_rest(bench):
    run_wave(bench, chunks=2)
    last = bench.commands[-1][1].message
    moving = bench.controller.state(bench.time)[1]
    assert np.abs(moving).max() > 0.1
    assert not bench.controller.state(bench.time + last.times[-1] + 0.01)[1:].any()


def test_reset_needs_joint_states(make_bench):
    bench = make_bench()
    bench.blind = True
    bench.tick(50)
    assert bench.gate.reset(bench.now).startswith("joint_state_stale")


def test_reset_refuses_an_arm_in_motion(make_bench):
    bench = make_bench()
    bench.gate.measure(HOME, np.array([0.0, 0.3, 0.0]), None, bench.now)
    assert "moving" in bench.gate.reset(bench.now)
    bench.gate.measure(HOME, None, None, bench.now)
    assert bench.gate.reset(bench.now) == ""


def test_reset_is_not_deceived_by_one_velocity_that_is_not_a_number(make_bench):
    bench = make_bench()
    bench.gate.measure(HOME, np.array([NAN, 0.3, 0.0]), None, bench.now)
    assert "moving" in bench.gate.reset(bench.now)
    bench.gate.measure(HOME, np.array([NAN, 0.0, 0.0]), None, bench.now)
    assert bench.gate.reset(bench.now) == ""


def test_reset_while_it_still_stops_is_refused(bench):
    run_wave(bench, chunks=2)
    bench.gate.emergency_stop("test")
    assert "coming to rest" in bench.gate.reset(bench.now)


@pytest.mark.parametrize("field", ["positions", "velocities", "accelerations"])
@pytest.mark.parametrize("value", [NAN, np.inf, -np.inf])
def test_nonfinite_content_brakes_in_one_period(bench, field, value):
    phase = bench.ros_ns
    run_wave(bench, chunks=3)
    bad = bench.wave(9, phase)
    values = np.array(getattr(bad, field))
    values[4, 1] = value
    answer = bench.gate.submit(replace(bad, **{field: values}), bench.now)
    assert (answer.decision, answer.reason) == (Decision.HOLD, "nonfinite")
    assert f"{field}[4, 1]" in answer.detail
    begun = bench.time
    bench.settle()
    assert bench.time - begun <= bench.config.promised_stop_s
    assert state(bench) is State.HOLDING
    bench.assert_limits_kept()


@pytest.mark.parametrize("chunks", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("cause", ["stop", "press", "disarm"])
def test_a_stop_in_mid_motion_keeps_the_promise(bench, chunks, cause):
    run_wave(bench, chunks=chunks, ticks=23, amplitude=0.35)
    {"stop": lambda: bench.gate.emergency_stop("test"), "press": lambda: bench.gate.press(True),
     "disarm": bench.gate.disarm}[cause]()  # fmt: skip
    begun = bench.time
    bench.settle()
    assert bench.time - begun <= bench.config.promised_stop_s
    bench.assert_limits_kept()
    assert state(bench) is (State.DISARMED if cause == "disarm" else State.STOPPED)
    assert bench.gate.status().e_stop is (cause != "disarm")


def test_the_button_only_acts_when_pressed_and_holds_the_reset_back(bench):
    bench.gate.press(False)
    assert state(bench) is State.HOLDING
    bench.gate.press(True)
    assert state(bench) is State.STOPPED
    assert "vla/e_stop" in bench.gate.reset(bench.now)
    bench.gate.press(False)
    assert state(bench) is State.STOPPED
    assert bench.gate.reset(bench.now) == ""
    assert state(bench) is State.HOLDING


def test_reset_never_resumes_an_old_chunk(bench):
    phase = bench.ros_ns
    old = bench.wave(1, phase)
    bench.gate.submit(old, bench.now)
    bench.tick(20)
    bench.gate.emergency_stop("test")
    bench.settle()
    late = replace(bench.wave(2, phase), t0_ns=bench.ros_ns)
    bench.tick(10)
    bench.arm()
    for chunk, reason in ((old, "chunk_before_reset"), (late, "chunk_before_reset")):
        assert bench.gate.submit(chunk, bench.now).reason == reason
    bench.tick(50)
    assert state(bench) is State.HOLDING


def test_the_reason_of_a_stop_stays_readable(bench):
    bench.gate.stop(Verdict(Decision.STOP, "exclusive", "second_publisher", "x"))
    assert bench.gate.submit(bench.wave(1, bench.ros_ns), bench.now).reason == "stopped"
    assert verdict(bench).reason == "second_publisher"
    bench.gate.stop(Verdict(Decision.STOP, "tracking", "tracking_error", "x"))
    assert verdict(bench).reason == "second_publisher"
    bench.gate.emergency_stop("x")
    assert verdict(bench).reason == "emergency_stop"
    assert bench.gate.status().count_stop == 2


def test_duplicates_and_reordered_chunks_leave_the_running_plan_alone(bench):
    phase = bench.ros_ns
    first = bench.wave(1, phase)
    bench.gate.submit(first, bench.now)
    bench.tick(20)
    bench.gate.submit(bench.wave(2, phase), bench.now)
    bench.tick(5)
    assert bench.gate.submit(first, bench.now).reason == "chunk_order"
    bench.tick(5)
    assert state(bench) is State.EXECUTING


def test_stale_and_future_chunks_are_refused(bench):
    chunk = bench.wave(1, bench.ros_ns)
    assert bench.gate.submit(replace(chunk, t0_ns=bench.ros_ns + 200_000_000), bench.now).reason == "chunk_future"
    bench.tick(120)
    assert bench.gate.submit(chunk, bench.now).reason == "chunk_stale"
    bench.tick()
    expired = replace(bench.wave(3, bench.ros_ns), t0_ns=bench.ros_ns - 900_000_000)
    assert expired.t0_ns > chunk.t0_ns
    assert bench.gate.submit(expired, bench.now).reason == "chunk_expired"


def test_a_jump_is_refused(bench):
    answer = bench.gate.submit(bench.wave(1, bench.ros_ns, positions=np.full((8, 3), 0.6)), bench.now)
    assert answer.decision is Decision.HOLD
    bench.tick(5)
    assert state(bench) is State.HOLDING


def test_a_chunk_far_from_the_measured_state_breaks_the_step_rule(bench):
    chunk = bench.wave(1, bench.ros_ns)
    shifted = replace(chunk, positions=chunk.positions + 0.5, t0_ns=bench.ros_ns - 200_000_000, times_s=chunk.times_s)
    bench2 = shifted
    bench.gate._upstream._armed_ros_ns = 0
    answer = bench.gate.submit(bench2, bench.now)
    assert (answer.decision, answer.reason) == (Decision.HOLD, "step_limit")


def test_too_fast_a_wave_is_slowed_and_stays_on_its_path(bench):
    phase = bench.ros_ns
    answer = bench.gate.submit(bench.wave(1, phase, amplitude=0.25, rate=7.0), bench.now)
    assert (answer.decision, answer.rule) == (Decision.SLOW, answer.rule)
    assert 0.1 < bench.gate.status().scale < 1.0
    bench.tick(40)
    x = (bench.measured() - HOME) / 0.25
    np.testing.assert_allclose(x, x[0], atol=0.02)  # all joints at the same point of the path
    bench.settle()
    bench.assert_limits_kept()


def test_speed_recovers_gradually(bench):
    phase = bench.ros_ns
    bench.gate.submit(bench.wave(1, phase, speed_scale=0.4), bench.now)
    assert verdict(bench).reason == "speed_scale"
    bench.tick(20)
    bench.gate.submit(bench.wave(2, phase), bench.now)
    assert verdict(bench).reason == "speed_recovery"
    assert bench.gate.status().scale == pytest.approx(0.6, abs=0.02)
    bench.settle()
    bench.assert_limits_kept()


def test_a_slowed_arm_continues_along_the_plan_not_across_it(bench):
    phase = bench.ros_ns
    for number in range(1, 8):
        answer = bench.gate.submit(bench.wave(number, phase, speed_scale=0.5), bench.now)
        bench.tick(15)
        assert answer.decision is Decision.SLOW, answer
    bench.settle()
    bench.assert_limits_kept()


def test_a_position_violation_truncates_the_plan(bench):
    times = 0.1 * np.arange(1.0, 9.0)
    ramp = HOME + times[:, None] * np.array([0.0, 0.0, 1.2])
    chunk = replace(
        bench.wave(1, bench.ros_ns), positions=ramp, velocities=np.tile([0.0, 0.0, 1.2], (8, 1)),
        accelerations=np.zeros((8, 3)),
    )  # fmt: skip
    answer = bench.gate.submit(chunk, bench.now)
    assert (answer.decision, answer.reason) == (Decision.HOLD, "position_limit")
    assert answer.limit == 1.0
    bench.settle()
    assert 0.5 < bench.measured()[2] < 1.0
    bench.assert_limits_kept()


def test_an_arm_that_does_not_follow_is_stopped(bench):
    bench.gate.submit(bench.goto(HOME + 0.8, 1.0), bench.now)
    for step in range(150):
        bench.stuck = HOME + 1e-5 * step
        bench.tick()
    assert (state(bench), verdict(bench).reason) == (State.STOPPED, "tracking_error")


def test_lost_joint_states_hold_the_arm(bench):
    run_wave(bench, chunks=2)
    bench.blind = True
    bench.tick(12)
    assert (state(bench), verdict(bench).reason) == (State.STOPPING, "joint_state_stale")
    answer = bench.gate.submit(bench.wave(9, bench.ros_ns), bench.now)
    assert answer.reason == "joint_state_stale"
    bench.settle()
    bench.blind = False
    bench.tick(60)  # the grace of the first commander, and of a controller that heard nothing either
    assert bench.gate.submit(bench.goto(HOME, 1.0), bench.now).decision is Decision.PASS
    bench.assert_limits_kept()


def test_nan_in_joint_states_counts_as_none(bench):
    run_wave(bench, chunks=2)
    bench.blind = True
    for _ in range(12):
        bench.gate.measure(np.array([NAN, 0.0, 0.0]), None, None, bench.now)
        bench.gate.measure(HOME, None, NAN, bench.now)
        bench.tick()
    assert verdict(bench).reason == "joint_state_nonfinite"


def test_a_frozen_clock_holds_and_the_ramp_goes_on(make_bench):
    bench = make_bench(clock=ClockConfig(simulated=True, min_rate=0.5))
    bench.tick(50)
    bench.arm()
    run_wave(bench, chunks=3)
    bench.tick(35, clock=0.0)
    assert verdict(bench).reason == "clock_stalled"
    bench.tick(40, clock=0.0)
    assert state(bench) is State.HOLDING
    assert bench.gate.submit(bench.wave(9, bench.ros_ns), bench.now).reason in ("clock_stalled", "chunk_order")
    bench.tick(10)
    assert bench.gate.submit(bench.goto(HOME, 1.0), bench.now).decision is Decision.PASS


def test_a_clock_that_steps_back_latches(bench):
    run_wave(bench, chunks=2)
    bench.ros_ns -= 3_000_000_000
    bench.tick()
    assert verdict(bench).reason == "clock_back"
    bench.settle()
    assert state(bench) is State.STOPPED
    bench.arm()


def test_a_clock_that_jumps_ahead_holds(bench):
    run_wave(bench, chunks=2)
    bench.ros_ns += 3_000_000_000
    bench.tick()
    assert (state(bench), verdict(bench).reason) == (State.STOPPING, "clock_jump")
    bench.settle()
    assert bench.gate.submit(bench.wave(9, bench.ros_ns), bench.now).decision is Decision.PASS


def test_a_second_commander_is_refused_until_the_first_is_done(bench):
    run_wave(bench, chunks=1)
    assert bench.gate.submit(bench.goto(HOME, 1.0), bench.now).reason == "source_busy"
    nan = bench.goto(HOME * NAN, 1.0)
    assert bench.gate.submit(nan, bench.now).reason == "source_busy"  # and cannot brake it either
    bench.tick()
    assert state(bench) is State.EXECUTING
    bench.settle()
    bench.tick(25)
    assert bench.gate.submit(bench.goto(HOME, 1.0), bench.now).decision is Decision.PASS


def test_plans_that_meet_a_fault_of_the_inputs_do_not_latch_a_stop(make_bench):
    bench = make_bench(refusals_to_stop=3)
    bench.arm()
    bench.blind = True
    bench.tick(15)
    answers = [bench.gate.submit(bench.goto(HOME + 0.1, 1.0), bench.now) for _ in range(6)]
    assert {answer.reason for answer in answers} == {"joint_state_stale"}
    assert state(bench) is State.HOLDING
    bench.blind = False
    bench.tick(2)
    assert bench.gate.submit(bench.goto(HOME + 0.1, 1.0), bench.now).decision is Decision.PASS


def test_a_stamp_of_the_future_does_not_block_the_plans_after_it(bench):
    phase = bench.ros_ns
    ahead = replace(bench.wave(1, phase), t0_ns=bench.ros_ns + 3_600_000_000_000)
    assert bench.gate.submit(ahead, bench.now).reason == "chunk_future"
    assert bench.gate.submit(bench.wave(2, phase), bench.now).decision is Decision.PASS


def test_many_refusals_in_a_row_latch_a_stop(make_bench):
    bench = make_bench(refusals_to_stop=3)
    bench.arm()
    bad = bench.wave(1, bench.ros_ns, positions=np.full((8, 3), NAN))
    for number in range(3):
        bench.gate.submit(replace(bad, t0_ns=bench.ros_ns, trace=Trace(SOURCE_CHUNK, number + 1)), bench.now)
        bench.tick()
    assert (state(bench), verdict(bench).reason) == (State.STOPPED, "repeated_refusals")


def test_plans_that_are_followed_as_far_as_they_are_good_do_not_latch_until_nothing_of_them_is(make_bench):
    bench = make_bench(refusals_to_stop=3)
    bench.arm()
    out = np.zeros(3)
    out[2] = 1.2
    for number in range(60):
        times = 0.1 * np.arange(8.0)
        start = bench.gate._stream.committed.state(bench.time)[0]
        ramp = start + times[:, None] * out
        chunk = replace(
            bench.wave(number + 1, bench.ros_ns), positions=ramp, velocities=np.tile(out, (8, 1)),
            accelerations=np.zeros((8, 3)),
        )  # fmt: skip
        bench.gate.submit(chunk, bench.now)
        if state(bench) is State.STOPPED or verdict(bench).reason == "repeated_refusals":
            break
        bench.tick(5)
    assert number > 5 and verdict(bench).reason == "repeated_refusals"
    assert bench.measured()[2] > 0.6, "it had followed them up to the limit"
    bench.assert_limits_kept()


def test_a_message_that_is_no_proposal_is_recorded(bench):
    run_wave(bench, chunks=1)
    bad = Verdict(Decision.HOLD, "dimensions", "dimensions", "ragged")
    assert bench.gate.refuse(bad, Trace(SOURCE_JOINT), bench.now).reason == "source_busy"
    assert bench.gate.refuse(bad, Trace(SOURCE_CHUNK, 5), bench.now) is bad
    assert state(bench) is State.STOPPING


# --- commands that count from now


def test_a_single_point_goes_out_at_once_and_as_it_came(bench):
    target = HOME + 0.01
    assert bench.gate.submit(bench.goto(target, 0.2), bench.now).decision is Decision.PASS
    command = bench.gate.command(bench.now)
    np.testing.assert_array_equal(command.message.times, [0.2])
    np.testing.assert_array_equal(command.message.states, [[target, np.zeros(3), np.zeros(3)]])
    bench.obey(command)
    bench.settle()
    np.testing.assert_allclose(bench.measured(), target, atol=1e-9)
    bench.assert_limits_kept()


def test_single_points_replace_each_other_in_motion(bench):
    for step in range(120):
        target = HOME + 0.05 * np.sin(0.1 * step)
        assert bench.gate.submit(bench.goto(target, 0.1), bench.now).decision in (Decision.PASS, Decision.SLOW)
        bench.obey(bench.gate.command(bench.now))
        bench.tick()
    bench.settle()
    bench.assert_limits_kept()


@pytest.mark.parametrize("duration", [0.0, 0.01, 0.1, 0.5, 3.0])
def test_a_far_point_takes_as_long_as_it_must(bench, duration):
    target = np.array([-1.5, 1.2, -0.8])
    answer = bench.gate.submit(bench.goto(target, duration), bench.now)
    assert answer.decision in (Decision.PASS, Decision.SLOW, Decision.HOLD)
    if duration in (0.01, 0.1):  # less than a tenth of the speed asked for is not a repair
        assert answer.decision is Decision.HOLD
        return
    bench.settle()
    np.testing.assert_allclose(bench.measured(), target, atol=1e-6)
    bench.assert_limits_kept()


def test_a_command_beyond_a_limit_is_refused_or_truncated(bench):
    answer = bench.gate.submit(bench.goto(np.array([0.0, 1.6, 0.0]), 3.0), bench.now)
    assert (answer.decision, answer.reason) == (Decision.HOLD, "position_limit")
    bench.tick(400)
    bench.assert_limits_kept() if bench.commands else None
    assert bench.measured()[1] <= 1.5


def test_points_without_derivatives_become_a_spline_that_ends_at_rest(bench):
    times = np.array([0.5, 1.0, 1.5, 2.0])
    path = HOME + np.array([0.1, 0.3, 0.2, 0.4])[:, None]
    command = replace(bench.goto(HOME, 1.0), times_s=times, positions=path)
    assert bench.gate.submit(command, bench.now).decision is Decision.PASS
    seen = []
    for _ in range(4):
        bench.tick(50)
        seen.append(bench.measured())
    np.testing.assert_allclose(seen, path, atol=2e-3)
    bench.assert_limits_kept()


def test_velocities_alone_are_enough(bench):
    times = np.array([0.5, 1.0])
    command = replace(
        bench.goto(HOME, 1.0), times_s=times, positions=HOME + np.array([[0.1], [0.2]]),
        velocities=np.array([[0.2] * 3, [0.0] * 3]),
    )  # fmt: skip
    assert bench.gate.submit(command, bench.now).decision is Decision.PASS
    bench.settle()
    np.testing.assert_allclose(bench.measured(), HOME + 0.2, atol=1e-6)
    bench.assert_limits_kept()


def test_a_stamped_command_begins_when_it_says(bench):
    bench.tick(50)
    command = replace(bench.goto(HOME + 0.1, 1.0), t0_ns=bench.ros_ns - 300_000_000)
    assert bench.gate.submit(command, bench.now).decision is Decision.PASS
    begun = bench.time
    bench.settle()
    assert bench.time - begun == pytest.approx(0.7, abs=0.03)
    past = replace(bench.goto(HOME, 0.3), t0_ns=bench.ros_ns - 400_000_000)
    assert bench.gate.submit(past, bench.now).reason == "command_past"
    old = replace(bench.goto(HOME, 9.0), t0_ns=bench.ros_ns - 3_000_000_000)
    assert bench.gate.submit(old, bench.now).reason == "command_stale"


def test_a_command_may_name_joints_in_any_order(bench):
    names = ("wrist", "shoulder", "elbow")
    target = HOME + np.array([0.1, 0.2, 0.3])
    command = replace(bench.goto(target[[2, 0, 1]], 1.0), joint_names=names)
    assert bench.gate.submit(command, bench.now).decision is Decision.PASS
    bench.settle()
    np.testing.assert_allclose(bench.measured(), target, atol=1e-6)


def test_wrong_names_are_refused(bench):
    command = replace(bench.goto(HOME, 1.0), joint_names=("a", "elbow", "wrist"))
    assert bench.gate.submit(command, bench.now).reason == "joint_names"


# --- the gripper


def grips(bench):
    return [command.gripper for _, command in bench.commands]


def test_the_gripper_may_be_one_of_the_joints(bench):
    command = replace(
        bench.goto(HOME, 1.0), joint_names=("shoulder", "elbow", "wrist", "finger"), positions=np.array([[*HOME, 0.0]])
    )
    assert bench.gate.submit(command, bench.now).decision is Decision.PASS
    bench.settle()
    assert grips(bench)[-1] == 0.0
    assert np.abs(np.diff(grips(bench))).max() <= 0.2 * 0.01 + 1e-9


def test_commands_between_ticks_do_not_hasten_the_gripper(bench):
    closed = {"gripper_joint": "finger", "gripper_positions": np.zeros(8)}
    bench.gate.submit(bench.wave(1, bench.ros_ns, amplitude=0.0, **closed), bench.now)
    bench.tick()
    begun, first = bench.time, grips(bench)[-1]
    for _ in range(20):
        bench.steady_ns += 500_000
        bench.ros_ns += 500_000
        last = bench.gate.command(bench.now).gripper
    assert first - last == pytest.approx(0.2 * (bench.time - begun))


def test_a_gripper_that_nobody_measures_starts_where_its_plan_does(make_bench):
    configured = make_bench()
    bench = type(configured)(configured.config, grip=None)
    bench.arm()
    opened = {"gripper_joint": "finger", "gripper_positions": np.full(8, 0.04)}
    bench.gate.submit(bench.wave(1, bench.ros_ns, amplitude=0.0, **opened), bench.now)
    bench.tick(5)
    assert {round(g, 9) for g in grips(bench)} == {0.04}


def test_a_gripper_that_was_told_nothing_has_not_moved(bench):
    """Else a stop in the next period would publish what it did in this one."""
    bench.gate.submit(
        bench.wave(1, bench.ros_ns, gripper_joint="finger", gripper_positions=np.full(8, 0.04)), bench.now
    )
    bench.tick(5)
    told = bench.commands[-1][1].gripper
    message = bench.gate._stream.message
    bench.gate._stream.message = lambda time: None
    bench.tick()
    bench.gate._stream.message = message
    bench.gate.emergency_stop("test")
    bench.tick()
    assert bench.commands[-1][1].gripper == told > 0.02


def test_an_emergency_stop_keeps_the_grip(bench):
    phase = bench.ros_ns
    closed = {"gripper_joint": "finger", "gripper_positions": np.zeros(8)}
    for number in range(1, 4):
        bench.gate.submit(bench.wave(number, phase, **closed), bench.now)
        bench.tick(20)
    bench.gate.emergency_stop("test")
    bench.grip = 0.04
    before = len(bench.commands)
    bench.settle()
    assert {round(g, 9) for g in grips(bench)[before:]} == {0.0}


def test_a_gripper_out_of_range_is_refused_and_a_hair_is_clipped(bench):
    grip = {"gripper_joint": "finger", "gripper_positions": np.full(8, 0.05)}
    assert bench.gate.submit(bench.wave(1, bench.ros_ns, **grip), bench.now).reason == "gripper_range"
    bench.tick()
    grip["gripper_positions"] = np.full(8, 0.0405)
    assert bench.gate.submit(bench.wave(2, bench.ros_ns, **grip), bench.now).decision is Decision.PASS
    bench.settle()
    assert max(grips(bench)) <= 0.04


# --- check and install apart, as the monitor does it


def test_a_plan_checked_before_a_stop_is_not_installed_after_it(bench):
    prepared = bench.gate.check(bench.wave(1, bench.ros_ns), bench.now, 0.02)
    bench.gate.emergency_stop("test")
    assert bench.gate.install(prepared, bench.now).reason == "superseded"
    bench.tick(5)
    assert state(bench) is State.STOPPED


def test_a_check_that_took_too_long_is_to_be_repeated(bench):
    run_wave(bench, chunks=2)
    chunk = bench.wave(9, bench.ros_ns - 500_000_000)
    prepared = bench.gate.check(chunk, bench.now, 0.015)
    bench.tick(3)
    assert bench.gate.install(prepared, bench.now) is None


def test_a_plan_with_a_lead_continues_what_runs(bench):
    phase = bench.ros_ns
    for number in range(1, 6):
        prepared = bench.gate.check(bench.wave(number, phase), bench.now, 0.015)
        assert bench.gate.install(prepared, bench.now).decision is Decision.PASS
        bench.tick(20)
    bench.settle()
    bench.assert_limits_kept()


def test_an_arm_found_elsewhere_before_anything_was_sent_starts_where_it_is(bench):
    moved = HOME + 0.02
    bench.stuck = moved
    bench.tick(5)
    bench.arm()
    assert bench.gate.submit(bench.goto(moved + 0.05, 0.2), bench.now).decision is Decision.PASS
    command = bench.gate.command(bench.now)
    assert np.abs(command.message.states[-1, 0] - moved - 0.05).max() < 1e-9


@pytest.mark.parametrize("controller", ["holds its last command", "was started again"])
def test_a_controller_is_led_to_an_arm_that_is_elsewhere(bench, controller):
    bench.gate.submit(bench.goto(HOME + 0.05, 0.2), bench.now)
    bench.settle()
    bench.gate.emergency_stop("somebody moves the arm")
    bench.tick(80)
    held = HOME + [0.2, -0.1, 0.25]
    bench.stuck = held
    if controller == "was started again":
        bench.controller = JudgingController(bench.config.limits, held)
    bench.tick(5)
    bench.arm()
    sent = len(bench.commands)
    first = bench.gate.submit(bench.goto(held + 0.02, 0.2), bench.now)
    assert (first.reason, first.brakes) == ("arm_elsewhere", False)
    bench.tick(3)
    assert bench.gate.submit(bench.goto(held + 0.02, 0.2), bench.now).reason == "arm_elsewhere"
    bench.settle()
    np.testing.assert_allclose(bench.controller.state(bench.time)[0], held, atol=1e-9)
    assert len(bench.commands) > sent
    assert bench.gate.submit(bench.goto(held + 0.02, 0.2), bench.now).decision is Decision.PASS
    bench.stuck = None
    bench.settle()
    bench.assert_limits_kept()


def test_no_controller_is_led_anywhere_after_a_stop(bench):
    bench.gate.submit(bench.goto(HOME + 0.05, 0.2), bench.now)
    bench.settle()
    bench.tick(80)
    bench.stuck = HOME + 0.2
    bench.tick(5)
    sent = len(bench.commands)
    assert bench.gate.submit(bench.goto(HOME, 2.0), bench.now).reason == "arm_elsewhere"
    bench.gate.emergency_stop("test")
    bench.tick(100)
    assert len(bench.commands) == sent
    bench.arm()
    assert bench.gate.submit(bench.goto(HOME, 2.0), bench.now).reason == "arm_elsewhere"
    bench.tick(100)
    assert len(bench.commands) > sent
    bench.stuck = None
    assert bench.gate.submit(bench.goto(HOME, 2.0), bench.now).decision is Decision.PASS


def test_a_controller_is_never_led_beyond_a_limit(bench):
    bench.gate.submit(bench.goto(HOME + 0.05, 0.2), bench.now)
    bench.settle()
    bench.tick(80)
    bench.stuck = np.array([2.03, -0.35, 0.25])  # joint states say that it is over the first limit
    bench.tick(5)
    assert bench.gate.submit(bench.goto(HOME, 2.0), bench.now).reason == "arm_elsewhere"
    bench.tick(200)
    np.testing.assert_allclose(bench.controller.state(bench.time)[0], [2.0, -0.35, 0.25], atol=1e-9)
    bench.assert_limits_kept()


def test_a_command_that_would_last_for_ever_is_refused(bench):
    target = HOME + 1e6  # as soon as the limits allow
    assert bench.gate.submit(bench.goto(target, 0.0), bench.now).reason == "times_order"
    slowly = bench.goto(HOME + 0.1, 0.5, speed_scale=1e-9)
    answer = bench.gate.submit(slowly, bench.now)
    assert (answer.reason, answer.value) == ("speed_scale", 1e-9)


def test_a_chunk_that_asks_for_hardly_any_speed_is_refused_with_the_reason(make_bench):
    bench = make_bench(upstream=UpstreamConfig(min_speed_scale=0.01, resume_speed_scale=0.01))
    bench.arm()
    answer = bench.gate.submit(bench.wave(1, bench.ros_ns, speed_scale=0.05), bench.now)
    assert (answer.decision, answer.rule, answer.reason) == (Decision.HOLD, "speed", "speed_scale")


def test_a_plan_that_needs_less_than_a_tenth_of_its_speed_is_refused(bench):
    answer = bench.gate.submit(bench.wave(1, bench.ros_ns, amplitude=0.001, rate=1000.0), bench.now)
    assert (answer.decision, answer.brakes) == (Decision.HOLD, True)
    assert "of its speed" in answer.detail


@pytest.mark.parametrize("has_gripper", [True, False])
def test_an_arm_with_or_without_a_gripper_brakes_alike(make_bench, has_gripper):
    bench = make_bench() if has_gripper else make_bench(gripper=None)
    bench.arm()
    run_wave(bench, chunks=2)
    bench.gate.emergency_stop("test")
    begun = bench.time
    bench.settle()
    assert bench.time - begun <= bench.config.promised_stop_s and state(bench) is State.STOPPED
    assert has_gripper or {command.gripper for _, command in bench.commands} == {None}
