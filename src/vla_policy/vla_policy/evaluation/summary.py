"""``report.json``: what all attempts say together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from vla_policy.evaluation.attempts import Result
from vla_policy.evaluation.condition import NOMINAL, Condition
from vla_policy.evaluation.intervals import wilson
from vla_policy.training.grammar import TASKS

MEASURES = {
    "time_s": "time [s]",
    "path_rad": "joint path [rad]",
    "tool_path_m": "tool path [m]",
    "energy_j": "energy [J]",
    "jerk_rad_s3": "rms jerk [rad/s³]",
    "sparc": "spectral arc length",
    "precision_m": "reach: tool beside the cube [m]",
}


def summarize(results: Sequence[Result], conditions: Iterable[Condition], policy_id: str, seed: int) -> dict[str, Any]:
    """Rates with their 95 % Wilson intervals per condition and task, measures of what succeeded, failures by kind.

    ``tasks`` is the nominal condition; ``conditions`` has every other by its name, in the same form.
    """
    by_name = {
        condition.name: [result for result in results if result.job.condition == condition] for condition in conditions
    }
    nominal = by_name.get(NOMINAL.name, [])
    calls_ms = [call for result in results for call in result.calls_ms]
    return {
        "policy_id": policy_id,
        "seed": seed,
        "scenes_per_task": max((result.job.number for result in results), default=-1) + 1,
        "tasks": _by_task(nominal),
        "conditions": {
            name: {"title": attempts[0].job.condition.title, "all": rates(attempts), "tasks": _by_task(attempts)}
            for name, attempts in by_name.items()
            if attempts
        },
        "measures": {
            task: _measures([result for result in nominal if result.success and result.job.task == task])
            for task in TASKS
        },
        "max_limit_violation": max((result.max_limit_violation for result in results), default=math.nan),
        "calls_per_second": 1e3 / float(np.median(calls_ms)) if calls_ms else math.nan,
        "failures": dict(Counter(result.failure for result in results if result.failure)),
    }


def rates(attempts: Sequence[Result]) -> dict[str, Any]:
    """``success``, its ``ci95``, ``n``, and the ``wrong_object`` rate of ``attempts``, which must not be empty."""
    count, successes = len(attempts), sum(result.success for result in attempts)
    return {
        "success": successes / count,
        "ci95": list(wilson(successes, count)),
        "n": count,
        "wrong_object": sum(result.wrong_object for result in attempts) / count,
    }


def _by_task(attempts: Sequence[Result]) -> dict[str, Any]:
    groups = {task: [result for result in attempts if result.job.task == task] for task in TASKS}
    return {task: rates(group) for task, group in groups.items() if group}


def _measures(succeeded: Sequence[Result]) -> dict[str, float]:
    """Medians; a measure that nothing had is left out."""
    medians = {}
    for name in MEASURES:
        values = np.array([getattr(result, name) for result in succeeded], dtype=np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            medians[name] = float(np.median(values))
    return medians
