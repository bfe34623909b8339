"""Rules about the robot and its inputs: ages, step, tracking, gripper, and the limits themselves."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.decision import Decision, Limit
from vla_core.safety.rules.ages import FUTURE, ContentAgeRule, ReceiptAgeRule
from vla_core.safety.rules.gripper import OVERSHOOT, GripperRule
from vla_core.safety.rules.step import StepRule
from vla_core.safety.rules.tracking import TrackingRule

NS = 1_000_000_000
NOW = 100 * NS


@pytest.mark.parametrize(
    ("age_s", "reason"),
    [(0.0, None), (1.0, None), (1.001, "chunk_stale"), (-FUTURE.value, None), (-0.11, "chunk_future")],
)
def test_content_has_an_age(age_s, reason):
    verdict = ContentAgeRule(Limit(1.0, "s", "x")).check(NOW - round(age_s * NS), NOW, None, 0)
    assert (verdict and verdict.reason) == reason
    assert verdict is None or (verdict.decision is Decision.HOLD and not verdict.brakes)


def test_content_is_newer_than_the_reset_and_than_the_last():
    rule = ContentAgeRule(Limit(1.0, "s", "x"))
    assert rule.check(NOW - 10, NOW, None, NOW - 9).reason == "chunk_before_reset"
    assert rule.check(NOW - 10, NOW, None, NOW - 10) is None
    assert rule.check(NOW - 10, NOW, NOW - 10, 0).reason == "chunk_order"
    assert rule.check(NOW - 10, NOW, NOW - 5, 0).reason == "chunk_order"
    assert rule.check(NOW - 10, NOW, NOW - 11, 0) is None


@pytest.mark.parametrize(("age_s", "good"), [(0.0, True), (0.1, True), (0.1001, False)])
def test_receipt_has_an_age(age_s, good):
    verdict = ReceiptAgeRule("joint_state", Limit(0.1, "s", "x")).check(NOW - round(age_s * NS), NOW)
    assert (verdict is None) is good
    assert good or (verdict.reason, verdict.limit) == ("joint_state_stale", 0.1)


def test_what_was_never_received_is_infinitely_old():
    assert ReceiptAgeRule("camera", Limit(0.1, "s", "x")).check(None, NOW).value == np.inf


@pytest.mark.parametrize("joint", [0, 1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_step_swept_across_the_limit(joint, sign):
    rule = StepRule(("a", "b"), Limit(0.25, "rad", "x"))
    for gap, good in ((0.0, True), (0.25, True), (0.2501, False), (3.0, False)):
        wanted = np.zeros(2)
        wanted[joint] = sign * gap
        verdict = rule.check(wanted, np.zeros(2))
        assert (verdict is None) is good
        assert good or (verdict.reason == "step_limit" and "ab"[joint] in verdict.detail)


def test_tracking_is_patient_but_not_forever():
    rule = TrackingRule(("a", "b"), Limit(0.2, "rad", "x"), Limit(0.1, "s", "x"))
    near, far = np.array([0.0, 0.2]), np.array([0.0, 0.21])
    assert rule.check(near, np.zeros(2), NOW) is None
    assert rule.check(far, np.zeros(2), NOW) is None
    assert rule.check(far, np.zeros(2), NOW + 99_000_000) is None
    assert rule.check(near, np.zeros(2), NOW + 100_000_000) is None  # back in time
    assert rule.check(far, np.zeros(2), NOW + 200_000_000) is None
    verdict = rule.check(far, np.zeros(2), NOW + 300_000_000)
    assert (verdict.decision, verdict.reason, verdict.limit) == (Decision.STOP, "tracking_error", 0.2)


@pytest.mark.parametrize(("value", "good"), [(0.0, True), (0.04, True), (0.5, False), (-0.1, False)])
def test_gripper_range(gripper, value, good):
    verdict = GripperRule(gripper).check(np.array([0.02, value]))
    assert (verdict is None) is good
    assert good or verdict.value == value


def test_a_hair_beyond_the_gripper_range_is_let_through_for_clipping(gripper):
    rule = GripperRule(gripper)
    assert rule.check(np.array([0.04 + 0.9 * OVERSHOOT.value])) is None
    assert rule.check(np.array([-1.1 * OVERSHOOT.value])).limit == 0.0


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_limit_is_positive_and_finite(value):
    with pytest.raises(ValueError, match="positive and finite"):
        Limit(value, "s", "x")
