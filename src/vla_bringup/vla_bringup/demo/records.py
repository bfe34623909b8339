"""What is written down about a run: plain values that become JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np

COUNTED = ("pass", "slow", "hold", "stop")
STAGES = ("sync", "inference", "gate", "total")


@dataclass(slots=True)
class EpisodeRecord:
    """One attempt. success: None when the sentence could not be judged. duration_s: of simulated time."""

    instruction: str
    task: str
    target: str
    scene_seed: int
    outcome: str = "running"
    success: bool | None = None
    wrong_object: bool = False
    duration_s: float = 0.0
    gate: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    gate_reasons: dict[str, int] = field(default_factory=dict)
    message: str = ""


class Event(TypedDict):
    """What the video writes on the picture from ``t`` on. t: simulated time [s]; outcome: "running" until known."""

    t: float
    instruction: str
    gate_state: str
    outcome: str


@dataclass(slots=True)
class RunRecord:
    """Everything of one run. latencies_ms: stage -> one value per executed chunk."""

    seed: int
    wording: str
    versions: dict[str, str] = field(default_factory=dict)
    episodes: list[EpisodeRecord] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    latencies_ms: dict[str, list[float]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    max_limit_violation: float = 0.0

    @property
    def success_rate(self) -> float | None:
        """Share of the judged attempts that succeeded; None without one."""
        judged = [episode.success for episode in self.episodes if episode.success is not None]
        return sum(judged) / len(judged) if judged else None


def percentiles(values: list[float]) -> dict[str, float | None]:
    """p50, p95 and p99 [ms]; None of each without a value."""
    if not values:
        return dict.fromkeys(("p50", "p95", "p99"))
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "p99": round(float(p99), 2)}
