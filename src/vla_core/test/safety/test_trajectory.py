"""A motion between knots: what is asked at, beside and beyond them."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.trajectory import RESOLUTION_S, Trajectory


@pytest.mark.parametrize("beside_s", [-1e-7, -1e-9, -1e-12, -1e-14, 0.0, 1e-14, 1e-12, 1e-9])
def test_a_part_that_begins_or_ends_beside_a_knot_can_be_moved_in_time(beside_s: float) -> None:
    times = np.arange(1, 9) * 0.1
    states = np.stack([0.1 * times**2, 0.2 * times, np.full(8, 0.2)], axis=1)[:, :, None]
    plan = Trajectory(times, states)
    for part in (plan.part(times[2] + beside_s, plan.end), plan.part(plan.start, times[5] - beside_s)):
        moved = part.retimed(part.start, 9946.333, 0.8)
        assert moved.durations.min() > 1e-3
        assert np.abs(moved.bounds.velocity).max() < 0.2


def wild(seed: int = 0, times: tuple[float, ...] = (0.0, 0.3, 0.7, 1.6, 2.0)) -> Trajectory:
    return Trajectory(np.array(times), np.random.default_rng(seed).normal(size=(len(times), 3, 2)))


@pytest.mark.parametrize(
    ("times", "shape"),
    [
        (np.zeros((1, 1)), (1, 3, 2)),
        (np.zeros(1), (1, 3)),
        (np.zeros(1), (1, 3, 2, 1)),
        (np.zeros(1), (2, 3, 2)),
        (np.array([0.0, 1.0]), (2, 2, 2)),
        (np.zeros(0), (0, 3, 2)),
        (np.array([0.0, 1.0, 1.0]), (3, 3, 2)),
        (np.array([0.0, 1.0, 0.5]), (3, 3, 2)),
        (np.array([0.0, np.nan, 2.0]), (3, 3, 2)),
    ],
)
def test_shapes_that_do_not_fit_and_times_that_do_not_rise_are_refused(times, shape) -> None:
    with pytest.raises(ValueError, match="times"):
        Trajectory(times, np.zeros(shape))


def test_its_arrays_cannot_be_written() -> None:
    motion = wild()
    single = Trajectory.at_rest(0.0, np.ones(2))
    for array in (motion.times, motion.states, single.sample(np.zeros(3))):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


@pytest.mark.parametrize("seed", range(5))
def test_the_first_and_the_last_knot_are_met_to_the_last_digit(seed: int) -> None:
    motion = wild(seed)
    np.testing.assert_array_equal(motion.state(motion.start), motion.states[0])
    np.testing.assert_array_equal(motion.state(motion.start - 1.0), motion.states[0])
    np.testing.assert_array_equal(motion.state(motion.end), motion.states[-1])
    beyond = motion.state(np.nextafter(motion.end, 9.0))
    np.testing.assert_array_equal(beyond, [motion.states[-1, 0], [0, 0], [0, 0]])
    single = Trajectory(np.array([1.0]), motion.states[:1])
    np.testing.assert_array_equal(single.state(1.0), motion.states[0])
    np.testing.assert_array_equal(single.state(1.5), [motion.states[0, 0], [0, 0], [0, 0]])


def test_samples_are_states() -> None:
    motion = wild()
    times = np.linspace(0.0, 2.0, 41)
    np.testing.assert_allclose(motion.sample(times), [motion.state(float(t)) for t in times], atol=1e-9)
    assert motion.joints == 2 and motion.durations.tolist() == pytest.approx([0.3, 0.4, 0.9, 0.4])


@pytest.mark.parametrize(("row", "rests"), [(0, True), (1, False), (2, False)])
def test_it_ends_at_rest_when_speed_and_acceleration_are_zero(row: int, rests: bool) -> None:
    states = np.zeros((2, 3, 2))
    states[0] = 1.0
    states[1, row, 1] = 0.5
    assert Trajectory(np.array([0.0, 1.0]), states).ends_at_rest is rests


@pytest.mark.parametrize(
    ("start", "end", "gap", "times"),
    [
        (0.1, 1.9, 0.0, [0.1, 0.3, 0.7, 1.6, 1.9]),
        (0.1, 1.9, 0.25, [0.1, 0.7, 1.6, 1.9]),
        (0.1, 1.9, 0.35, [0.1, 0.7, 1.9]),
        (0.3, 1.6, 0.0, [0.3, 0.7, 1.6]),
        (-0.5, 2.5, 0.0, [-0.5, 0.0, 0.3, 0.7, 1.6, 2.0, 2.5]),
        (0.5, 0.5, 0.0, [0.5]),
        (0.5, 0.4, 0.0, [0.5]),
        (0.0, RESOLUTION_S, 0.0, [0.0, RESOLUTION_S]),
        (0.0, 0.99 * RESOLUTION_S, 0.0, [0.0]),
    ],
)
def test_a_part_has_knots_at_its_ends_and_drops_what_is_nearer_than_the_gap(start, end, gap, times) -> None:
    motion = wild()
    part = motion.part(start, end, gap)
    np.testing.assert_array_equal(part.times, times)
    np.testing.assert_allclose(part.states, [motion.state(t) for t in times], atol=1e-12)


@pytest.mark.parametrize(("knot", "kept"), [(0.24, False), (0.25, False), (0.26, True), (0.74, True), (0.75, False)])
def test_a_knot_at_the_gap_itself_is_dropped(knot: float, kept: bool) -> None:
    part = wild(times=(0.0, knot, 1.0)).part(0.0, 1.0, 0.25)
    assert (len(part.times) == 3) is kept


@pytest.mark.parametrize(
    ("begins", "kept"),
    [(0.7, [0.0, 0.3]), (0.5, [0.0, 0.3]), (0.3 + 2e-6, [0.0, 0.3]), (0.3 + 0.9e-6, [0.0]), (0.0, [])],
)
def test_what_follows_replaces_everything_from_its_beginning_on(begins: float, kept: list[float]) -> None:
    motion, other = wild(), wild(1, (begins, begins + 1.0))
    joined = motion.then(other)
    np.testing.assert_array_equal(joined.times, [*kept, begins, begins + 1.0])
    np.testing.assert_array_equal(joined.states, np.concatenate([motion.states[: len(kept)], other.states]))


def test_a_knot_at_the_resolution_itself_is_replaced() -> None:
    assert wild().then(wild(1, (RESOLUTION_S, 1.0))).times.tolist() == [RESOLUTION_S, 1.0]


def test_retiming_scales_speed_once_and_acceleration_twice() -> None:
    motion = wild()
    moved = motion.retimed(0.3, 100.0, 0.5)
    np.testing.assert_allclose(moved.times, [99.4, 100.0, 100.8, 102.6, 103.4], atol=1e-12)
    np.testing.assert_allclose(moved.states, motion.states * np.array([1.0, 0.5, 0.25])[:, None], atol=1e-12)
