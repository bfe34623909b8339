"""Proposals: columns by name, rows of one width, and what is remembered of places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla_core.safety.decision import Decision
from vla_core.safety.places import Places
from vla_core.safety.proposal import SOURCE_JOINT, Proposal, Refused, Trace, matrix

WIDE = Proposal(
    Trace(SOURCE_JOINT),
    ("a", "g", "b"),
    np.array([0.1, 0.2]),
    np.array([[1.0, 0.01, 2.0], [3.0, 0.02, 4.0]]),
    np.array([[5.0, 0.0, 6.0], [7.0, 0.0, 8.0]]),
    np.array([[9.0, 0.0, 10.0], [11.0, 0.0, 12.0]]),
)


def test_every_array_follows_the_names():
    turned = WIDE.columns(["b", "a", "g"])
    assert turned.joint_names == ("b", "a", "g")
    for field in ("positions", "velocities", "accelerations"):
        np.testing.assert_array_equal(getattr(turned, field), getattr(WIDE, field)[:, [2, 0, 1]])
    assert WIDE.columns(["a", "g", "b"]) is WIDE


def test_the_column_of_the_gripper_leaves_every_array():
    taken = WIDE.without_gripper_column("g")
    assert (taken.joint_names, taken.gripper_joint) == (("a", "b"), "g")
    np.testing.assert_array_equal(taken.gripper_positions, [0.01, 0.02])
    for field in ("positions", "velocities", "accelerations"):
        np.testing.assert_array_equal(getattr(taken, field), getattr(WIDE, field)[:, [0, 2]])


def test_a_gripper_that_is_named_already_keeps_its_field():
    named = replace(WIDE, gripper_joint="g", gripper_positions=np.zeros(2))
    assert named.without_gripper_column("g") is named
    assert WIDE.without_gripper_column("x") is WIDE


@pytest.mark.parametrize(
    ("rows", "value", "word"),
    [
        ([], 0.0, "no values"),
        ([[1.0], [1.0, 2.0]], 1.0, "1 values"),
        ([[1.0], [], [1.0, 2.0, 3.0]], 0.0, "0, 1, 3 values"),
    ],
)
def test_rows_of_another_width_are_refused_with_the_width(rows, value, word):
    with pytest.raises(Refused, match=word) as refused:
        matrix(rows, 2, "positions")
    verdict = refused.value.verdict
    assert (verdict.decision, verdict.rule, verdict.reason) == (Decision.HOLD, "dimensions", "dimensions")
    assert (verdict.value, verdict.limit) == (value, 2.0) and verdict.detail.startswith("positions has points of")


def test_rows_become_floats():
    assert matrix([[1, 2], [3, 4]], 2, "positions").dtype == np.float64


def test_places_are_remembered_as_long_as_the_window():
    places = Places(1.0)
    assert places.at(5) is None
    for second in (0, 1, 2):
        places.add(second * 10**9, np.array([float(second)]))
    assert places.at(10**9 - 1) is None  # forgotten
    assert places.at(10**9)[0] == 1.0 and places.at(2 * 10**9 - 1)[0] == 1.0  # a second old is not too old
    assert places.at(2 * 10**9)[0] == places.at(9 * 10**9)[0] == 2.0


def test_after_a_step_back_of_the_clock_the_past_is_void():
    places = Places(10.0)
    places.add(1, np.array([0.0]))
    places.add(5, np.array([1.0]))
    places.add(5, np.array([2.0]))  # standing still is no step back
    assert places.at(1)[0] == 0.0 and places.at(5)[0] == 2.0
    places.add(4, np.array([3.0]))
    assert places.at(3) is None and places.at(5)[0] == 3.0
