"""The bound on what a pattern can cost: it counts every way, and refuses what would hang the matcher."""

from __future__ import annotations

import re

import pytest

from vla_core.instructions.effort import MAX_STEPS, steps_bound


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|a)*b",
        "(a|ab)*c",
        "(x+x+)+y",
        "(a*)*",
        r"(\w+\s?)+$",
        ".*.*",
        r"(?:\w+ ){3}",
        "a?" * 24,
        "(?=(a+)+b)",
    ],
)
def test_patterns_that_can_hang_are_out_of_bounds(pattern: str) -> None:
    assert steps_bound(pattern, 500) > MAX_STEPS


@pytest.mark.parametrize(
    "pattern",
    [
        "kill",
        r"\b(kill|hurt|stab)\b.*\b(person|people|human)\b",
        r"(ignore|override).{0,40}(safety|limits?)",
        "(?:ab)*c",
        "pick up the (red|green|blue) (cube|block)",
    ],
)
def test_ordinary_patterns_are_within(pattern: str) -> None:
    assert steps_bound(pattern, 500) <= MAX_STEPS


@pytest.mark.parametrize(
    ("pattern", "ways"),
    [("abc", 1), ("a?", 2), ("a{2,4}", 3), ("a*", 11), ("(red|blue)", 1), ("(ab|ac|a)x?", 2 * 2), ("(a?){2}", 4)],
)
def test_ways_are_counted(pattern: str, ways: int) -> None:
    assert steps_bound(pattern, 10) == 11 * ways


def test_what_is_no_pattern_is_said_so() -> None:
    with pytest.raises(re.error):
        steps_bound("(", 10)
