"""Quintics, braking, splines: properties against dense sampling."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.errors import LimitsError
from vla_core.limits import JointLimits
from vla_core.safety.braking import Brake
from vla_core.safety.quintic import Box, extremes, segment_ends
from vla_core.safety.spline import cubic_spline_states, hermite_states
from vla_core.safety.trajectory import Trajectory

FINITE = st.floats(-3.0, 3.0, allow_nan=False)
STATES = st.lists(FINITE, min_size=18, max_size=18).map(lambda v: np.array(v).reshape(2, 3, 3))


def limits3():
    one = np.ones(3)
    return JointLimits(("a", "b", "c"), ("rad",) * 3, -2 * one, 2 * one, 2 * one, 8 * one, 4000 * one, 10 * one)


@settings(max_examples=60, deadline=None)
@given(STATES, st.floats(0.02, 2.0))
def test_bounds_never_underestimate_and_barely_overestimate(states, h):
    motion = Trajectory(np.array([1.0, 1.0 + h]), states)
    sampled = motion.sample(np.linspace(1.0, 1.0 + h, 2001))
    curves = [sampled[:, 0], sampled[:, 1], sampled[:, 2]]
    jerk = np.abs(np.diff(sampled[:, 2], axis=0)).max(axis=0) / (h / 2000)
    for fine in (True, False):
        bounds = extremes(motion.times, motion.states, fine)
        assert (bounds.upper[0] >= curves[0].max(axis=0) - 1e-9).all()
        assert (bounds.lower[0] <= curves[0].min(axis=0) + 1e-9).all()
        for order, curve in enumerate(curves[1:], 1):
            assert (bounds.magnitude(order)[0] >= np.abs(curve).max(axis=0) * (1 - 1e-9) - 1e-9).all()  # of rounding
        assert (bounds.jerk[0] >= jerk * (1 - 1e-6)).all()
    tight = extremes(motion.times, motion.states)
    scale = np.abs(states).max() * max(1.0, 1.0 / h) * 4 + 1e-3
    assert (tight.velocity[0] <= np.abs(curves[1]).max(axis=0) + 0.1 * scale).all()


@settings(max_examples=60, deadline=None)
@given(STATES, st.floats(0.05, 2.0))
def test_the_short_check_agrees_with_the_bounds(states, h):
    one = np.ones(3)
    times = np.array([0.0, h])
    box = Box.of(-4 * one, 4 * one, 6 * one, 60 * one, 900 * one)
    bounds = extremes(times, states, fine=False)
    inside = (
        (bounds.lower >= -4).all() and (bounds.upper <= 4).all() and (bounds.velocity <= 6).all()
        and (bounds.acceleration <= 60).all() and (bounds.jerk <= 900).all()
    )  # fmt: skip
    assert box.holds(segment_ends(times, states)[0], h) == inside


def test_a_value_that_is_not_finite_is_never_inside():
    one = np.ones(3)
    states = np.zeros((2, 3, 3))
    states[1, 0, 1] = np.nan
    assert not Box.of(-one, one, one, one, one).holds(segment_ends(np.array([0.0, 1.0]), states)[0], 1.0)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.floats(-1.9, 1.9), min_size=3, max_size=3),
    st.lists(st.floats(-7.0, 7.0), min_size=3, max_size=3),
    st.sampled_from([0, 1]),
)
def test_a_stop_ends_at_rest_inside_its_limits_and_its_time(velocity, acceleration, ramp_index):
    limits = limits3()
    brake = Brake(limits)
    ramp = brake.ramps[min(ramp_index, len(brake.ramps) - 1)]
    state = np.array([[np.zeros(3), velocity, acceleration]])
    times, knots = brake.tails(np.array([5.0]), state, ramp)
    tail = Trajectory(times[0], knots[0])
    assert tail.ends_at_rest and tail.start == 5.0
    np.testing.assert_array_equal(tail.states[0], state[0])
    assert (tail.bounds.acceleration <= limits.acceleration * (1 + 1e-6)).all()
    assert (tail.bounds.jerk <= limits.jerk).all()
    assert tail.end - tail.start <= brake.longest()[0] + ramp + 2e-3
    # what the knots say is what their quintics do: the joint's speed is the slope of its position
    sampled = tail.sample(np.linspace(tail.start, tail.end, 400))
    slope = np.gradient(sampled[:, 0], (tail.end - tail.start) / 399, axis=0)
    np.testing.assert_allclose(slope[2:-2], sampled[2:-2, 1], atol=0.05)


def test_the_promise_is_checked_with_its_arithmetic():
    brake = Brake(limits3())
    longest, joint = brake.longest()
    assert joint == "a"
    assert brake.require(longest + 0.01, 0.01) == pytest.approx(longest + 0.01)
    with pytest.raises(LimitsError, match=r"lower its max_velocity to 1\.\d+, or promise 0\.3"):
        brake.require(0.2, 0.01)


def test_the_named_speed_would_keep_the_promise():
    limits = limits3()
    with pytest.raises(LimitsError) as error:
        Brake(limits).require(0.2, 0.01)
    allowed = float(str(error.value).split("max_velocity to ")[1].split(",")[0])
    slower = limits.tightened({name: {"max_velocity": allowed - 1e-3} for name in limits.joint_names})
    assert Brake(slower).require(0.2, 0.01) <= 0.2


def test_a_low_jerk_limit_makes_the_ramp_longer():
    one = np.ones(1)
    limits = JointLimits(("a",), ("rad",), -one, one, one, 8 * one, 100 * one, one)
    (ramp,) = Brake(limits).ramps
    assert ramp == pytest.approx(16 / 100)


def test_a_cubic_spline_is_smooth_and_rests_at_its_end():
    times = np.array([0.0, 0.5, 1.0, 2.0])
    positions = np.array([[0.0], [0.4], [0.2], [1.0]])
    states = cubic_spline_states(times, positions, np.array([0.3]))
    assert states[0, 1, 0] == pytest.approx(0.3)
    assert not states[-1, 1:].any()
    motion = Trajectory(times, states)
    for knot in (0.5, 1.0):
        before, after = motion.state(knot - 1e-7), motion.state(knot + 1e-7)
        np.testing.assert_allclose(before, after, atol=1e-4)


def test_a_spline_of_many_points_needs_no_square_matrix():
    times = np.linspace(0.0, 20.0, 2000)
    positions = np.sin(times)[:, None]
    tracemalloc.start()
    try:
        states = cubic_spline_states(times, positions, np.ones(1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(states[:1900, 1, 0], np.cos(times)[:1900], atol=1e-5)
    assert peak < 50 * positions.nbytes


def test_a_straight_line_has_no_acceleration():
    times = np.array([0.0, 1.0, 2.0])
    states = hermite_states(times, np.array([[0.0], [1.0], [2.0]]), np.ones((3, 1)))
    np.testing.assert_allclose(states[:, 2], 0.0, atol=1e-12)


class TestTrajectory:
    def motion(self):
        rng = np.random.default_rng(1)
        return Trajectory(np.array([1.0, 1.4, 2.0]), rng.normal(size=(3, 3, 2)))

    def test_knots_are_met_and_the_ends_extended(self):
        motion = self.motion()
        for time, state in zip(motion.times, motion.states, strict=True):
            np.testing.assert_allclose(motion.state(float(time)), state, atol=1e-12)
        np.testing.assert_array_equal(motion.state(0.0), motion.states[0])
        np.testing.assert_array_equal(motion.state(9.0)[0], motion.states[-1, 0])
        assert not motion.state(9.0)[1:].any()

    def test_sampling_is_evaluating(self):
        motion = self.motion()
        times = np.linspace(1.0, 2.0, 17)
        np.testing.assert_allclose(motion.sample(times), [motion.state(float(t)) for t in times], atol=1e-12)
        still = Trajectory.at_rest(0.0, np.ones(2))
        assert still.sample(times).shape == (17, 3, 2) and still.joints == 2

    def test_a_part_is_the_same_motion(self):
        motion = self.motion()
        part = motion.part(1.1, 1.9)
        for t in np.linspace(1.1, 1.9, 9):
            np.testing.assert_allclose(part.state(float(t)), motion.state(float(t)), atol=1e-9)
        assert len(motion.part(1.5, 1.5).times) == 1

    def test_retiming_keeps_the_path(self):
        motion = self.motion()
        slow = motion.retimed(1.0, 10.0, 0.5)
        assert (slow.start, slow.end) == (10.0, 12.0)
        np.testing.assert_allclose(slow.state(11.0)[0], motion.state(1.5)[0], atol=1e-12)
        np.testing.assert_allclose(slow.state(11.0)[1], 0.5 * motion.state(1.5)[1], atol=1e-12)
        np.testing.assert_allclose(slow.state(11.0)[2], 0.25 * motion.state(1.5)[2], atol=1e-12)

    @pytest.mark.parametrize(
        ("times", "shape"), [([1.0, 1.0], (2, 3, 2)), ([1.0], (2, 3, 2)), ([], (0, 3, 2)), ([1.0], (1, 2, 2))]
    )
    def test_what_is_no_trajectory_is_refused(self, times, shape):
        with pytest.raises(ValueError, match="times"):
            Trajectory(np.array(times), np.zeros(shape))
