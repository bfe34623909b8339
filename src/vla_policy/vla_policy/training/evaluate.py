"""Success of a bundle in lock-step simulation on scenes and sentences that training never saw.

``python -m vla_policy.training.evaluate --bundle DIR --out DIR`` writes ``evaluation.json`` and ``evaluation.md``.
Scenes come from ``EVALUATION_SEEDS`` only. An attempt succeeds when the goal has held for 1 s without a break.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import random
from pathlib import Path
from typing import Any

from rich.progress import track

from vla_core.contract import load_bundle
from vla_policy.training.grammar import COLORS, TASKS, Split, sample_instruction
from vla_policy.training.rollout import Attempt, attempt
from vla_sim.sampling import scene_from_seed
from vla_sim.spec import EVALUATION_SEEDS
from vla_sim.tasks import EpisodeJudge

_WORKER: dict[str, Any] = {}


def _start(bundle: Path, latency_s: float) -> None:
    """Give a worker process its own simulation and policy."""
    from vla_policy.onnx_policy import OnnxPolicy
    from vla_sim.simulation import TabletopSim

    _WORKER.update(sim=TabletopSim(), policy=OnnxPolicy(load_bundle(bundle)), latency_s=latency_s)


def _evaluate(job: tuple[str, Split, int]) -> tuple[str, str, str, Attempt]:
    """One attempt: fresh scene, fresh sentence."""
    task, split, number = job
    rng = random.Random(f"{task} {split} {number}")
    color = rng.choice(COLORS)
    sim = _WORKER["sim"]
    sim.reset(scene_from_seed(EVALUATION_SEEDS[number], task=task, target=color))
    sentence = sample_instruction(rng, task, color, split)
    judge = EpisodeJudge(task, color, sim.state())
    result = attempt(sim, _WORKER["policy"], sentence.text, judge, latency_s=_WORKER["latency_s"])
    return task, split, sentence.text, result


def evaluate(bundle: Path, scenes: int, workers: int, latency_s: float = 0.0, first: int = 0) -> dict[str, Any]:
    """``scenes`` attempts per task and split; per split and task the success and wrong-object rates."""
    jobs: list[tuple[str, Split, int]] = [
        (task, split, first + number) for split in ("train", "heldout") for task in TASKS for number in range(scenes)
    ]
    with mp.get_context("spawn").Pool(workers, _start, (bundle, latency_s)) as pool:
        done = pool.imap_unordered(_evaluate, jobs, chunksize=4)
        results = list(track(done, total=len(jobs), description="evaluating"))
    report: dict[str, Any] = {"scenes_per_task": scenes, "latency_s": latency_s, "failures": []}
    for split in ("train", "heldout"):
        report[split] = {}
        for task in TASKS:
            mine = [result for t, s, _, result in results if (t, s) == (task, split)]
            report[split][task] = {
                "success": sum(r.success for r in mine) / len(mine),
                "wrong_object": sum(r.wrong_object for r in mine) / len(mine),
                "duration_s": sum(r.duration_s for r in mine if r.success) / max(1, sum(r.success for r in mine)),
            }
    report["failures"] = sorted(f"{split}: {text}" for _, split, text, result in results if not result.success)
    return report


def markdown(report: dict[str, Any]) -> str:
    """The report as a table."""
    lines = [
        f"{report['scenes_per_task']} unseen scenes per task and wording, success held for 1 s, lock-step, "
        f"{1000 * report['latency_s']:.0f} ms of simulated latency.",
        "",
        "| wording | " + " | ".join(TASKS) + " | mean | wrong object |",
        "|---" * 7 + "|",
    ]
    for split, name in (("train", "training"), ("heldout", "held out")):
        rows = [report[split][task] for task in TASKS]
        mean = sum(row["success"] for row in rows) / len(rows)
        wrong = sum(row["wrong_object"] for row in rows) / len(rows)
        cells = " | ".join(f"{row['success']:.1%}" for row in rows)
        lines.append(f"| {name} | {cells} | **{mean:.1%}** | {wrong:.2%} |")
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=100, help="per task and wording")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds; a multiple of 0.01 below 0.1")
    parser.add_argument("--first", type=int, default=0, help="number of the first evaluation scene")
    args = parser.parse_args(argv)
    os.environ.setdefault("MUJOCO_GL", "egl")
    report = evaluate(args.bundle, args.scenes, args.workers, args.latency, args.first)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "evaluation.json").write_text(json.dumps(report, indent=1))
    (args.out / "evaluation.md").write_text(markdown(report))
    print(markdown(report))


if __name__ == "__main__":
    main()
