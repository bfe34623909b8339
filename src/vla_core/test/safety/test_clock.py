"""The stream's time line, and the guard over the ROS clock."""

from __future__ import annotations

import pytest

from vla_core.safety.clock import ClockConfig, Now, StreamClock
from vla_core.safety.decision import Decision

NS = 1_000_000_000


class Clocks:
    def __init__(self, **config):
        self.clock = StreamClock(ClockConfig(**config))
        self.steady, self.ros = NS, 50 * NS
        self.step(0.0)

    def step(self, steady_s=0.01, rate=1.0, jump_s=0.0):
        self.steady += round(steady_s * NS)
        self.ros += round(steady_s * rate * NS) + round(jump_s * NS)
        return self.clock.advance(Now(self.steady, self.ros))

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
