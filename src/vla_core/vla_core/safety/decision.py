"""What a rule answers, and the ladder the answers form."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Decision(IntEnum):
    """The repair ladder from mildest to strictest; the values are those of ``SafetyStatus``."""

    NONE = 0
    PASS = 1
    SLOW = 2
    HOLD = 3
    STOP = 4


@dataclass(frozen=True, slots=True)
class Limit:
    """One declared limit: its value, its unit, and why it is what it is."""

    value: float
    unit: str
    reason: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0.0):
            raise ValueError(f"a limit must be positive and finite, not {self.value} {self.unit} ({self.reason})")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's answer about one plan, or about the state of the robot.

    decision: rung of the ladder.
    rule, reason: name of the rule, and its stable machine-readable code.
    detail: one sentence for a human: field, value, limit, remedy.
    value, limit: in the rule's unit; NaN when there is none.
    scale: (0, 1], for SLOW: by how much time must be stretched.
    until_s: for HOLD: plan time up to which the plan is good, -inf when none of it is.
    brakes: whether a running plan is given up too; False only refuses the newcomer.
    """

    decision: Decision
    rule: str = ""
    reason: str = ""
    detail: str = ""
    value: float = math.nan
    limit: float = math.nan
    scale: float = 1.0
    until_s: float = -math.inf
    brakes: bool = True


PASSED = Verdict(Decision.PASS)


def worst(verdicts: Iterable[Verdict | None]) -> Verdict:
    """The most restrictive verdict; among equals the one that leaves less. None counts as passed."""
    chosen = PASSED
    for verdict in verdicts:
        if verdict is not None and _strictness(verdict) > _strictness(chosen):
            chosen = verdict
    return chosen


def _strictness(verdict: Verdict) -> tuple[int, bool, float, float]:
    return (verdict.decision, verdict.brakes, -verdict.until_s, -verdict.scale)
