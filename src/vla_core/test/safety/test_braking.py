"""Ramps to rest: every phase exact, as short as the limits allow, and the promise that is made of them."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.errors import LimitsError
from vla_core.limits import JointLimits
from vla_core.safety.braking import GENTLE_RAMP_S, Brake

ONE = np.ones(2)


def make(acceleration=(8.0, 5.0), jerk=(4000.0, 4000.0), velocity=(2.0, 1.0)):
    return JointLimits(("a", "b"), ("rad", "rad"), -2 * ONE, 2 * ONE, np.array(velocity), np.array(acceleration),
                       np.array(jerk), ONE)  # fmt: skip


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("ramp", [0.03, 0.01])
def test_three_phases_of_constant_jerk_add_up_to_rest(share, ramp):
    limits = make()
    states = np.random.default_rng(2).uniform(-1.0, 1.0, (5, 3, 2)) * np.array([1.0, 2.0, 6.0])[:, None]
    starts = np.arange(5.0)
    times, knots = Brake(limits, share).tails(starts, states, ramp)
    assert times.shape == (5, 4) and knots.shape == (5, 4, 3, 2)
    np.testing.assert_array_equal(times[:, 0], starts)
    np.testing.assert_array_equal(knots[:, 0], states)
    h = np.diff(times)[:, :, None]
    p, v, a = (knots[:, :, k] for k in range(3))
    np.testing.assert_allclose(np.diff(v, axis=1), h * (a[:, :-1] + a[:, 1:]) / 2, atol=1e-12)
    np.testing.assert_allclose(np.diff(p, axis=1), h * v[:, :-1] + h**2 * (2 * a[:, :-1] + a[:, 1:]) / 6, atol=1e-12)
    np.testing.assert_array_equal(knots[:, -1, 1:], 0.0)
    np.testing.assert_array_equal(a[:, 1], a[:, 2])
    np.testing.assert_allclose(h[:, [0, 2], 0], ramp, atol=1e-12)
    # the joint that takes longest uses its whole share, in every stop
    np.testing.assert_allclose((np.abs(a[:, 1]) / (share * limits.acceleration)).max(axis=1), 1.0, atol=1e-9)


@pytest.mark.parametrize(
    ("speed", "constant"), [(0.0, 1e-3), (8 * 0.0305, 1e-3), (8 * 0.0315, 1.5e-3), (8 * 0.05, 0.02)]
)
def test_the_constant_phase_is_as_long_as_needed_and_never_shorter_than_a_millisecond(speed, constant):
    times, _ = Brake(make()).tails(np.zeros(1), np.array([[[0.0, 0.0], [speed, 0.0], [0.0, 0.0]]]), 0.03)
    np.testing.assert_allclose(np.diff(times[0]), [0.03, constant, 0.03], atol=1e-12)


@pytest.mark.parametrize(
    ("acceleration", "share", "ramps"),
    [
        ((1.0, 1.0), 1.0, (0.03, 0.009)),  # 0.002 would be rough on gears
        ((5.5, 1.0), 1.0, (0.03, 0.011)),
        ((1.0, 5.5), 1.0, (0.03, 0.011)),  # the joint with the least jerk decides
        ((7.5, 1.0), 1.0, (0.03, 0.015)),
        ((8.0, 1.0), 1.0, (0.03,)),  # no second try when it gains little
        ((8.0, 1.0), 0.5, (0.03, 0.012)),
        ((30.0, 1.0), 1.0, (0.06,)),
    ],
)
def test_ramps_go_from_gentle_to_the_shortest_that_jerk_allows(acceleration, share, ramps):
    assert Brake(make(acceleration, (1000.0, 1000.0)), share).ramps == pytest.approx(ramps, rel=1e-12)
    assert GENTLE_RAMP_S == 0.03


def test_the_longest_stop_is_that_of_the_slowest_joint():
    longest, joint = Brake(make(velocity=(1.0, 1.0)), 0.5).longest()
    assert joint == "b"
    assert longest == pytest.approx((1.0 + 0.5 * 0.03 * 5.0) / 2.5 + 0.03)
    assert Brake(make(velocity=(1.0, 0.1)), 0.5).longest()[1] == "a"


def test_the_promise_may_be_kept_to_the_last_digit():
    brake = Brake(make(), 0.5)
    total = 0.01 + brake.longest()[0]
    assert brake.require(total, 0.01) == total
    with pytest.raises(LimitsError):
        brake.require(np.nextafter(total, 0.0), 0.01)


@pytest.mark.parametrize(("share", "promised"), [(1.0, 0.2), (0.5, 0.3), (0.5, 0.05)])
def test_a_promise_too_short_names_the_speed_that_would_just_do(share, promised):
    limits = make(velocity=(2.0, 0.5))
    with pytest.raises(LimitsError, match="cannot be kept by 'a'") as error:
        Brake(limits, share).require(promised, 0.02)
    allowed = float(str(error.value).split("max_velocity to ")[1].split(",")[0])
    if promised == 0.05:  # the ramps alone take longer
        assert allowed == 0.0
        return
    for beside, kept in ((-1e-3, True), (1e-3, False)):
        slower = Brake(limits.tightened({"a": {"max_velocity": allowed + beside}}), share)
        if kept:
            slower.require(promised, 0.02)
        else:
            with pytest.raises(LimitsError):
                slower.require(promised, 0.02)
