"""Exact extrema, held against dense sampling."""

from __future__ import annotations

import numpy as np
import pytest

from proof.fuzz.polynomials import critical_points, derivative, extremes, quintic, value


def curves(seed, count=300):
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(count, 6)) * rng.choice([0.0, 1e-12, 1.0, 1e3], (count, 6))
    return np.concatenate([made, np.eye(6), -np.eye(6), np.zeros((1, 6))])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_extremes_bound_every_sample_and_are_reached(seed, order):
    curve = curves(seed)
    for _ in range(order):
        curve = derivative(curve)
    u = np.tile(np.linspace(0.0, 1.0, 4001), (len(curve), 1))
    samples = value(curve, u)
    low, high = extremes(curve)
    scale = 1.0 + np.abs(curve).sum(axis=1)
    assert (samples.min(axis=1) >= low - 1e-12 * scale).all() and (samples.max(axis=1) <= high + 1e-12 * scale).all()
    # Between two samples nothing rises by more than the second derivative allows.
    assert (low >= samples.min(axis=1) - 1e-5 * scale).all() and (high <= samples.max(axis=1) + 1e-5 * scale).all()


def test_critical_points_stay_on_the_segment():
    points = critical_points(curves(7))
    assert np.isfinite(points).all() and points.min() >= 0.0 and points.max() <= 1.0


def test_a_quintic_meets_both_its_ends():
    rng = np.random.default_rng(1)
    before, after, h = rng.normal(size=(50, 3)), rng.normal(size=(50, 3)), rng.uniform(0.005, 2.0, 50)
    curve = quintic(before, after, h)
    ends = np.tile([0.0, 1.0], (50, 1))
    for order in range(3):
        got = value(curve, ends) / (h**order)[:, None]
        np.testing.assert_allclose(got, np.stack([before[:, order], after[:, order]], axis=1), rtol=1e-9, atol=1e-7)
        curve = derivative(curve)
