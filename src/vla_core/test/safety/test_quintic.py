"""Quintics against polynomials that are solved for, segment by segment."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.quintic import Box, extremes, segment_ends, state_at, states_at
from vla_core.safety.spline import cubic_spline_states, hermite_states

TIMES = np.array([1.0, 1.3, 2.1, 2.2])


def motion(seed=3, batch=()):
    return np.random.default_rng(seed).normal(size=(*batch, 4, 3, 2))


def polynomial(times, states, k):
    """Monomial coefficients (6, J) in time since knot k, and the duration, from a linear system of its own."""
    h = times[k + 1] - times[k]
    rows = []
    for t in (0.0, h):
        rows += [
            [t**n for n in range(6)],
            [n * t ** max(n - 1, 0) for n in range(6)],
            [n * (n - 1) * t ** max(n - 2, 0) for n in range(6)],
        ]
    return np.linalg.solve(np.array(rows), np.concatenate([states[k], states[k + 1]])), h


def derivative(coefficients, order, t):
    for _ in range(order):
        coefficients = coefficients[1:] * np.arange(1, len(coefficients))[:, None]
    return (t[:, None] ** np.arange(len(coefficients))) @ coefficients


def test_states_inside_a_segment_are_those_of_the_polynomial_through_its_ends():
    states = motion()
    ends = segment_ends(TIMES, states)
    for k in range(3):
        coefficients, h = polynomial(TIMES, states, k)
        u = np.array([0.0, 0.1, 0.35, 0.8, 1.0])
        expected = np.stack([derivative(coefficients, order, u * h) for order in range(3)], axis=1)
        np.testing.assert_allclose(states_at(ends[[k] * 5], np.full(5, h), u), expected, atol=1e-8, rtol=1e-9)
        np.testing.assert_allclose([state_at(ends[k], h, float(x)) for x in u], expected, atol=1e-8, rtol=1e-9)


@pytest.mark.parametrize(("fine", "loose"), [(True, 1.15), (False, 8.0)])
def test_bounds_of_every_segment_hold_its_own_polynomial_and_little_more(fine, loose):
    states = motion()
    bounds = extremes(TIMES, states, fine)
    assert bounds.lower.shape == (3, 2)
    for k in range(3):
        coefficients, h = polynomial(TIMES, states, k)
        t = np.linspace(0.0, h, 4001)
        place = derivative(coefficients, 0, t)
        assert (bounds.lower[k] <= place.min(axis=0) + 1e-9).all() and (
            bounds.upper[k] >= place.max(axis=0) - 1e-9
        ).all()
        room = np.ptp(place, axis=0) * (loose - 1.0)
        assert (bounds.lower[k] > place.min(axis=0) - room).all() and (bounds.upper[k] < place.max(axis=0) + room).all()
        for order in (1, 2, 3):
            peak = np.abs(derivative(coefficients, order, t)).max(axis=0)
            assert (bounds.magnitude(order)[k] >= peak * (1 - 1e-9)).all()
            assert (bounds.magnitude(order)[k] <= peak * loose).all()


def test_fine_bounds_are_tighter_and_both_take_batches():
    states = motion(batch=(5,))
    times = np.tile(TIMES, (5, 1)) * np.array([1.0, 0.5, 2.0, 1.0, 3.0])[:, None]
    fine, coarse = (extremes(times, states, how) for how in (True, False))
    for index in range(5):
        one = extremes(times[index], states[index], False)
        for name in ("lower", "upper", "velocity", "acceleration", "jerk"):
            np.testing.assert_allclose(getattr(coarse, name)[index], getattr(one, name), rtol=1e-12)
    assert (fine.velocity < coarse.velocity).any() and (fine.velocity <= coarse.velocity * (1 + 1e-12)).all()
    assert (fine.lower >= coarse.lower - 1e-12).all() and (fine.upper <= coarse.upper + 1e-12).all()
    np.testing.assert_array_equal(extremes(times, states).velocity, fine.velocity)


def test_pieces_are_eight_and_meet_the_curve_at_their_ends():
    """A degree elevated curve is exact where pieces begin: bounds of a parabola's pieces are known."""
    states = np.zeros((2, 3, 1))
    states[1, :, 0] = [1.0, 2.0, 2.0]  # t**2
    states[0, 2, 0] = 2.0
    bounds = extremes(np.array([0.0, 1.0]), states)
    np.testing.assert_allclose([bounds.lower[0, 0], bounds.upper[0, 0]], [0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(bounds.velocity[0, 0], 2.0, atol=1e-12)
    np.testing.assert_allclose(bounds.acceleration[0, 0], 2.0, atol=1e-12)
    np.testing.assert_allclose(bounds.jerk[0, 0], 0.0, atol=1e-9)
    # a hump 4 t (1 - t): control points overshoot its top by the second difference of one of eight pieces
    states[:, :, 0] = [[0.0, 4.0, -8.0], [0.0, -4.0, -8.0]]
    assert extremes(np.array([0.0, 1.0]), states).upper[0, 0] == pytest.approx(1.0, abs=0.02)
    assert extremes(np.array([0.0, 1.0]), states, fine=False).upper[0, 0] == pytest.approx(1.2)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("joint", range(2))
@pytest.mark.parametrize("h", [0.5, 2.0])
def test_a_box_is_left_on_either_side_of_each_limit_of_each_joint(sign, order, joint, h):
    times = np.array([0.0, h])
    states = np.zeros((2, 3, 2))
    states[1, 0, joint] = sign
    bounds = extremes(times, states, fine=False)
    peaks = [1.0, bounds.velocity[0, joint], bounds.acceleration[0, joint], bounds.jerk[0, joint]]
    for factor, inside in ((1.001, True), (0.999, False)):
        limits = np.full((4, 2), 1e6)
        limits[order, joint] = factor * peaks[order]
        box = Box.of(-limits[0], limits[0], *limits[1:])
        assert box.holds(segment_ends(times, states)[0], h) is inside


def test_at_rest_on_a_limit_is_inside():
    one = np.ones(2)
    states = np.zeros((2, 3, 2))
    states[:, 0] = [-1.0, 1.0]
    assert Box.of(-one, one, one, one, one).holds(segment_ends(np.array([0.0, 0.5]), states)[0], 0.5) is True


def second_derivatives(times, positions, velocities):
    """At the start and the end of each cubic piece, from linear systems: (M-1, J) each."""
    starts, ends = [], []
    for k in range(len(times) - 1):
        h = times[k + 1] - times[k]
        system = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, h, h**2, h**3], [0, 1, 2 * h, 3 * h**2]])
        c = np.linalg.solve(system, np.stack([positions[k], velocities[k], positions[k + 1], velocities[k + 1]]))
        starts.append(2 * c[2])
        ends.append(2 * c[2] + 6 * c[3] * h)
    return np.array(starts), np.array(ends)


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_the_spline_has_no_jump_of_acceleration_anywhere(count):
    rng = np.random.default_rng(count)
    times, positions = np.cumsum(rng.uniform(0.05, 0.9, count)), rng.normal(size=(count, 2))
    states = cubic_spline_states(times, positions, np.array([0.3, -0.7]))
    np.testing.assert_array_equal(states[:, 0], positions)
    np.testing.assert_array_equal(states[0, 1], [0.3, -0.7])
    np.testing.assert_array_equal(states[-1, 1:], 0.0)
    starts, ends = second_derivatives(times, positions, states[:, 1])
    np.testing.assert_allclose(ends[:-1], starts[1:], atol=1e-9)
    np.testing.assert_allclose(states[:-1, 2], starts, atol=1e-9)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_hermite_accelerations_are_the_mean_of_left_and_right(count):
    rng = np.random.default_rng(count)
    times = np.cumsum(rng.uniform(0.05, 0.9, count))
    positions, velocities = rng.normal(size=(2, count, 2))
    states = hermite_states(times, positions, velocities)
    np.testing.assert_array_equal(states[:, :2], np.stack([positions, velocities], axis=1))
    starts, ends = second_derivatives(times, positions, velocities)
    np.testing.assert_allclose(states[0, 2], starts[0], atol=1e-9)
    np.testing.assert_allclose(states[1:-1, 2], (ends[:-1] + starts[1:]) / 2, atol=1e-9)
    np.testing.assert_array_equal(states[-1, 2], 0.0)
