from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.chunking import Dropped, SchedulerConfig, TwistLimits, TwistScheduler
from vla_core.errors import ActionError, LimitsError
from vla_core.types import FloatArray, TwistPlan

NOW = 5_000_000_000_001
MS = 1_000_000
LIMITS = TwistLimits(np.array([1.0, 0, 0, 0, 0, 2.0]), np.array([2.0, 0, 0, 0, 0, 6.0]))


def plan(t0_ns: int, twists: FloatArray) -> TwistPlan:
    return TwistPlan("base_link", t0_ns, np.arange(float(len(twists))) * 0.1, twists)


def forward(t0_ns: int, speed: float) -> TwistPlan:
    return plan(t0_ns, np.tile([speed, 0, 0, 0, 0, 0], (8, 1)))


def published(result: TwistPlan | Dropped) -> TwistPlan:
    assert isinstance(result, TwistPlan), result
    return result


def assert_sound(result: TwistPlan) -> None:
    assert (np.diff(result.times_s) > 0.0).all()
    assert not result.twists[-1].any()
    assert (np.abs(result.twists) <= 0.951 * LIMITS.velocity).all()
    rates = np.abs(np.diff(result.twists, axis=0)) / np.diff(result.times_s)[:, None]
    assert (rates <= 0.951 * LIMITS.acceleration + 1e-9).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(10, 300), st.floats(0.0, 3.0), st.integers(0, 999)), min_size=1, max_size=6))
def test_twists_never_jump_and_end_at_zero(chunks: list[tuple[int, float, int]]) -> None:
    scheduler = TwistScheduler(LIMITS)
    scheduler.reset(np.zeros(6), NOW)
    now_ns = NOW
    for latency_ms, scatter, seed in chunks:
        t0_ns, now_ns = now_ns, now_ns + latency_ms * MS
        before = [scheduler.executed(now_ns + k * 5 * MS) for k in range(5)]
        result = published(
            scheduler.add(plan(t0_ns, scatter * np.random.default_rng(seed).standard_normal((8, 6))), now_ns)
        )
        assert_sound(result)
        for k, was in enumerate(before):
            np.testing.assert_allclose(scheduler.executed(now_ns + k * 5 * MS), was, atol=1e-12)
        at_now = [np.interp((now_ns - t0_ns) * 1e-9, result.times_s, column) for column in result.twists.T]
        np.testing.assert_allclose(at_now, before[0], atol=1e-9)


def test_it_reaches_the_speed_asked_for_holds_it_for_a_period_and_stops() -> None:
    scheduler = TwistScheduler(LIMITS)
    result = published(scheduler.add(forward(NOW, 0.5), NOW + 50 * MS))
    speeds = np.interp([0.6, 0.79, 1.3], result.times_s, result.twists[:, 0])
    np.testing.assert_allclose(speeds, [0.5, 0.5, 0.0], atol=1e-9)


def test_a_new_instruction_discards_what_the_old_one_wanted() -> None:
    scheduler = TwistScheduler(LIMITS, config=SchedulerConfig(ensemble_decay=0.0))
    published(scheduler.add(forward(NOW, 0.4), NOW + 50 * MS))
    mixed = published(scheduler.add(forward(NOW + 100 * MS, 0.0), NOW + 150 * MS))
    scheduler.forget()
    pure = published(scheduler.add(forward(NOW + 200 * MS, 0.0), NOW + 250 * MS))
    assert mixed.twists[:, 0].max() > 0.15
    assert np.interp(0.5, pure.times_s, pure.twists[:, 0]) == pytest.approx(0.0, abs=1e-12)


def test_a_moving_base_without_chunks_is_ramped_to_zero() -> None:
    scheduler = TwistScheduler(LIMITS)
    scheduler.reset(np.array([0.9, 0, 0, 0, 0, -1.0]), NOW)
    assert scheduler.executed(NOW)[0] == pytest.approx(0.9)
    assert not scheduler.executed(NOW + 1000 * MS).any()


def test_what_cannot_be_used_is_dropped_or_refused() -> None:
    scheduler = TwistScheduler(LIMITS)
    late = scheduler.add(forward(NOW, 0.4), NOW + 900 * MS)
    assert isinstance(late, Dropped)
    assert late.reason == "late"
    with pytest.raises(ActionError, match="frame"):
        scheduler.add(TwistPlan("odom", NOW, np.zeros(1), np.zeros((1, 6))), NOW)
    with pytest.raises(ActionError, match="not finite"):
        scheduler.add(forward(NOW, np.nan), NOW)
    with pytest.raises(ActionError, match="six"):
        scheduler.reset(np.zeros(3), NOW)
    with pytest.raises(LimitsError, match="none negative"):
        TwistLimits(np.full(6, -1.0), np.ones(6))
    with pytest.raises(LimitsError, match="positive where"):
        TwistLimits(np.ones(6), np.zeros(6))
