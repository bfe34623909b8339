"""One row of the report: all repetitions of one fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proof.faults.judge import Facts, Goal, failures, percentile


@dataclass(slots=True)
class Row:
    """Filled as repetitions come in. skipped: why the stack cannot have it. broken: repetitions that never began."""

    fault: str
    group: str
    goal: Goal
    facts: list[Facts] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def why(self) -> list[str]:
        """What is not as it has to be, each once, in the order of appearance."""
        found = [reason for facts in self.facts for reason in failures(facts, self.goal)] + self.broken
        return list(dict.fromkeys(found))

    @property
    def ok(self) -> bool | None:
        """None: not tried."""
        return None if not (self.facts or self.broken) else not self.why

    def milliseconds(self, name: str, share: float) -> float | None:
        """Percentile of ``detection_s`` or ``rest_s`` over the repetitions that have it [ms]."""
        values = [value for facts in self.facts if (value := getattr(facts, name)) is not None]
        found = percentile(values, share)
        return None if found is None else round(found * 1e3, 1)

    def most(self, name: str) -> float:
        """Largest over the repetitions."""
        return max((getattr(facts, name) for facts in self.facts), default=0.0)

    def words(self, name: str) -> str:
        """The texts of the repetitions, each once."""
        return ", ".join(dict.fromkeys(text for facts in self.facts if (text := getattr(facts, name))))

    def as_mapping(self) -> dict[str, Any]:
        """As the report has it. ``detection_ms`` and ``rest_ms`` are the p99; of few repetitions that is the worst."""

        def ms(seconds: float | None) -> float | None:
            return None if seconds is None else round(seconds * 1e3, 1)

        return {
            "fault": self.fault,
            "group": self.group,
            "repetitions": len(self.facts) + len(self.broken),
            "skipped": self.skipped,
            "detection_ms": self.milliseconds("detection_s", 99),
            "detection": {f"p{share}": self.milliseconds("detection_s", share) for share in (50, 99)},
            "rest_ms": self.milliseconds("rest_s", 99),
            "rest": {f"p{share}": self.milliseconds("rest_s", share) for share in (50, 99)},
            "peak_violation": self.most("peak_excess") if self.facts else None,
            "contact": self.words("contact"),
            "reason": self.words("reason"),
            "speed_at_fault_rad_s": [round(facts.speed_at_fault, 2) for facts in self.facts],
            "recovered": bool(self.facts) and not self.broken and all(facts.recovered for facts in self.facts),
            "recovery": self.words("recovery"),
            "recovery_s": round(self.most("recovery_s"), 1),
            "goal": {
                "outcome": self.goal.outcome,
                "detection_ms": ms(self.goal.detection_s),
                "rest_ms": ms(self.goal.rest_s),
                "reasons": list(self.goal.reasons),
                "latched": self.goal.latched,
            },
            "ok": self.ok,
            "why": self.why,
        }
