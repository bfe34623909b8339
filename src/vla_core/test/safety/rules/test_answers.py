"""What each rule answers, to the last field, at its limit and a hair beyond."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from vla_core.errors import LimitsError
from vla_core.limits import JointLimits
from vla_core.safety.decision import PASSED, Decision, Limit, Verdict, worst
from vla_core.safety.proposal import SOURCE_JOINT, SOURCE_TWIST, Proposal, Trace
from vla_core.safety.rules.acceleration import AccelerationRule
from vla_core.safety.rules.ages import FUTURE, ContentAgeRule, ReceiptAgeRule
from vla_core.safety.rules.derivative import TOLERANCE
from vla_core.safety.rules.dimensions import POINTS, DimensionsRule
from vla_core.safety.rules.finite import FiniteRule
from vla_core.safety.rules.gripper import OVERSHOOT, GripperRule
from vla_core.safety.rules.jerk import JerkRule
from vla_core.safety.rules.names import NamesRule
from vla_core.safety.rules.position import RECOVERY, PositionRule
from vla_core.safety.rules.step import StepRule
from vla_core.safety.rules.stopping import GRID
from vla_core.safety.rules.times import LENGTH, SPACING, TimesRule
from vla_core.safety.rules.tracking import TrackingRule
from vla_core.safety.rules.twist import AXES, TwistProposal, TwistShapeRule, TwistSpeedRule
from vla_core.safety.rules.velocity import VelocityRule

NS = 1_000_000_000
NOW = 100 * NS
ZEROS = np.zeros((3, 2))
GOOD = Proposal(Trace(SOURCE_JOINT), ("a", "b"), np.array([0.1, 0.2, 0.3]), ZEROS, ZEROS, ZEROS, "g", np.zeros(3))


def same(verdict: Verdict | None, *fields: object, **more: object) -> bool:
    """Everything but the words; NaN equals NaN."""
    names = ("decision", "rule", "reason", "value", "limit")
    expected = {"value": math.nan, "limit": math.nan, "scale": 1.0, "until_s": -math.inf, "brakes": True}
    expected |= dict(zip(names, fields)) | more
    for name, wanted in expected.items():
        got = getattr(verdict, name)
        if not (got == wanted or got == pytest.approx(wanted, rel=1e-9, nan_ok=True)):
            raise AssertionError(f"{name} is {got!r}, not {wanted!r}")
    assert verdict.detail
    return True


def test_declared_limits_are_what_the_documentation_says():
    assert [limit.value for limit in (FUTURE, OVERSHOOT, RECOVERY, SPACING, LENGTH, GRID, POINTS)] == [
        0.1, 1e-3, 0.1, 1e-3, 120.0, 0.02, 2000.0,
    ]  # fmt: skip
    assert TOLERANCE == 1e-6


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_a_limit_is_a_positive_number(value):
    with pytest.raises(ValueError, match="positive and finite"):
        Limit(value, "s", "why")
    assert Limit(5e-324, "s", "why").value == 5e-324


def test_among_equally_strict_verdicts_the_first_is_kept():
    first, second = (Verdict(Decision.HOLD, detail=d, until_s=0.5) for d in "ab")
    assert worst([PASSED, first, second]) is first


def test_a_hold_that_brakes_is_stricter_than_one_that_does_not_however_much_it_leaves():
    brakes, gentle = Verdict(Decision.HOLD, until_s=9.0), Verdict(Decision.HOLD, brakes=False)
    assert worst([gentle, brakes]) is brakes and worst([brakes, gentle]) is brakes


@pytest.mark.parametrize(
    ("value", "field", "place"),
    [(math.nan, "positions", (1, 0)), (math.inf, "velocities", (2, 1)), (-math.inf, "times_s", (0,)),
     (math.inf, "gripper_positions", (2,)), (math.nan, "accelerations", (0, 1))],
)  # fmt: skip
def test_finite(value, field, place):
    values = np.array(getattr(GOOD, field))
    values[place] = value
    values.flat[-1] = value  # the first place is named, not the last
    verdict = FiniteRule().check(replace(GOOD, **{field: values}))
    assert same(verdict, Decision.HOLD, "finite", "nonfinite", value)
    assert f"{field}{list(place)} is {value}" in verdict.detail


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_finite_speed_scale(value):
    verdict = FiniteRule().check(replace(GOOD, speed_scale=value))
    assert same(verdict, Decision.HOLD, "finite", "nonfinite", value) and verdict.detail.startswith("speed_scale is")


@pytest.mark.parametrize(
    ("change", "value", "limit", "word"),
    [
        ({"times_s": np.zeros(0), "positions": np.zeros((0, 2)), "velocities": None, "accelerations": None,
          "gripper_joint": None, "gripper_positions": None}, 0.0, 1.0, "empty"),
        ({"times_s": np.zeros(2001)}, 2001.0, 2000.0, "2001 points"),
        ({"positions": np.zeros((3, 3))}, 9.0, math.nan, "positions is (3, 3)"),
        ({"velocities": np.zeros(3)}, 3.0, math.nan, "velocities is (3,)"),
        ({"accelerations": np.zeros((2, 2))}, 4.0, math.nan, "accelerations is (2, 2)"),
        ({"velocities": None}, math.nan, math.nan, "without velocities"),
        ({"gripper_joint": None}, math.nan, math.nan, "gripper"),
        ({"speed_scale": 1.5}, 1.5, 1.0, "speed_scale"),
    ],
)  # fmt: skip
def test_dimensions(change, value, limit, word):
    verdict = DimensionsRule().check(replace(GOOD, **change))
    assert same(verdict, Decision.HOLD, "dimensions", "dimensions", value, limit) and word in verdict.detail


@pytest.mark.parametrize(
    ("times", "value", "limit", "word"),
    [
        ([-0.5, 0.2, 0.3], -0.5, 0.0, "point 0"),
        ([0.0, 0.4, 0.4 + 0.9 * SPACING.value], 0.9e-3, 1e-3, "point 2 comes"),
        ([0.0, 0.5, 0.4], -0.1, 1e-3, "point 2 comes -0.1"),
        ([0.0, 1.0, 121.0], 121.0, 120.0, "seconds"),
    ],
)
def test_times(times, value, limit, word):
    verdict = TimesRule().check(replace(GOOD, times_s=np.array(times)))
    assert same(verdict, Decision.HOLD, "times", "times_order", value, limit) and word in verdict.detail


def test_times_may_be_as_close_and_as_long_as_the_limits():
    assert TimesRule().check(replace(GOOD, times_s=np.array([0.0, SPACING.value, LENGTH.value]))) is None


def test_names_are_listed_in_order():
    wanted = tuple("abcdefgh")
    verdict = NamesRule(wanted, None).check(replace(GOOD, joint_names=tuple("sxyzwvut")))
    assert same(verdict, Decision.HOLD, "names", "joint_names")
    assert f"joints {', '.join('abcdefghstuvwxyz')} are" in verdict.detail
    twice = NamesRule(wanted, None).check(replace(GOOD, joint_names=tuple("hgfedcbahgfedcba")))
    assert f"joints {', '.join('abcdefgh')} are" in twice.detail
    assert same(NamesRule(("a", "b"), "h").check(GOOD), Decision.HOLD, "names", "joint_names")


@pytest.mark.parametrize(
    ("positions", "value", "limit"),
    [
        ([0.02, 0.0415], 0.0415, 0.04),
        ([-0.002, 0.02], -0.002, 0.0),
        ([-0.002, 0.05], 0.05, 0.04),
        ([-0.02, 0.05], -0.02, 0.0),
    ],
)
def test_gripper(gripper, positions, value, limit):
    assert same(
        GripperRule(gripper).check(np.array(positions)), Decision.HOLD, "gripper", "gripper_range", value, limit
    )


def test_gripper_overshoot_itself_is_clipped_and_of_equal_sides_the_upper_is_named():
    one = np.ones(1)
    rule = GripperRule(JointLimits(("g",), ("m",), -one, one, one, one, one, one))
    over = OVERSHOOT.value
    bounds = JointLimits(("g",), ("m",), -one, 0.0 * one, one, one, one, one)
    assert GripperRule(bounds).check(np.array([over])) is None
    assert GripperRule(bounds).check(np.array([np.nextafter(over, 1.0)])) is not None
    assert rule.check(np.array([-2.0, 2.0])).value == 2.0


def test_a_gripper_rule_is_for_one_joint(limits):
    with pytest.raises(ValueError, match="too many"):
        GripperRule(limits)


def test_content_age():
    rule = ContentAgeRule(Limit(1.0, "s", "x"))
    cases = [
        ((NOW - 3 * NS // 2, NOW, None, 0), "chunk_stale", 1.5, 1.0),
        ((NOW + NS // 2, NOW, None, 0), "chunk_future", -0.5, 0.1),
        ((NOW - NS // 2, NOW, None, NOW), "chunk_before_reset", 0.5, 0.0),
        ((NOW - NS // 2, NOW, NOW - NS // 4, 0), "chunk_order", 0.25, 0.0),
    ]
    for arguments, reason, value, limit in cases:
        assert same(rule.check(*arguments), Decision.HOLD, "content_age", reason, value, limit, brakes=False)


def test_receipt_age():
    rule = ReceiptAgeRule("camera", Limit(0.25, "s", "because"))
    assert rule.check(NOW - NS // 4, NOW) is None
    verdict = rule.check(NOW - NS // 2, NOW)
    assert same(verdict, Decision.HOLD, "receipt_age", "camera_stale", 0.5, 0.25)
    assert "no camera for 0.500 s (because); see" in verdict.detail
    assert same(rule.check(None, NOW), Decision.HOLD, "receipt_age", "camera_stale", math.inf, 0.25)


@pytest.mark.parametrize("sign", [-1, 1])
def test_step_counts_from_the_measured_position(sign):
    rule = StepRule(("a", "b"), Limit(0.25, "rad", "x"))
    measured = np.array([1.0, -2.0])
    assert rule.check(measured + [0.25, sign * 0.25], measured) is None
    assert same(rule.check(measured + [0.1, sign * 0.5], measured), Decision.HOLD, "step", "step_limit", 0.5, 0.25)


@pytest.mark.parametrize("sign", [-1, 1])
def test_tracking(sign):
    rule = TrackingRule(("a", "b"), Limit(0.25, "rad", "x"), Limit(0.5, "s", "x"))
    at = np.array([1.0, -2.0])
    far = at + [0.1, sign * 0.5]
    assert rule.check(far, at, NOW) is None
    assert rule.check(far, at, NOW + NS // 2 - 1) is None
    verdict = rule.check(far, at, NOW + NS // 2)
    assert same(verdict, Decision.STOP, "tracking", "tracking_error", 0.5, 0.25) and verdict.detail.startswith("b is")
    assert rule.check(at + 0.25, at, NOW + NS) is None
    assert rule.check(far, at, NOW + 2 * NS) is None  # patience begins anew


def bounded(**bounds):
    """A motion of which only the bounds matter: three segments of one second."""
    states = np.zeros((4, 3, 2))
    return SimpleNamespace(times=np.arange(4.0), states=states, bounds=SimpleNamespace(**bounds))


@pytest.mark.parametrize(
    ("rule", "name", "reason", "order"),
    [
        (VelocityRule, "joint_velocity", "velocity_limit", 1),
        (AccelerationRule, "joint_acceleration", "acceleration_limit", 2),
        (JerkRule, "joint_jerk", "jerk_limit", 3),
    ],
)
def test_derivatives(rule, name, reason, order):
    asked = []

    def magnitude(which, peak):
        asked.append(which)
        return np.array([[1.0, 2.0], [0.5, peak], [1.0, 1.0]])

    check = rule(("a", "b"), np.array([4.0, 1.0])).check
    at = 1.0 + TOLERANCE
    motion = bounded(magnitude=lambda which: np.array([[0.1, at], [0.1, 0.5], [0.1, 0.1]]))
    assert check(motion) is None
    beyond = bounded(magnitude=lambda which: np.array([[0.1, np.nextafter(at, 2.0)], [0.1, 0.5], [0.1, 0.1]]))
    assert check(beyond) is not None
    verdict = check(bounded(magnitude=lambda which: magnitude(which, 8.0)))
    assert same(verdict, Decision.SLOW, name, reason, 8.0, 1.0, scale=8.0 ** (-1.0 / order)) and asked == [order]
    assert verdict.detail.startswith("b would reach 8.0000") and rule.unit in verdict.detail


def two(lower, upper):
    one = np.ones(2)
    return JointLimits(("a", "b"), ("rad", "m"), np.array(lower), np.array(upper), one, one, one, one)


def test_position_names_the_first_segment_and_its_worst_joint():
    rule = PositionRule(two([-1.0, -2.0], [1.0, 2.0]))
    low, high = np.zeros((3, 2)), np.zeros((3, 2))
    low[1], high[1], high[2] = [-1.5, -2.2], [1.1, 2.3], [9.0, 9.0]
    verdict = rule.check(bounded(lower=low, upper=high))
    assert same(verdict, Decision.HOLD, "joint_position", "position_limit", -1.5, -1.0, until_s=1.0)
    assert "a would reach -1.5000 rad at 1.000 s, the limit is -1.0000" in verdict.detail
    high[1] = [1.1, 2.7]
    verdict = rule.check(bounded(lower=low, upper=high))
    assert same(verdict, Decision.HOLD, "joint_position", "position_limit", 2.7, 2.0, until_s=1.0)
    assert "b would reach 2.7000 m" in verdict.detail


def test_position_forgives_rounding_and_no_more():
    rule = PositionRule(two([0.0, -1.0], [1.0, 1.0]))
    low, high = np.zeros((3, 2)), np.zeros((3, 2))
    low[0, 0] = -1e-7
    assert rule.check(bounded(lower=low, upper=high)) is None
    low[2, 0] = np.nextafter(-1e-7, -1.0)
    assert rule.check(bounded(lower=low, upper=high)).until_s == 2.0  # the forgiven segment is still good


@pytest.mark.parametrize(
    ("start", "lower", "upper"),
    [
        ([0.5, 0.5], [0.0, 0.0], [1.0, 1.0]),
        ([-0.05, 0.5], [-0.05, 0.0], [1.0, 1.0]),
        ([0.5, 1.05], [0.0, 0.0], [1.0, 1.05]),
        ([-RECOVERY.value, 0.5], [0.0, 0.0], [1.0, 1.0]),
        ([0.5, 1.0 + RECOVERY.value], [0.0, 0.0], [1.0, 1.0]),
        ([-5.0, 5.0], [0.0, 0.0], [1.0, 1.0]),
    ],
)
def test_position_bounds_reach_to_a_start_that_is_a_little_outside(start, lower, upper):
    got = PositionRule(two([0.0, 0.0], [1.0, 1.0])).bounds(np.array(start))
    np.testing.assert_array_equal(got, [lower, upper])


def twist(*rows, times=None, **changes):
    rows = np.array(rows, dtype=float).reshape(-1, 6)
    times = 0.1 * np.arange(len(rows)) if times is None else np.array(times)
    return replace(TwistProposal(Trace(SOURCE_TWIST), "", times, rows), **changes)


@pytest.fixture
def shape():
    return TwistShapeRule("base_link", ("linear.x", "angular.z"))


@pytest.fixture
def speed():
    return TwistSpeedRule(Limit(0.5, "m/s", "x"), Limit(2.0, "rad/s", "x"))


STILL = [0.0] * 6


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_twists_are_finite(shape, value):
    for change in (twist([value, 0, 0, 0, 0, 0]), twist(STILL, times=[value]), twist(STILL, speed_scale=value)):
        assert same(shape.check(change), Decision.HOLD, "twist_shape", "nonfinite")


def test_twists_have_six_values_and_a_time_each(shape):
    good = twist(STILL, STILL)
    assert shape.check(good) is None and shape.check(replace(good, frame_id="base_link")) is None
    for change in (
        {"twists": np.zeros((2, 5))},
        {"twists": np.zeros((3, 6))},
        {"times_s": np.zeros(0), "twists": np.zeros((0, 6))},
    ):
        assert same(shape.check(replace(good, **change)), Decision.HOLD, "twist_shape", "dimensions")
    for scale in (0.0, 1.5):
        verdict = shape.check(replace(good, speed_scale=scale))
        assert same(verdict, Decision.HOLD, "twist_shape", "dimensions", scale)
    assert shape.check(replace(good, speed_scale=1e-9)) is None
    assert same(shape.check(replace(good, frame_id="map")), Decision.HOLD, "twist_shape", "frame")


@pytest.mark.parametrize(
    ("times", "good"),
    [
        ([0.0, SPACING.value], True), ([0.0, 0.9 * SPACING.value], False), ([0.2, 0.1], False), ([-0.1, 0.1], False),
        ([0.0, LENGTH.value], True), ([0.0, LENGTH.value + 0.01], False),
    ],
)  # fmt: skip
def test_times_of_twists_rise_within_reason(shape, times, good):
    verdict = shape.check(twist(STILL, STILL, times=times))
    assert verdict is None if good else same(verdict, Decision.HOLD, "twist_shape", "times_order")


@pytest.mark.parametrize("axis", [1, 2, 3, 4])
@pytest.mark.parametrize("sign", [-1, 1])
def test_axes_that_the_base_lacks_stay_zero(shape, axis, sign):
    row = np.zeros(6)
    row[axis] = sign * 1e-6
    assert shape.check(twist(row)) is None
    row[axis] = sign * 0.3
    assert same(shape.check(twist(STILL, row)), Decision.HOLD, "twist_shape", "twist_axis", 0.3)


def test_a_base_that_has_every_axis_may_use_them():
    assert TwistShapeRule("base_link", AXES).check(twist([1.0] * 6)) is None
    assert TwistShapeRule("base_link", ("linear.x", "angular.z")).check(twist([1, 0, 0, 0, 0, 1])) is None


def test_unknown_axes_are_listed_in_order():
    with pytest.raises(LimitsError, match="twist axes a, b, c, d, e, f unknown"):
        TwistShapeRule("base_link", ("f", "linear.x", "d", "b", "a", "c", "e"))


@pytest.mark.parametrize("axis", range(6))
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_fastest_twist_of_a_plan_decides_on_each_axis(speed, axis, sign):
    limit = 0.5 if axis < 3 else 2.0
    row = np.zeros(6)
    row[axis] = sign * limit
    assert speed.check(twist(row, row, row)) is None
    verdict = speed.check(twist(row, 2 * row, STILL))
    assert same(verdict, Decision.SLOW, "twist_speed", "velocity_limit", 2 * limit, limit, scale=0.5)


@pytest.mark.parametrize(
    ("linear", "angular", "value", "scale"), [(1.0, 3.0, 1.0, 0.5), (0.6, 8.0, 8.0, 0.25), (1.0, 4.0, 1.0, 0.5)]
)
def test_the_part_that_is_further_over_its_limit_decides_for_both(speed, linear, angular, value, scale):
    verdict = speed.check(twist([0, linear, 0, angular, 0, 0]))
    assert (verdict.value, verdict.scale) == (value, scale)


def test_each_part_of_a_twist_has_its_own_axes(speed):
    assert speed.check(twist([0.3, 0.4, 0.0, 0.0, 1.2, 1.6])) is None
    assert speed.check(twist([0.0, 0.0, 0.5, 2.0, 0.0, 0.0])) is None
