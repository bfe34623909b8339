"""A proposal as a motion: every point is met with what it states, what it does not state is filled in."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.planning import DEVIATION, SPACING_S, plan_from, plan_of, thinned
from vla_core.safety.proposal import SOURCE_JOINT, Proposal, Trace
from vla_core.safety.spline import cubic_spline_states, hermite_states
from vla_core.safety.trajectory import Trajectory

TIMES = np.array([0.1, 0.3, 0.6])
POSITIONS = np.array([[0.1, 1.0], [0.4, 1.2], [0.2, 0.9]])
VELOCITIES = np.array([[0.5, -0.5], [0.2, 0.3], [0.1, 0.0]])
ACCELERATIONS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
REFERENCE = np.array([[0.05, 1.1], [0.3, -0.2], [0.7, 0.9]])


def proposal(velocities=None, accelerations=None, times=TIMES, positions=POSITIONS):
    return Proposal(Trace(SOURCE_JOINT), ("a", "b"), times, positions, velocities, accelerations)


def test_a_plan_states_what_it_was_given():
    plan = plan_of(proposal(VELOCITIES, ACCELERATIONS))
    np.testing.assert_array_equal(plan.times, TIMES)
    np.testing.assert_array_equal(plan.states, np.stack([POSITIONS, VELOCITIES, ACCELERATIONS], axis=1))


def test_accelerations_that_are_not_stated_come_from_the_hermite_cubics():
    np.testing.assert_array_equal(plan_of(proposal(VELOCITIES)).states, hermite_states(TIMES, POSITIONS, VELOCITIES))


def test_velocities_that_are_not_stated_come_from_the_spline_that_begins_along_the_first_points():
    slope = (POSITIONS[1] - POSITIONS[0]) / (TIMES[1] - TIMES[0])
    np.testing.assert_array_equal(plan_of(proposal()).states, cubic_spline_states(TIMES, POSITIONS, slope))


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_command_begins_with_the_reference_and_is_stretched(scale):
    motion = plan_from(proposal(VELOCITIES, ACCELERATIONS), TIMES, REFERENCE, scale, 7.0)
    np.testing.assert_allclose(motion.times, 7.0 + np.concatenate([[0.0], TIMES / scale]), atol=1e-12)
    np.testing.assert_array_equal(motion.states[0], REFERENCE)
    factors = np.array([1.0, scale, scale**2])[:, None]
    given = np.stack([POSITIONS, VELOCITIES, ACCELERATIONS], axis=1)
    np.testing.assert_allclose(motion.states[1:], given * factors, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_command_without_accelerations(scale):
    motion = plan_from(proposal(VELOCITIES), TIMES, REFERENCE, scale, 7.0)
    at = np.concatenate([[0.0], TIMES / scale])
    expected = hermite_states(
        at, np.concatenate([REFERENCE[:1], POSITIONS]), np.concatenate([REFERENCE[1:2], VELOCITIES * scale])
    )
    np.testing.assert_allclose(motion.states[1:], expected[1:], atol=1e-12)
    np.testing.assert_array_equal(motion.states[0], REFERENCE)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_command_of_positions_begins_with_the_speed_there_is(scale):
    motion = plan_from(proposal(), TIMES, REFERENCE, scale, 7.0)
    at = np.concatenate([[0.0], TIMES / scale])
    expected = cubic_spline_states(at, np.concatenate([REFERENCE[:1], POSITIONS]), REFERENCE[1])
    np.testing.assert_allclose(motion.states[1:], expected[1:], atol=1e-12)


@pytest.mark.parametrize(("first_s", "points"), [(-0.1, 3), (0.0, 3), (1e-3, 3), (1.1e-3, 4), (2e-3, 4)])
@pytest.mark.parametrize("stated", [0, 1, 2])
def test_a_point_due_at_once_is_left_out_with_all_it_states(first_s, points, stated):
    times = np.array([first_s, 0.3, 0.6])
    given = (VELOCITIES if stated else None, ACCELERATIONS if stated == 2 else None)
    motion = plan_from(proposal(*given, times=times), times, REFERENCE, 1.0, 0.0)
    assert len(motion.times) == points
    np.testing.assert_array_equal(motion.states[-2:, 0], POSITIONS[1:])


def test_a_single_point_rests_unless_it_says_otherwise():
    one = {"times": TIMES[:1], "positions": POSITIONS[:1]}
    np.testing.assert_array_equal(plan_of(proposal(**one)).states, [[POSITIONS[0], [0, 0], [0, 0]]])
    moving = plan_of(proposal(VELOCITIES[:1], **one))
    np.testing.assert_array_equal(moving.states, [[POSITIONS[0], VELOCITIES[0], [0, 0]]])


def ramp(times):
    """A motion that any of its knots describe."""
    times = np.asarray(times)
    return Trajectory(times, np.stack([times, np.ones_like(times), np.zeros_like(times)], axis=1)[:, :, None])


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([0.0, 0.02, 0.04, 0.06, 0.08, 0.1], [0.0, 0.04, 0.1]),  # 0.08 is too near the end
        ([0.0, 0.03, 0.06, 0.09, 0.12, 0.2], [0.0, 0.06, 0.12, 0.2]),
        ([0.0, SPACING_S - 0.5e-6, 0.2], [0.0, SPACING_S - 0.5e-6, 0.2]),
        ([0.0, SPACING_S - 1.5e-6, 0.2], [0.0, 0.2]),
        ([0.0, 0.2 - SPACING_S + 0.5e-6, 0.2], [0.0, 0.2 - SPACING_S + 0.5e-6, 0.2]),
        ([0.0, 0.2 - SPACING_S + 1.5e-6, 0.2], [0.0, 0.2]),
        ([5.0, 5.01, 5.02], [5.0, 5.02]),
        ([5.0, 5.01], [5.0, 5.01]),
        ([5.0], [5.0]),
    ],
)
def test_knots_keep_a_distance_and_the_ends_stay(times, kept):
    np.testing.assert_array_equal(thinned(ramp(times)).times, kept)


@pytest.mark.parametrize(("error", "thin"), [(0.9 * DEVIATION, True), (1.1 * DEVIATION, False)])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("joint", [0, 1])
def test_thinning_changes_no_joint_by_more_than_the_deviation(error, thin, sign, joint):
    states = np.zeros((3, 3, 2))
    states[1, 0, joint] = sign * error
    assert len(thinned(Trajectory(np.array([0.0, 0.02, 0.06]), states)).times) == (2 if thin else 3)
