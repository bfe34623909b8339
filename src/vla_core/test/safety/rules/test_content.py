"""Rules about what a proposal contains: finite, names, dimensions, times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla_core.safety.decision import Decision
from vla_core.safety.proposal import SOURCE_JOINT, Proposal, Refused, Trace, matrix
from vla_core.safety.rules.dimensions import POINTS, DimensionsRule
from vla_core.safety.rules.finite import FiniteRule
from vla_core.safety.rules.names import NamesRule
from vla_core.safety.rules.times import LENGTH, SPACING, TimesRule

GOOD = Proposal(
    Trace(SOURCE_JOINT),
    ("a", "b"),
    np.array([0.1, 0.2, 0.3]),
    np.zeros((3, 2)),
    np.zeros((3, 2)),
    np.zeros((3, 2)),
    "g",
    np.zeros(3),
)
RULES = (FiniteRule(), DimensionsRule(), TimesRule(), NamesRule(("a", "b"), "g"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_good_proposal_passes(rule):
    assert rule.check(GOOD) is None
    assert rule.check(replace(GOOD, velocities=None, accelerations=None)) is None


@pytest.mark.parametrize("field", ["times_s", "positions", "velocities", "accelerations", "gripper_positions"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_is_found_anywhere(field, value):
    values = np.array(getattr(GOOD, field))
    values.flat[-1] = value
    verdict = FiniteRule().check(replace(GOOD, **{field: values}))
    assert verdict.decision is Decision.HOLD and verdict.reason == "nonfinite" and field in verdict.detail


def test_speed_scale_must_be_finite():
    assert FiniteRule().check(replace(GOOD, speed_scale=np.nan)).reason == "nonfinite"


@pytest.mark.parametrize(("more", "reason"), [(0, None), (1, "dimensions")])
def test_a_plan_has_only_so_many_points(more, reason):
    count = int(POINTS.value) + more
    plan = Proposal(Trace(SOURCE_JOINT), ("a", "b"), 0.01 * np.arange(count), np.zeros((count, 2)))
    verdict = DimensionsRule().check(plan)
    assert (verdict and verdict.reason) == reason


@pytest.mark.parametrize("names", [("a", "c"), ("a",), ("a", "b", "c"), ("a", "a"), ("a", "b", "b"), ()])
def test_other_names_are_refused(names):
    assert RULES[3].check(replace(GOOD, joint_names=names)).reason == "joint_names"


def test_another_order_of_names_is_fine():
    assert RULES[3].check(replace(GOOD, joint_names=("b", "a"))) is None


def test_another_gripper_is_refused():
    assert "'x'" in RULES[3].check(replace(GOOD, gripper_joint="x")).detail
    assert NamesRule(("a", "b"), None).check(GOOD).reason == "joint_names"


@pytest.mark.parametrize(
    "change",
    [
        {"times_s": np.zeros(0), "positions": np.zeros((0, 2))},
        {"positions": np.zeros((3, 3))},
        {"positions": np.zeros((2, 2))},
        {"velocities": np.zeros((3, 1))},
        {"accelerations": np.zeros((4, 2))},
        {"velocities": None},
        {"gripper_positions": None},
        {"gripper_joint": None},
        {"gripper_positions": np.zeros(2)},
        {"speed_scale": 0.0},
        {"speed_scale": -0.1},
        {"speed_scale": 1.0000001},
    ],
)
def test_what_does_not_fit_is_refused(change):
    assert DimensionsRule().check(replace(GOOD, **change)).reason == "dimensions"


@pytest.mark.parametrize("scale", [1e-9, 1.0])
def test_the_ends_of_the_speed_scale_are_allowed(scale):
    assert DimensionsRule().check(replace(GOOD, speed_scale=scale)) is None


@pytest.mark.parametrize(
    ("times", "good"),
    [
        ([0.0, 0.1, 0.2], True),
        ([-1e-9, 0.1, 0.2], False),
        ([0.1, 0.1, 0.2], False),
        ([0.1, 0.3, 0.2], False),
        ([0.1, 0.2, 0.2 + SPACING.value * 1.01], True),
        ([0.1, 0.2, 0.2 + SPACING.value * 0.99], False),
        ([0.1, 0.2, LENGTH.value], True),
        ([0.1, 0.2, LENGTH.value + 0.01], False),
    ],
)
def test_times_rise_within_reason(times, good):
    verdict = TimesRule().check(replace(GOOD, times_s=np.array(times)))
    assert (verdict is None) is good
    assert good or verdict.reason == "times_order"


def test_a_single_time_is_enough():
    assert TimesRule().check(replace(GOOD, times_s=np.array([0.5]))) is None


def test_rows_of_unequal_length_never_become_a_proposal():
    assert matrix([[], []], 2, "velocities") is None
    assert matrix([[1.0, 2.0]], 2, "positions").shape == (1, 2)
    for rows in ([], [[1.0], [1.0, 2.0]], [[1.0]], [[], [1.0, 2.0]]):
        with pytest.raises(Refused) as refused:
            matrix(rows, 2, "positions")
        assert refused.value.verdict.reason == "dimensions"


def test_columns_follow_their_names():
    proposal = replace(GOOD, positions=np.array([[1.0, 2.0]] * 3), velocities=None, accelerations=None)
    turned = proposal.columns(("b", "a"))
    np.testing.assert_array_equal(turned.positions[0], [2.0, 1.0])
    assert turned.velocities is None and proposal.columns(("a", "b")) is proposal


def test_a_gripper_column_moves_to_its_own_field():
    proposal = replace(
        GOOD, joint_names=("a", "g", "b"), positions=np.array([[1.0, 0.02, 2.0]] * 3), velocities=None,
        accelerations=None, gripper_joint=None, gripper_positions=None,
    )  # fmt: skip
    taken = proposal.without_gripper_column("g")
    assert taken.joint_names == ("a", "b") and taken.gripper_joint == "g"
    np.testing.assert_array_equal(taken.gripper_positions, [0.02] * 3)
    assert GOOD.without_gripper_column("g") is GOOD
