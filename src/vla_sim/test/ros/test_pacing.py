from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.ros.clock import SimClock
from vla_sim.ros.pacing import Pacer, Periodic

MS = 1_000_000


def test_waits_until_simulated_time_is_due() -> None:
    pacer = Pacer()
    assert pacer.wait_ns(0, 1000 * MS) == 0
    assert pacer.wait_ns(5 * MS, 1001 * MS) == 4 * MS
    assert pacer.wait_ns(10 * MS, 1012 * MS) == 0


def test_half_speed_waits_twice_as_long() -> None:
    pacer = Pacer(real_time_factor=0.5)
    pacer.wait_ns(0, 0)
    assert pacer.wait_ns(5 * MS, 0) == 10 * MS


def test_a_short_delay_is_caught_up_a_long_one_is_given_up() -> None:
    pacer = Pacer(max_lag_ns=100 * MS)
    pacer.wait_ns(0, 0)
    assert pacer.wait_ns(5 * MS, 55 * MS) == 0
    assert pacer.wait_ns(60 * MS, 56 * MS) == 4 * MS, "the 50 ms were caught up"
    assert pacer.wait_ns(65 * MS, 265 * MS) == 0
    assert pacer.lost_ns == 200 * MS
    assert pacer.wait_ns(70 * MS, 266 * MS) == 4 * MS, "the 200 ms were given up"


def test_reports_the_achieved_factor() -> None:
    pacer = Pacer()
    assert pacer.achieved() is None
    for k in range(200):
        pacer.wait_ns(k * 5 * MS, k * 10 * MS)
    achieved = pacer.achieved()
    assert achieved is not None
    assert achieved == pytest.approx(0.5)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan")])
def test_refuses_a_factor_that_is_not_positive(factor: float) -> None:
    with pytest.raises(ValueError, match="real_time_factor"):
        Pacer(factor)


@given(st.sampled_from([20.0, 30.0, 100.0, 200.0]), st.integers(1, 20))
def test_periodic_work_is_due_at_its_rate_whatever_the_tick(rate_hz: float, tick_ms: int) -> None:
    periodic = Periodic(rate_hz)
    duration_s = 10
    times_ms = range(0, duration_s * 1000, tick_ms)
    count = sum(periodic.due(time_ms * MS) for time_ms in times_ms)
    assert count == pytest.approx(min(rate_hz * duration_s, len(times_ms)), abs=1)


def test_rate_zero_is_never_due() -> None:
    assert not any(Periodic(0.0).due(k * MS) for k in range(100))


def test_simulated_stamps_are_simulated_time() -> None:
    assert SimClock(simulated=True, pacer=Pacer()).stamp(7) == 7


def test_system_stamps_do_not_fall_behind_a_slow_simulation() -> None:
    pacer = Pacer(max_lag_ns=100 * MS)
    clock = SimClock(simulated=False, pacer=pacer, system_ns=lambda: 1_000_000 * MS)
    pacer.wait_ns(0, 0)
    assert clock.stamp(5 * MS) == 1_000_005 * MS
    pacer.wait_ns(5 * MS, 205 * MS)
    assert clock.stamp(5 * MS) == 1_000_205 * MS
