from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.chunking.envelope import Envelope
from vla_core.chunking.following import brake, follow, slowed
from vla_core.chunking.smoothing import LENGTH_STEP, MIN_LENGTH, padded_length, smoothing_bank
from vla_core.chunking.spline import JointState, at_knots, controls_at
from vla_core.limits import JointLimits
from vla_core.types import FloatArray

H = 0.02
LIMITS = JointLimits(
    ("a", "b"), ("rad", "rad"),
    *(np.array(v) for v in ([-2.0, -np.inf], [2.0, np.inf], [2.0, 1.0], [8.0, 4.0], [4000.0, 60.0], [1.0, 1.0])),
)  # fmt: skip
ENVELOPE = Envelope(LIMITS, H, 0.95, 0.01)
N = 48
BANK = smoothing_bank(N, (2.5, 5.0, 10.0))


def hold(position: FloatArray) -> FloatArray:
    return np.tile(position, (N + 3, 1))


@pytest.mark.parametrize("ratio", [2.0, 5.0, 20.0])
def test_a_resting_reference_is_kept_and_the_start_is_met(ratio: float) -> None:
    matrix = smoothing_bank(N, (ratio,))[0]
    given_ = np.full((N + 3, 1), 1.5)
    np.testing.assert_allclose(matrix @ given_, 1.5, atol=1e-6)
    given_[:3, 0] = [1.0, 1.1, 1.25]
    np.testing.assert_allclose((matrix @ given_)[:3], given_[:3], atol=1e-9)
    ends = (matrix @ given_)[-3:, 0]
    assert np.ptp(ends) == pytest.approx(0.0, abs=1e-9)


def test_the_smoothing_spline_minimizes_its_cost() -> None:
    rng = np.random.default_rng(0)
    ratio = 4.0
    given_ = rng.standard_normal((N + 3, 1))

    def cost(controls: FloatArray) -> float:
        missed = at_knots(controls, 1.0).positions[1:] - given_[3:]
        return float((missed**2).sum() + ratio**6 * (np.diff(controls, 3, axis=0) ** 2).sum())

    best = smoothing_bank(N, (ratio,))[0] @ given_
    for _ in range(20):
        other = rng.standard_normal((N + 3, 1)) * 1e-2
        other[:3] = 0.0
        other[-2:] = other[-3]
        assert cost(best) < cost(best + other)


def test_a_slow_wave_is_neither_delayed_nor_flattened() -> None:
    times_s = np.arange(1, N + 1) * H
    reference = np.sin(5.0 * times_s)[:, None]
    start = controls_at(JointState(np.zeros(1), np.array([5.0]), np.zeros(1)), H)
    controls = smoothing_bank(N, (2.5,))[0] @ np.concatenate([start, reference])
    inner = slice(5, N - 15)
    np.testing.assert_allclose(at_knots(controls, H).positions[1:][inner], reference[inner], atol=0.01)


@pytest.mark.parametrize(("intervals", "padded"), [(0, MIN_LENGTH), (MIN_LENGTH + 1, MIN_LENGTH + LENGTH_STEP)])
def test_lengths_are_padded(intervals: int, padded: int) -> None:
    assert padded_length(intervals) == padded


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 3.0))
def test_what_follows_is_admissible_whatever_the_reference(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    anchor = hold(rng.uniform(-1.9, 1.9, 2))
    for _ in range(3):
        reference = np.cumsum(rng.standard_normal((N, 2)), axis=0) * size / 10
        controls = follow(reference, anchor, BANK, ENVELOPE)
        assert ENVELOPE.admits(controls)
        np.testing.assert_array_equal(controls[:3], anchor[:3])
        np.testing.assert_array_equal(controls[-3:], np.tile(controls[-1], (3, 1)))
        shift = int(rng.integers(1, 20))
        anchor = np.concatenate([controls[shift:], np.tile(controls[-1], (shift, 1))])


def test_an_envelope_bounds_the_motion_between_knots() -> None:
    rng = np.random.default_rng(1)
    controls = follow(np.cumsum(rng.standard_normal((N, 2)), axis=0) * 0.1, hold(np.zeros(2)), BANK, ENVELOPE)
    knots = at_knots(controls, H)
    fine = np.linspace(0.0, H, 9)[:, None, None]
    jerk = np.diff(knots.accelerations, axis=0) / H
    velocity = knots.velocities[:-1] + fine * (knots.accelerations[:-1] + fine * jerk / 2)
    assert (np.abs(velocity) <= 0.95 * LIMITS.velocity + 1e-9).all()
    assert (np.abs(knots.accelerations) <= 0.95 * LIMITS.acceleration + 1e-9).all()
    assert (np.abs(jerk) <= 0.95 * LIMITS.jerk + 1e-6).all()


def test_the_share_is_the_largest_admissible() -> None:
    anchor = hold(np.zeros(2))
    wish = anchor.copy()
    wish[10:, 0] = 1.0  # a step: far beyond every limit
    share = ENVELOPE.share(anchor, wish[None])[0]
    assert share[1] == 1.0
    assert ENVELOPE.admits(anchor + share * (wish - anchor))
    assert not ENVELOPE.admits(anchor + 1.01 * share * (wish - anchor))


def test_an_anchor_outside_goes_no_further_out() -> None:
    anchor = hold(np.array([2.5, 0.0]))
    wish = anchor.copy()
    wish[3:, 0] += np.linspace(0.0, 0.1, N)
    assert ENVELOPE.share(anchor, wish[None])[0, 0] == 0.0
    wish = anchor.copy()
    wish[3:, 0] -= 1e-6 * np.linspace(0.0, 1.0, N) ** 3
    assert ENVELOPE.share(anchor, wish[None])[0, 0] == 1.0


def test_braking_stops_soon_and_inside_the_limits() -> None:
    state = JointState(np.zeros(2), np.array([1.5, -0.5]), np.zeros(2))
    controls = brake(controls_at(state, H), ENVELOPE, 100)
    assert ENVELOPE.admits(controls[1:])
    assert len(controls) * H < 0.6
    np.testing.assert_array_equal(controls[-1], controls[-3])
    assert controls[-1, 0] > 0.0 > controls[-1, 1]


def test_braking_from_what_no_limit_admits_still_ends_at_rest() -> None:
    state = JointState(np.array([1.99, 0.0]), np.array([50.0, 0.0]), np.zeros(2))
    controls = brake(controls_at(state, H), ENVELOPE, 30)
    np.testing.assert_array_equal(controls[-1], controls[-3])


def test_a_slow_wish_is_not_touched() -> None:
    wish = np.linspace(0.0, 0.1, 50)[:, None] * np.ones(2)
    wish[-20:] = wish[-20]
    assert slowed(np.zeros(2), wish, np.full(2, 0.01), 10) is wish


def test_a_fast_wish_is_slowed_along_a_straight_line() -> None:
    wish = np.tile([1.0, -0.5], (50, 1))
    followed = slowed(np.zeros(2), wish, np.full(2, 0.01), 10)
    moves = np.diff(followed, axis=0, prepend=np.zeros((1, 2)))
    assert np.abs(moves).max() <= 0.01 + 1e-12
    np.testing.assert_allclose(followed[:, 1], -0.5 * followed[:, 0], atol=1e-12)
    assert not moves[-1].any()
