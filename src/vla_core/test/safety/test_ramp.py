"""Jerk-limited velocity ramps: inside their limits, exact, and as fast as an independent implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruckig import ControlInterface, InputParameter, Result, Ruckig, Trajectory

from vla_core.safety.ramp import Ramp, within

SPEED = 0.5
RAMPS = st.builds(Ramp, st.floats(0.2, 5.0), st.floats(1.0, 200.0))


def run(ramp, velocity, acceleration, target, dt, longest_s=20.0):
    """(N, 2) velocity and acceleration until rest at the target."""
    states = [(velocity, acceleration)]
    while states[-1] != (target, 0.0):
        states.append(ramp.follow(*states[-1], target, dt))
        assert len(states) * dt < longest_s, "never gets there"
    return np.array(states)


def time_of_ruckig(ramp, velocity, acceleration, target):
    wanted = InputParameter(1)
    wanted.control_interface = ControlInterface.Velocity
    wanted.current_position, wanted.target_acceleration = [0.0], [0.0]
    wanted.current_velocity, wanted.current_acceleration = [velocity], [acceleration]
    wanted.target_velocity = [target]
    wanted.max_acceleration, wanted.max_jerk = [ramp.acceleration], [ramp.jerk]
    trajectory = Trajectory(1)
    assert Ruckig(1).calculate(wanted, trajectory) == Result.Working
    return trajectory.duration


@given(RAMPS, st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_it_is_as_fast_as_it_can_be(ramp, velocity, share, target):
    acceleration = 0.999 * share * ramp.acceleration
    fastest = time_of_ruckig(ramp, velocity, acceleration, target)
    assert ramp.follow(velocity, acceleration, target, fastest + 1e-6) == (target, 0.0)
    if fastest > 0.01:
        assert ramp.follow(velocity, acceleration, target, 0.99 * fastest) != (target, 0.0)


@given(RAMPS, st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.sampled_from([0.002, 0.01, 0.033]))
def test_steps_keep_the_limits_and_add_up(ramp, velocity, share, target, dt):
    acceleration = share * ramp.acceleration
    states = run(ramp, velocity, acceleration, target, dt)
    assert np.abs(states[:, 1]).max() <= ramp.acceleration * (1.0 + 1e-9)
    assert np.abs(np.diff(states[:, 1])).max(initial=0.0) <= ramp.jerk * dt * (1.0 + 1e-6) + 1e-9
    # the velocity is the integral of the acceleration, to the order of the steps
    mean = 0.5 * (states[1:, 1] + states[:-1, 1]) * dt
    np.testing.assert_allclose(np.diff(states[:, 0]), mean, atol=0.3 * ramp.jerk * dt * dt + 1e-9)
    assert (len(states) - 1) * dt <= time_of_ruckig(ramp, velocity, 0.9999 * acceleration, target) + 2 * dt + 1e-3


@given(RAMPS, st.lists(st.tuples(st.floats(-SPEED, SPEED), st.integers(1, 60)), min_size=1, max_size=12))
def test_a_stop_from_anything_it_was_asked_is_as_short_as_said(ramp, targets):
    velocity = acceleration = 0.0
    for target, steps in targets:
        for _ in range(steps):
            velocity, acceleration = ramp.follow(velocity, acceleration, target, 0.01)
            assert abs(velocity) <= SPEED + 1e-9
    stop = run(ramp, velocity, acceleration, 0.0, 0.01)
    assert (len(stop) - 1) * 0.01 <= ramp.longest_stop(SPEED) + 0.01 + 1e-9


def test_numbers():
    ramp = Ramp(2.0, 40.0)
    assert ramp.longest_stop(0.5) == pytest.approx(0.25 + 0.05 + 0.05)
    assert ramp.longest_stop(0.05) == pytest.approx(2.0 * math.sqrt(0.05 / 40.0) + 0.05)
    assert ramp.fastest(0.35) == pytest.approx(0.5)
    assert ramp.fastest(-1.0) == 0.0
    assert ramp.follow(0.3, 0.0, 0.3, 0.01) == (0.3, 0.0)


@pytest.mark.parametrize(
    ("acceleration", "jerk", "speed", "stop_s"),
    [
        (2.0, 40.0, 0.5, 0.05 + 0.5 / 2.0 + 0.05),
        (2.0, 8.0, 0.5, 0.25 + 0.5 / 2.0 + 0.25),  # the speed at which a stop just reaches the acceleration
        (2.0, 4.0, 0.125, math.sqrt(2.0 * 0.125 / 4.0) + 2.0 * math.sqrt(0.125 / 4.0)),
        (2.0, 4.0, 0.6, 0.5 + 2.0 * math.sqrt(0.6 / 4.0)),
        (0.5, 4.0, 2.0, 0.125 + 4.0 + 0.125),
        (3.0, 9.0, 0.8, 1 / 3 + 2.0 * math.sqrt(0.8 / 9.0)),
        (3.0, 9.0, 2.0, 1 / 3 + 2 / 3 + 1 / 3),
    ],
)
def test_the_longest_stop_first_takes_away_what_still_drives(acceleration, jerk, speed, stop_s):
    assert Ramp(acceleration, jerk).longest_stop(speed) == pytest.approx(stop_s)


@pytest.mark.parametrize("within_s", [0.2, 0.3, 0.5, 3.0])
def test_the_fastest_speed_just_stops_in_time(within_s):
    ramp = Ramp(2.0, 40.0)
    speed = ramp.fastest(within_s)
    assert ramp.longest_stop(speed) == pytest.approx(within_s, abs=1e-9)
    assert ramp.longest_stop(speed + 1e-6) > within_s


@pytest.mark.parametrize("within_s", [0.0, -1.0])
def test_in_no_time_nothing_stops(within_s):
    assert Ramp(2.0, 40.0).fastest(within_s) == 0.0


UNIT = st.floats(-1.0, 1.0)


@settings(max_examples=40, deadline=None)
@given(RAMPS, st.lists(st.tuples(UNIT, UNIT, UNIT, st.integers(1, 60)), min_size=1, max_size=12))
def test_axes_together_never_go_faster_than_allowed(ramp, wishes):
    """Whatever is asked of three axes, of which some brake while others gather speed."""
    velocity, acceleration = np.zeros(3), np.zeros(3)
    for *wish, ticks in wishes:
        target = np.array(wish) * SPEED / max(float(np.linalg.norm(wish)), 1.0)
        for _ in range(ticks):
            states = list(zip(velocity.tolist(), acceleration.tolist(), strict=True))
            heading = within(target.copy(), np.array([ramp.reach(*state) for state in states]), SPEED)
            steps = [ramp.follow(*state, to, 0.01) for state, to in zip(states, heading.tolist(), strict=True)]
            velocity, acceleration = (np.array(column) for column in zip(*steps, strict=True))
            assert np.linalg.norm(velocity) <= SPEED * (1.0 + 1e-9)
    for _ in range(3000):
        states = list(zip(velocity.tolist(), acceleration.tolist(), strict=True))
        heading = within(target.copy(), np.array([ramp.reach(*state) for state in states]), SPEED)
        steps = [ramp.follow(*state, to, 0.01) for state, to in zip(states, heading.tolist(), strict=True)]
        velocity, acceleration = (np.array(column) for column in zip(*steps, strict=True))
    assert velocity == pytest.approx(target, abs=1e-6), "it comes to what was asked"


@pytest.mark.parametrize(
    ("target", "reach", "heading"),
    [
        ([0.3, 0.4], [0.0, 0.0], [0.3, 0.4]),  # together just the limit
        ([0.0, 0.5], [0.3, 0.0], [0.0, 0.4]),  # the first axis still has to brake
        ([0.0, -0.5], [0.3, 0.1], [0.0, -0.4]),
        ([0.0, 0.5], [0.5, 0.0], [0.0, 0.0]),  # no room yet
        ([0.0, 0.5], [0.5, 0.2], [0.0, 0.2]),  # nor beyond what it comes to anyhow
        ([0.0, 0.1], [0.5, 0.2], [0.0, 0.1]),  # braking is always allowed
    ],
)
def test_what_axes_may_head_for(target, reach, heading):
    assert within(np.array(target), np.array(reach), 0.5) == pytest.approx(np.array(heading))


def test_where_a_driven_axis_comes_to():
    ramp = Ramp(2.0, 40.0)
    assert ramp.reach(0.3, 2.0) == pytest.approx(0.35)
    assert ramp.reach(0.3, -2.0) == 0.3
    assert ramp.reach(-0.3, -2.0) == pytest.approx(0.35)
    assert ramp.reach(0.01, -2.0) == pytest.approx(0.04), "past zero and on"
