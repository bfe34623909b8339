"""The stream's time line, and the guard over the ROS clock."""

from __future__ import annotations

import pytest

from vla_core.safety.clock import ClockConfig, Now, StreamClock
from vla_core.safety.decision import Decision, Limit

NS = 1_000_000_000


class Clocks:
    def __init__(self, **config):
        self.clock = StreamClock(ClockConfig(**config))
        self.steady, self.ros = NS, 50 * NS
        self.step(0.0)

    def step(self, steady_s=0.01, rate=1.0, jump_s=0.0, **robot):
        self.steady += round(steady_s * NS)
        self.ros += round(steady_s * rate * NS) + round(jump_s * NS)
        return self.clock.advance(Now(self.steady, self.ros), **robot)

    def run(self, count, **step):
        return [fault for fault in (self.step(**step) for _ in range(count)) if fault is not None]


def test_without_simulation_it_is_the_steady_clock():
    clocks = Clocks()
    assert clocks.run(100) == []
    assert clocks.clock.time == pytest.approx(1.0)
    assert clocks.clock.ahead(clocks.steady + 5_000_000) == pytest.approx(1.005)
    assert clocks.clock.of_stamp(clocks.ros - 200_000_000) == pytest.approx(0.8)


def test_before_the_first_observation_it_stands_still():
    assert StreamClock(ClockConfig()).ahead(123) == 0.0


def test_in_simulation_it_follows_the_real_time_factor():
    clocks = Clocks(simulated=True, min_rate=0.25)
    assert clocks.run(200, rate=0.5) == []
    assert clocks.clock.rate == pytest.approx(0.5, abs=0.01)
    before = clocks.clock.time
    clocks.run(100, rate=0.5)
    assert clocks.clock.time - before == pytest.approx(0.5, abs=0.01)


def test_time_never_goes_back():
    clocks = Clocks(simulated=True, min_rate=0.5)
    last = clocks.clock.time
    for rate in (1.0, 0.0, 2.0, -1.0, 0.5, 0.0, 0.0, 3.0):
        for _ in range(20):
            clocks.step(rate=rate)
            assert clocks.clock.time > last
            last = clocks.clock.time


@pytest.mark.parametrize(("min_rate", "stands_s"), [(1.0, 0.15), (0.5, 0.3)])
def test_a_stall_is_found_when_its_scaled_deadline_has_passed(min_rate, stands_s):
    clocks = Clocks(simulated=True, min_rate=min_rate)
    clocks.run(50)
    assert clocks.run(round(stands_s / 0.01) - 1, rate=0.0) == []
    clocks.step(rate=0.0)
    fault = clocks.step(rate=0.0)
    assert (fault.decision, fault.reason) == (Decision.HOLD, "clock_stalled")
    assert clocks.clock.rate == 1.0
    assert clocks.step() is None


def test_the_stream_waits_for_a_simulation_that_stands_still():
    clocks = Clocks(simulated=True, min_rate=0.5)
    clocks.run(100)
    before, stamp = clocks.clock.time, clocks.ros
    assert clocks.run(25, rate=0.0, robot_silent=True) == []
    assert clocks.clock.stands
    waits_at = clocks.clock.time
    assert waits_at - before == pytest.approx(0.02, abs=2e-3)
    assert clocks.clock.ahead(clocks.steady + 5_000_000) == waits_at
    clocks.step(steady_s=0.015)
    assert clocks.clock.stands and clocks.clock.time == waits_at  # until the simulation is there too
    clocks.run(10)
    assert not clocks.clock.stands
    assert clocks.clock.rate > 0.9  # only what was not yet known to stand still counts
    assert clocks.clock.time - before == pytest.approx(0.115, abs=0.015)
    assert clocks.clock.of_stamp(stamp) == pytest.approx(before, abs=0.01)


@pytest.mark.parametrize(
    ("config", "step"),
    [
        ({"simulated": True, "min_rate": 0.5}, {"rate": 0.0}),
        ({"simulated": True, "min_rate": 0.5}, {"rate": 1.0, "robot_silent": True}),
        ({}, {"rate": 0.0, "robot_silent": True}),
    ],
    ids=["the joint states go on", "the clock goes on", "no simulation"],
)
def test_the_stream_does_not_wait_for_less(config, step):
    clocks = Clocks(**config)
    clocks.run(100)
    before = clocks.clock.time
    for _ in range(14):
        clocks.step(**step)
        assert not clocks.clock.stands
    assert clocks.clock.time - before > 0.1  # not all of it: a slow simulation looks like that too


def test_a_stop_is_carried_through_though_the_simulation_never_comes_back():
    clocks = Clocks(simulated=True, min_rate=0.5)
    clocks.run(100)
    before = clocks.clock.time
    faults = clocks.run(100, rate=0.0, robot_silent=True)
    assert {fault.reason for fault in faults} == {"clock_stalled"}
    assert clocks.clock.time - before == pytest.approx(0.02 + 0.7, abs=0.03)


def test_a_step_back_is_a_stop():
    clocks = Clocks()
    clocks.run(10)
    fault = clocks.step(jump_s=-0.2)
    assert (fault.decision, fault.reason) == (Decision.STOP, "clock_back")
    assert clocks.step() is None


@pytest.mark.parametrize(("simulated", "jump_s", "good"), [(False, 0.4, True), (False, 0.6, False), (True, 0.6, False)])
def test_a_jump_ahead_is_a_hold(simulated, jump_s, good):
    clocks = Clocks(simulated=simulated)
    clocks.run(10)
    fault = clocks.step(jump_s=jump_s)
    assert (fault is None) is good
    assert good or fault.reason == "clock_jump"


@pytest.mark.parametrize(("simulated", "rate"), [(False, 5.0), (True, 9.0)])
def test_many_small_jumps_ahead_are_one_large(simulated, rate):
    clocks = Clocks(simulated=simulated)
    clocks.run(10)
    faults = clocks.run(40, rate=rate)
    assert {fault.reason for fault in faults} == {"clock_jump"} and len(faults) >= 20
    assert clocks.run(40)[20:] == []


def test_many_small_steps_back_are_one_large():
    clocks = Clocks()
    clocks.run(10)
    faults = clocks.run(4, rate=-0.09)  # 0.9 ms each
    assert [fault.reason for fault in faults] == ["clock_back"] * 2
    assert clocks.run(10) == []


@pytest.mark.parametrize("trembles_s", [0.0004, 0.001])
def test_a_clock_that_trembles_on_the_spot_stands_still(trembles_s):
    clocks = Clocks(simulated=True, min_rate=0.5)
    clocks.run(50)
    faults = []
    for k in range(80):
        fault = clocks.step(rate=0.0, jump_s=trembles_s if k % 2 else -trembles_s)
        faults += [] if fault is None else [fault]
    assert {fault.reason for fault in faults} == {"clock_stalled"}
    assert len(faults) >= 20 and clocks.clock.rate == 1.0


@pytest.mark.parametrize("rate", [0.5, 1.0, 3.9])
def test_a_steady_pace_that_was_declared_is_no_fault(rate):
    clocks = Clocks(simulated=True, min_rate=0.5)
    assert clocks.run(500, rate=rate) == []


def test_after_a_jump_stamps_are_understood_again():
    clocks = Clocks()
    clocks.run(10)
    clocks.step(jump_s=5.0)
    assert clocks.clock.of_stamp(clocks.ros) == pytest.approx(clocks.clock.time, abs=1e-6)


@pytest.mark.parametrize("rate", [0.0, -1.0, 1.1])
def test_the_minimum_rate_is_a_fraction(rate):
    with pytest.raises(ValueError, match="min_rate"):
        ClockConfig(min_rate=rate)


def test_before_the_first_observation_stamps_are_stream_time():
    assert StreamClock(ClockConfig()).of_stamp(3 * NS) == 3.0
    assert (StreamClock(ClockConfig()).time, StreamClock(ClockConfig()).rate) == (0.0, 1.0)


def test_the_first_observation_anchors_the_stamps():
    clocks = Clocks()
    assert clocks.clock.time == 0.0 and clocks.clock.of_stamp(clocks.ros) == pytest.approx(0.0, abs=1e-6)


def test_between_observations_stream_time_goes_on_at_the_measured_rate():
    clocks = Clocks(simulated=True, min_rate=0.25)
    clocks.run(100, rate=0.5)
    ahead = clocks.clock.ahead(clocks.steady + NS // 10) - clocks.clock.time
    assert ahead == pytest.approx(0.1 * clocks.clock.rate) and clocks.clock.rate == pytest.approx(0.5)


@pytest.mark.parametrize("simulated", [False, True])
def test_a_clock_that_is_slewed_is_followed_by_a_twentieth_each_tick(simulated):
    clocks = Clocks(simulated=simulated)
    clocks.step()
    clocks.step(jump_s=0.2)
    off = clocks.clock.of_stamp(clocks.ros) - clocks.clock.time
    assert off == pytest.approx(0.95 * 0.2, abs=1e-6)
    clocks.step()
    assert clocks.clock.of_stamp(clocks.ros) - clocks.clock.time == pytest.approx(0.95**2 * 0.2, abs=1e-6)


def test_without_simulation_the_pace_is_the_steady_clocks_whatever_ros_time_does():
    clocks = Clocks()
    clocks.run(100, rate=1.01)
    assert clocks.clock.rate == 1.0 and clocks.clock.time == pytest.approx(1.0)


@pytest.mark.parametrize("simulated", [False, True])
@pytest.mark.parametrize(("back_s", "good"), [(0.0005, True), (0.001, True), (0.00101, False), (0.0015, False)])
def test_ros_time_may_tremble_by_a_millisecond_and_no_more(simulated, back_s, good):
    clocks = Clocks(simulated=simulated)
    clocks.step()
    fault = clocks.step(rate=0.0, jump_s=-back_s)
    assert (fault is None) is good
    if not good:
        assert (fault.decision, fault.rule, fault.reason) == (Decision.STOP, "clock", "clock_back")
        assert (fault.value, fault.limit) == (pytest.approx(back_s), 0.0)


@pytest.mark.parametrize("simulated", [False, True])
@pytest.mark.parametrize("late_s", [0.01, 0.3])
@pytest.mark.parametrize(("beyond_s", "good"), [(-1e-4, True), (1e-4, False)])
def test_how_far_ahead_ros_time_may_get_counts_from_what_the_steady_clock_allows(simulated, late_s, beyond_s, good):
    """Four times as fast is still a simulation; a real clock keeps pace with the steady one."""
    clocks = Clocks(simulated=simulated)
    clocks.step()
    fastest = 4.0 if simulated else 1.0
    fault = clocks.step(late_s, rate=fastest, jump_s=0.5 + beyond_s)
    assert (fault is None) is good
    if not good:
        assert (fault.decision, fault.rule, fault.reason) == (Decision.HOLD, "clock", "clock_jump")
        assert (fault.value, fault.limit) == (pytest.approx(0.5 + beyond_s), 0.5)


def test_the_allowance_itself_is_allowed():
    config = ClockConfig(jump=Limit(0.5, "s", "x"), stall=Limit(0.25, "s", "x"))
    clock = StreamClock(config)
    clock.advance(Now(0, 0))
    assert clock.advance(Now(NS, NS + NS // 2)) is None
    assert clock.advance(Now(NS + NS // 4, NS + NS // 2)) is None  # stands still for as long as it may
    fault = clock.advance(Now(NS + NS // 4 + 1, NS + NS // 2))
    assert (fault.decision, fault.rule, fault.reason, fault.limit) == (Decision.HOLD, "clock", "clock_stalled", 0.25)
    assert fault.value == pytest.approx(0.25)


def test_a_stall_is_counted_from_the_last_advance_of_ros_time():
    clocks = Clocks()
    clocks.run(5, rate=0.0)
    clocks.step(rate=4.0)
    assert clocks.run(15, rate=0.0) == []
    assert clocks.step(rate=0.0).reason == "clock_stalled"


def test_while_ros_time_stands_still_stamps_keep_their_meaning():
    clocks = Clocks(simulated=True)
    clocks.run(60)
    stamp = clocks.clock.of_stamp(clocks.ros)
    clocks.run(16, rate=0.0)
    drifted = clocks.clock.of_stamp(clocks.ros)
    clocks.run(10, rate=0.0)
    assert clocks.clock.of_stamp(clocks.ros) == drifted  # a fault does not move them
    assert drifted - stamp > 0.0


def test_after_a_step_back_stamps_are_understood_again():
    clocks = Clocks()
    clocks.run(10)
    clocks.step(jump_s=-5.0)
    assert clocks.clock.of_stamp(clocks.ros) == pytest.approx(clocks.clock.time, abs=1e-6)


@pytest.mark.parametrize(("rate", "measured"), [(0.1, 0.125), (0.2, 0.2), (3.0, 3.0), (4.5, 4.0)])
def test_the_rate_is_bounded_by_half_the_declared_minimum_and_the_fastest(rate, measured):
    clocks = Clocks(simulated=True, min_rate=0.25)
    clocks.run(60, rate=rate)
    assert clocks.clock.rate == pytest.approx(measured, rel=1e-6)


def test_the_rate_is_measured_over_four_tenths_of_a_second_and_from_half_of_that():
    clock = StreamClock(ClockConfig(simulated=True, min_rate=0.1))
    ms = 1_000_000
    clock.advance(Now(0, 0))
    clock.advance(Now(200 * ms, 100 * ms))
    assert clock.rate == 1.0  # too short to tell
    clock.advance(Now(201 * ms, 100 * ms + ms // 2))
    assert clock.rate == pytest.approx(0.5)
    clock.advance(Now(400 * ms, 200 * ms))
    assert clock.rate == pytest.approx(0.5)
    clock.advance(Now(600 * ms, 400 * ms))  # from 200 ms on: 300 ms of 400
    assert clock.rate == pytest.approx(0.75)
    clock.advance(Now(800 * ms, 600 * ms))  # from 400 ms on
    assert clock.rate == pytest.approx(1.0)


def test_after_a_fault_the_rate_is_measured_anew():
    clocks = Clocks(simulated=True, min_rate=0.25)
    clocks.run(60, rate=0.5)
    clocks.step(jump_s=5.0)
    assert clocks.clock.rate == 1.0
    clocks.run(19, rate=0.5)
    assert clocks.clock.rate == 1.0
    clocks.run(5, rate=0.5)
    assert clocks.clock.rate == pytest.approx(0.5)


def test_deadlines_stretch_with_the_slowest_simulation():
    assert ClockConfig(min_rate=0.25).deadline(0.1) == pytest.approx(0.4)
    assert ClockConfig().deadline(0.1) == 0.1
    assert ClockConfig(min_rate=1e-9).min_rate == 1e-9


def test_ros_time_may_be_behind_or_ahead_of_the_steady_clock_from_the_beginning():
    for ros in (NS, 500 * NS, -5 * NS):
        clock = StreamClock(ClockConfig())
        assert clock.advance(Now(100 * NS, ros)) is None
        assert clock.advance(Now(100 * NS + NS // 100, ros + NS // 100)) is None


def test_a_clock_that_trembles_on_the_spot_is_a_stall_of_the_clock():
    clocks = Clocks(simulated=True)
    faults = [clocks.step(rate=0.0, jump_s=1e-6 * (k % 2)) for k in range(40)]
    fault = next(fault for fault in faults if fault is not None)
    assert (fault.decision, fault.rule, fault.reason) == (Decision.HOLD, "clock", "clock_stalled")
