"""From a log to a verdict: plain functions, the same numbers every time.

Rest: the first instant from which every sample until the end stays below ``rest_rad_s``, and at least ``SETTLED_S`` of
them are seen. It is counted in the robot's own time (the stamps of the ground truth), so that a simulator that is slow
for want of a core does not look like an arm that does not brake; without stamps, by receipt.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from proof.faults.record import Said, Sample

SETTLED_S = 0.3
EXCESS = 1e-6
"""Fraction of a limit below which an excess is rounding."""

REST, EITHER = "rest", "rest or nominal"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a fault has to keep. detection_s None: nobody is there to notice. rest_s None: the arm may go on.

    reasons: codes of which one has to be given; empty with any_reason: whichever. latched: only a reset may end it.
    """

    detection_s: float | None
    rest_s: float | None
    reasons: tuple[str, ...] = ()
    any_reason: bool = False
    latched: bool = False

    @property
    def outcome(self) -> str:
        """In words."""
        return EITHER if self.rest_s is None else REST


@dataclass(frozen=True, slots=True)
class Facts:
    """What one repetition showed. None: it did not happen, or there was nothing to see."""

    detection_s: float | None
    reason: str
    rest_s: float | None
    peak_excess: float
    contact: str
    speed_at_fault: float
    recovered: bool
    recovery: str
    recovery_s: float
    moved_while_latched: bool = False
    checks: tuple[str, ...] = field(default_factory=tuple)  # what a fault's own checks found wrong


def detection(said: Sequence[Said], fault_ns: int, goal: Goal, before: str = "") -> Said | None:
    """The first status after the fault that gives one of the reasons; any new one, when any will do."""
    for status in said:
        if status.steady_ns < fault_ns or not status.reason:
            continue
        if status.reason in goal.reasons or (goal.any_reason and status.reason != before):
            return status
    return None


def rest_at(samples: Sequence[Sample], from_ns: int, until_ns: int, rest_rad_s: float) -> Sample | None:
    """The sample at which the arm has come to rest, of those received in [from_ns, until_ns]; None: it has not."""
    seen = [sample for sample in samples if from_ns <= sample.steady_ns <= until_ns]
    first: Sample | None = None
    for sample in reversed(seen):
        if not sample.speed < rest_rad_s:  # NaN is no rest
            break
        first = sample
    if first is None or (seen[-1].steady_ns - first.steady_ns) * 1e-9 < SETTLED_S:
        return None
    return first


def seconds_to(samples: Sequence[Sample], from_ns: int, to: Sample) -> float:
    """From the steady time ``from_ns`` to ``to``, in the robot's own time; never negative [s]."""
    start = robot_time(samples, from_ns)
    if start is None or not to.stamp_ns:
        return max(to.steady_ns - from_ns, 0) * 1e-9
    return max(to.stamp_ns - start, 0.0) * 1e-9


def robot_time(samples: Sequence[Sample], steady_ns: int) -> float | None:
    """The robot's time at a steady time [ns], between the samples around it; None without stamps."""
    before = [sample for sample in samples if sample.steady_ns <= steady_ns and sample.stamp_ns]
    after = [sample for sample in samples if sample.steady_ns > steady_ns and sample.stamp_ns]
    if not before or not after:
        return None
    low, high = before[-1], after[0]
    share = (steady_ns - low.steady_ns) / (high.steady_ns - low.steady_ns)
    return low.stamp_ns + share * (high.stamp_ns - low.stamp_ns)


def failures(facts: Facts, goal: Goal) -> list[str]:
    """What is not as it has to be; empty: ok."""
    found = list(facts.checks)
    if goal.detection_s is not None:
        if facts.detection_s is None:
            found.append("never detected")
        elif facts.detection_s > goal.detection_s:
            found.append(f"detected after {facts.detection_s * 1e3:.0f} ms")
    if goal.rest_s is not None:
        if facts.rest_s is None:
            found.append("no rest")
        elif facts.rest_s > goal.rest_s:
            found.append(f"at rest after {facts.rest_s * 1e3:.0f} ms")
    if facts.peak_excess > EXCESS:
        found.append(f"limit exceeded by {facts.peak_excess:.2%}")
    if facts.contact:
        found.append(f"touched: {facts.contact}")
    if facts.moved_while_latched:
        found.append("moved before the reset")
    if not facts.recovered:
        found.append("did not recover")
    return found


def percentile(values: Collection[float], share: float) -> float | None:
    """Nearest rank; of few values, p99 is the largest."""
    if not values:
        return None
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 100)  # rounded up
    return ordered[max(int(rank), 1) - 1]
