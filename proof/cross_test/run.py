"""``python -m proof.cross_test``: episodes of the shipped policy through planner, gate, controller and MuJoCo.

Lock-step and on simulated time, so every run with the same arguments decides the same. Counts what the gate decided of
each chunk and what the simulator's own judge of limits saw. A chunk for which the policy itself asks to go slower, or
to hold, is counted apart. Exit status 1: of the others fewer than 99 % passed unrepaired, or a limit was broken.
Result: out/proof/cross_test.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import random
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from proof.cross_test.gated import Decided, GatedArm, Sensors, shipped_replan_hz
from vla_core.contract import Bundle, load_bundle
from vla_policy.onnx_policy import OnnxPolicy
from vla_policy.training.grammar import COLORS, TASKS, sample_instruction
from vla_policy.training.rollout import STEP_S, attempt
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import EVALUATION_SEEDS
from vla_sim.tasks import EpisodeJudge

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "src" / "vla_policy" / "policies" / "tabletop"
OUT = ROOT / "out" / "proof" / "cross_test.json"
GOAL = 0.99  # share of the chunks the policy was sure of that must pass unrepaired
TOUCH = 1e-3  # a servo's overshoot of a limit by less than this share is no violation
_WORKER: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Options:
    """replan_hz: chunks a second. latency_s: from the images to the chunk's arrival. timeout_s: of an episode."""

    replan_hz: float
    latency_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode. excess: largest excess over a joint limit that MuJoCo saw, as a fraction. stop: cause of a stop."""

    seed: int
    task: str
    instruction: str
    success: bool
    wrong_object: bool
    duration_s: float
    excess: float
    stop: str
    decided: list[Decided]


def play(sim: TabletopSim, policy: OnnxPolicy, number: int, options: Options) -> Episode:
    """The episode of ``number``: tasks in turn, a fresh scene, a sentence of the training grammar."""
    seed, task = EVALUATION_SEEDS[number], TASKS[number % len(TASKS)]
    rng = random.Random(f"cross test {number}")
    color = rng.choice(COLORS)
    sim.reset(scene_from_seed(seed, task=task, target=color))
    text = sample_instruction(rng, task, color).text
    arm = GatedArm(sim, policy.contract, text)
    judge = EpisodeJudge(task, color, sim.state())
    result = attempt(
        sim, policy, text, judge,
        latency_s=options.latency_s, timeout_s=options.timeout_s, period_s=1.0 / options.replan_hz, mover=arm,
        spoil=Sensors(seed),
    )  # fmt: skip
    excess = max(0.0, sim.max_limit_violation)
    return Episode(
        seed, task, text, result.success, result.wrong_object, result.duration_s, excess, arm.stop, arm.decided
    )


def _start(bundle: Path, options: Options) -> None:
    loaded: Bundle = load_bundle(bundle)
    _WORKER.update(sim=TabletopSim(), policy=OnnxPolicy(loaded), options=options)


def _play(number: int) -> Episode:
    return play(_WORKER["sim"], _WORKER["policy"], number, _WORKER["options"])


def summary(episodes: list[Episode], options: Options) -> dict[str, Any]:
    """Counts, and every chunk that did not pass as it was."""
    chunks = [(episode, decided) for episode in episodes for decided in episode.decided]
    repaired = [
        {"seed": episode.seed, "task": episode.task, **asdict(decided)}
        for episode, decided in chunks
        if decided.decision != "PASS"
    ]
    passed = len(chunks) - len(repaired)
    sure = [decided for _, decided in chunks if decided.speed_scale >= 1.0]
    sure_passed = sum(decided.decision == "PASS" for decided in sure)
    return {
        "options": asdict(options),
        "episodes": len(episodes),
        "success": {task: _rate([one.success for one in episodes if one.task == task]) for task in TASKS},
        "wrong_object": sum(one.wrong_object for one in episodes),
        "chunks": len(chunks),
        "passed": passed,
        "passed_share": passed / max(1, len(chunks)),
        "sure": len(sure),
        "sure_passed_share": sure_passed / max(1, len(sure)),
        "decisions": dict(Counter(decided.decision for _, decided in chunks)),
        "reasons": dict(Counter(f"{one['decision']} {one['reason']}" for one in repaired).most_common()),
        "repaired": repaired,
        "stops": [{"seed": one.seed, "task": one.task, "stop": one.stop} for one in episodes if one.stop],
        "violations": [
            {"seed": one.seed, "task": one.task, "excess": one.excess} for one in episodes if one.excess > TOUCH
        ],
        "largest_excess": max((one.excess for one in episodes), default=0.0),
    }


def _rate(values: list[bool]) -> list[int]:
    return [sum(values), len(values)]


def holds(result: dict[str, Any]) -> bool:
    """Whether the promise is kept."""
    return result["sure"] > 0 and result["sure_passed_share"] >= GOAL and not result["violations"]


def show(result: dict[str, Any], console: Console) -> None:
    """The table, and the reasons."""
    table = Table(title=f"planner against gate: {result['episodes']} episodes at {result['options']['replan_hz']:g} Hz")
    table.add_column("what")
    table.add_column("count", justify="right")
    table.add_column("share", justify="right")
    total = max(1, result["chunks"])
    for decision in ("PASS", "SLOW", "HOLD", "STOP", "DROPPED"):
        count = result["decisions"].get(decision, 0)
        table.add_row(f"chunks {decision}", str(count), f"{count / total:.2%}")
    table.add_row("chunks the policy was sure of", str(result["sure"]), f"{result['sure'] / total:.2%}")
    table.add_row("of these, passed", "", f"{result['sure_passed_share']:.2%}")
    table.add_row("episodes with a latched stop", str(len(result["stops"])), "")
    table.add_row("episodes with a broken limit", str(len(result["violations"])), "")
    table.add_row("largest excess over a limit", "", f"{result['largest_excess']:.3%}")
    for task, (good, all_) in result["success"].items():
        table.add_row(f"success {task}", f"{good} of {all_}", f"{good / max(1, all_):.0%}")
    table.add_row("wrong object", str(result["wrong_object"]), "")
    console.print(table)
    examples = {f"{one['decision']} {one['reason']}": one for one in reversed(result["repaired"])}
    for reason, count in result["reasons"].items():
        one = examples[reason]
        console.print(f"{count} × {reason}, first: seed {one['seed']} at {one['at_s']:.2f} s: {one['detail']}")
    for one in result["stops"]:
        console.print(f"stop in seed {one['seed']} ({one['task']}): {one['stop']}")


def run(first: int, count: int, processes: int, bundle: Path, options: Options, console: Console) -> list[Episode]:
    """Episodes ``first`` to ``first + count - 1`` behind a progress bar."""
    episodes: list[Episode] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=console) as progress,
        mp.get_context("spawn").Pool(processes, _start, (bundle, options)) as pool,
    ):
        bar = progress.add_task("episodes", total=count)
        for episode in pool.imap(_play, range(first, first + count)):
            episodes.append(episode)
            progress.advance(bar)
    return episodes


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m proof.cross_test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="number of the first evaluation scene")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--replan-hz", type=float, default=shipped_replan_hz(), help="default: as shipped, %(default)g")
    parser.add_argument("--latency-ms", type=float, default=20.0, help="from images to chunk, a multiple of 10")
    parser.add_argument("--timeout", type=float, default=15.0, help="of an episode, simulated seconds")
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    options = Options(args.replan_hz, args.latency_ms * 1e-3, args.timeout)
    for name, value_s in (("--replan-hz", 1.0 / options.replan_hz), ("--latency-ms", options.latency_s)):
        if abs(value_s / STEP_S - round(value_s / STEP_S)) > 1e-6:
            parser.error(f"{name}: {value_s * 1e3:g} ms is no multiple of the control step, {STEP_S * 1e3:g} ms")
    if options.latency_s >= 1.0 / options.replan_hz:
        parser.error(f"--latency-ms must be below the period, {1e3 / options.replan_hz:g} ms")
    os.environ.setdefault("MUJOCO_GL", "egl")
    os.environ["OMP_NUM_THREADS"] = "1"
    console = Console()
    episodes = run(args.seed, args.episodes, args.processes, args.bundle, options, console)
    result = summary(episodes, options)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1))
    show(result, console)
    kept = holds(result)
    console.print(
        f"{'kept' if kept else 'BROKEN'}: {result['sure_passed_share']:.2%} of the chunks that the policy was sure of "
        f"passed unrepaired (promised {GOAL:.0%}), {result['passed_share']:.2%} of all {result['chunks']}; "
        f"{len(result['violations'])} broken limits; {args.out}"
    )
    return 0 if kept else 1
