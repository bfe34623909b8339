"""How long a policy takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vla_core.policy import Policy
from vla_policy.example import example_observation

_DIFFERENT_IMAGES = 4


@dataclass(frozen=True, slots=True)
class Latency:
    """Of ``runs`` inferences one after the other, each with other images than the one before [ms].

    stages_ms: median of each stage that the policy times itself. first_sentence_ms: the first inference for a new
    instruction, which is the one that encodes it.
    """

    runs: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    chunks_per_s: float
    first_sentence_ms: float
    stages_ms: dict[str, float]


def measure_latency(
    policy: Policy,
    runs: int,
    *,
    instruction: str = "push the green cube to the left",
    clock: Callable[[], float] = time.perf_counter,
    on_run: Callable[[], None] = lambda: None,
) -> Latency:
    """Infer ``runs`` times, after one that is reported apart.

    Raises:
        ActionError: the policy's answer is not valid; like every error of ``infer`` it is passed on.
    """
    if runs < 1:
        raise ValueError(f"runs must be at least 1; got {runs}")
    observations = [example_observation(policy.contract, instruction, seed) for seed in range(_DIFFERENT_IMAGES)]
    first = clock()
    policy.infer(observations[0])
    first_ms = (clock() - first) * 1e3
    durations_ms: list[float] = []
    stages: dict[str, list[float]] = {}
    for run in range(runs):
        started = clock()
        chunk = policy.infer(observations[run % _DIFFERENT_IMAGES])
        durations_ms.append((clock() - started) * 1e3)
        for stage, duration_ms in chunk.timing_ms.items():
            stages.setdefault(stage, []).append(duration_ms)
        on_run()
    p50, p95, p99 = (float(value) for value in np.percentile(durations_ms, (50, 95, 99)))
    rate = 1e3 * runs / sum(durations_ms)
    medians = {stage: float(np.median(values)) for stage, values in stages.items()}
    return Latency(runs, p50, p95, p99, rate, first_ms, medians)
