"""All attempts of an evaluation, over the cores."""

from __future__ import annotations

import multiprocessing as mp
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from vla_policy.evaluation.attempts import SCENES_PER_SEED, Job, Result, make
from vla_policy.evaluation.condition import Condition, ConditionError
from vla_policy.training.grammar import TASKS

_WORKER: dict[str, Any] = {}


def _start(bundle: Path) -> None:
    """Give a worker process its own simulation and policy."""
    os.environ.setdefault("MUJOCO_GL", "egl")
    from vla_core.contract import load_bundle
    from vla_policy.onnx_policy import OnnxPolicy
    from vla_sim.simulation import TabletopSim

    _WORKER.update(sim=TabletopSim(), policy=OnnxPolicy(load_bundle(bundle)))


def _make(job: Job) -> Result:
    return make(job, _WORKER["sim"], _WORKER["policy"])


def jobs(conditions: Sequence[Condition], scenes: int, seed: int = 0) -> list[Job]:
    """``scenes`` attempts of every task under every condition; the scenes of a task are the same under all of them.

    Raises:
        ConditionError: more scenes than a seed has.
    """
    if not 1 <= scenes <= SCENES_PER_SEED:
        raise ConditionError(f"{scenes} scenes: a seed has 1 to {SCENES_PER_SEED}")
    return [
        Job(condition, task, number, seed) for condition in conditions for task in TASKS for number in range(scenes)
    ]


def run(bundle: Path, todo: Sequence[Job], processes: int, console: Console | None = None) -> list[Result]:
    """The results in the order of ``todo``, whichever process made them."""
    with mp.get_context("spawn").Pool(processes, _start, (bundle,)) as pool:
        done = pool.imap(_make, todo, chunksize=4)
        return list(track(done, total=len(todo), description="evaluating", console=console))
