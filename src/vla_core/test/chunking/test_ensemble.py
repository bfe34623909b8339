from __future__ import annotations

import numpy as np
import pytest

from vla_core.chunking.ensemble import Member, ensemble, retimed_to_rest

MS = 1_000_000
TIMES = np.linspace(0.0, 0.7, 8)


def constant(t0_ms: int, value: float) -> Member:
    return Member.through(t0_ms * MS, TIMES, np.full((8, 2), value))


def test_a_member_passes_through_its_waypoints_and_holds_beyond() -> None:
    values = np.random.default_rng(0).standard_normal((8, 3))
    member = Member.through(0, TIMES, values)
    np.testing.assert_allclose(member.at(TIMES), values, atol=1e-12)
    np.testing.assert_allclose(member.at(np.array([-1.0, 2.0])), values[[0, -1]], atol=1e-12)


def test_a_member_reproduces_a_parabola_between_inner_waypoints() -> None:
    member = Member.through(0, TIMES, TIMES[:, None] ** 2)
    inner = np.linspace(0.1, 0.6, 37)
    np.testing.assert_allclose(member.at(inner)[:, 0], inner**2, atol=1e-12)


def test_given_slopes_are_kept() -> None:
    slopes = np.full((8, 1), 3.0)
    member = Member.through(0, TIMES, np.zeros((8, 1)), slopes)
    assert member.at(np.array([0.3 + 1e-6]))[0, 0] == pytest.approx(3e-6, rel=1e-3)


def test_a_single_waypoint_is_a_constant() -> None:
    member = Member.through(0, np.array([0.5]), np.array([[2.0]]))
    np.testing.assert_array_equal(member.at(np.array([0.0, 0.5, 1.0])), [[2.0]] * 3)


@pytest.mark.parametrize("decay", [0.01, 0.0, -0.5])
def test_weights_are_those_of_act(decay: float) -> None:
    """Zhao et al. 2023: w_i = exp(-m i), i = 0 the oldest."""
    members = [constant(t0_ms, value) for t0_ms, value in ((0, 1.0), (100, 2.0), (200, 4.0))]
    weights = np.exp(-decay * np.arange(3))
    expected = weights @ [1.0, 2.0, 4.0] / weights.sum()
    np.testing.assert_allclose(ensemble(members, 300 * MS, np.array([0.0, 0.1]), decay), expected)


def test_unevenly_spaced_chunks_are_weighted_by_their_stamps() -> None:
    members = [constant(0, 1.0), constant(250, 2.0)]
    weights = np.exp(-0.4 * np.array([0.0, 2.5]))
    expected = weights @ [1.0, 2.0] / weights.sum()
    np.testing.assert_allclose(ensemble(members, 300 * MS, np.zeros(1), 0.4), expected)


def test_a_member_that_ends_leaves_no_step() -> None:
    offsets_s = np.arange(0.0, 0.8, 1e-3)
    mean = ensemble([constant(0, 0.0), constant(300, 1.0)], 300 * MS, offsets_s, 0.0)[:, 0]
    assert np.abs(np.diff(mean)).max() < 0.02
    assert mean[0] == pytest.approx(0.5)
    assert mean[-1] == pytest.approx(1.0)


def test_time_slows_to_a_stop_at_the_end() -> None:
    offsets_s = np.arange(0.0, 2.0, 1e-3)
    instants = retimed_to_rest(offsets_s, 0.7, 0.3)
    rates = np.diff(instants) / 1e-3
    before = offsets_s <= 0.55
    np.testing.assert_allclose(instants[before], offsets_s[before])
    assert (np.diff(instants) >= -1e-12).all()
    assert np.abs(np.diff(rates)).max() < 0.01
    np.testing.assert_allclose(instants[offsets_s >= 0.85], 0.7)
