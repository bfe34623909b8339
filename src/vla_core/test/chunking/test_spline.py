from __future__ import annotations

import numpy as np
import pytest

from vla_core.chunking.spline import JointState, Motion, at_knots, controls_at

KNOT_NS = 20_000_000
H = 0.02
RNG = np.random.default_rng(3)


def motion(count: int = 12) -> Motion:
    return Motion(KNOT_NS, 100, RNG.standard_normal((count, 2)))


def test_controls_at_a_state_give_that_state() -> None:
    state = JointState(*RNG.standard_normal((3, 4)))
    knots = at_knots(controls_at(state, H), H)
    np.testing.assert_allclose(knots.positions[0], state.positions, atol=1e-12)
    np.testing.assert_allclose(knots.velocities[0], state.velocities, atol=1e-10)
    np.testing.assert_allclose(knots.accelerations[0], state.accelerations, atol=1e-8)


def test_velocity_and_acceleration_are_the_derivatives_of_position() -> None:
    curve, step_ns = motion(), 2_000
    for at_ns in range(102 * KNOT_NS + 333_333, 108 * KNOT_NS, 7_777_777):
        before, here, after = (curve.state(at_ns + shift) for shift in (-step_ns, 0, step_ns))
        span = 2 * step_ns * 1e-9
        np.testing.assert_allclose((after.positions - before.positions) / span, here.velocities, rtol=1e-4, atol=1e-3)
        slope = (after.velocities - before.velocities) / span
        np.testing.assert_allclose(slope, here.accelerations, rtol=1e-3, atol=1.0)


def test_pieces_join_with_acceleration() -> None:
    curve = motion()
    for knot in range(99, 114):
        before, after = curve.state(knot * KNOT_NS - 1), curve.state(knot * KNOT_NS)
        np.testing.assert_allclose(before.positions, after.positions, atol=1e-5)
        np.testing.assert_allclose(before.accelerations, after.accelerations, atol=0.1)


def test_keeping_three_control_points_keeps_the_state() -> None:
    curve = motion()
    knot = 105
    new = np.concatenate([curve.window(knot - 1, 3), RNG.standard_normal((6, 2))])
    joined = curve.spliced(knot, new, keep=102)
    for at_ns in range(102 * KNOT_NS, knot * KNOT_NS + 1, 3_000_000):
        np.testing.assert_array_equal(joined.state(at_ns).positions, curve.state(at_ns).positions)
    here, was = joined.state(knot * KNOT_NS), curve.state(knot * KNOT_NS)
    np.testing.assert_array_equal(here.velocities, was.velocities)
    np.testing.assert_array_equal(here.accelerations, was.accelerations)
    assert joined.first == 101


def test_a_splice_after_the_end_is_reached_by_holding() -> None:
    rest = Motion.resting(np.array([1.0, 2.0]), 100, KNOT_NS)
    joined = rest.spliced(150, np.tile([1.0, 2.0], (5, 1)), keep=120)
    np.testing.assert_array_equal(joined.state(140 * KNOT_NS).positions, [1.0, 2.0])
    assert joined.last_knot == 152


def test_it_rests_before_and_after() -> None:
    rest = Motion.resting(np.array([1.0, 2.0]), 100, KNOT_NS)
    for at_ns in (0, 100 * KNOT_NS, 10_000 * KNOT_NS):
        state = rest.state(at_ns)
        np.testing.assert_array_equal(state.positions, [1.0, 2.0])
        assert not state.velocities.any()


def test_control_points_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Motion.resting(np.zeros(2), 0, KNOT_NS).controls[0] = 1.0
