"""The shipped policy from nothing: expert data, cloning, two corrective rounds, export, evaluation.

``make train`` runs this in about an hour on two cores. Every stage leaves its result under ``--out`` and is skipped
when the result is there, so that an interrupted run goes on where it stopped; the seeds are fixed.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from vla_policy.training import calibration, corrections, evaluate, export, plot, train
from vla_sim import demonstrations

CORRECTION_SEEDS = (500_000, 510_000)  # first scene of each corrective round; the demonstrations start at 0


@dataclass(frozen=True)
class Recipe:
    """Sizes of the run that made the shipped policy."""

    demonstrations: int = 1500  # episodes
    correct_after: int = 1800  # steps before the first corrective round
    corrections: int = 300  # episodes of the first corrective round
    steps: int = 3400  # end of the schedule with the first corrections
    second_corrections: int = 240  # episodes of the second corrective round, with the annealed policy
    second_steps: int = 4300  # end of the schedule with both
    calibration_scenes: int = 25  # for the thresholds of doubt, per task and wording
    scenes: int = 100  # evaluation, per task and wording


def stages(recipe: Recipe, out: Path, workers: int) -> list[tuple[str, Callable[[], None]]]:
    """Name and work of each stage, in order."""
    data, language, run = out / "demonstrations", out / "language", out / "run"
    extra, second_extra = out / "corrections", out / "second_corrections"
    bundle, docs = out / "bundle", out / "results"

    def fit(folders: list[Path], steps: int, until: int) -> None:
        train.main(
            ["--data", *map(str, folders), "--language", str(language), "--out", str(run), "--workers", str(workers)]
            + ["--steps", str(steps), "--until", str(until)]
        )

    def record() -> None:
        demonstrations.main(["--episodes", str(recipe.demonstrations), "--out", str(data), "--workers", str(workers)])

    def correct(number: int, folder: Path, episodes: int) -> None:
        learner = out / f"learner{number}"
        export.export_bundle(run, language, learner)
        corrections.main(
            ["--bundle", str(learner), "--episodes", str(episodes), "--out", str(folder)]
            + ["--first-seed", str(CORRECTION_SEEDS[number]), "--workers", str(workers)]
        )

    def calibrate() -> None:
        calibration.main(
            ["--bundle", str(bundle), "--out", str(docs), "--scenes", str(recipe.calibration_scenes), "--write"]
            + ["--workers", str(workers)]
        )

    def judge() -> None:
        evaluate.main(
            ["--bundle", str(bundle), "--out", str(docs), "--scenes", str(recipe.scenes), "--workers", str(workers)]
        )

    def encode() -> None:
        from vla_policy.training.language import export_language_encoder

        export_language_encoder(language)

    return [
        ("sentence encoder to int8 ONNX", encode),
        ("demonstrations of the expert", record),
        ("behaviour cloning", lambda: fit([data], recipe.steps, recipe.correct_after)),
        ("first corrective round", lambda: correct(0, extra, recipe.corrections)),
        ("cloning with corrections", lambda: fit([data, extra], recipe.steps, recipe.steps)),
        ("second corrective round", lambda: correct(1, second_extra, recipe.second_corrections)),
        (
            "cloning with both",
            lambda: fit([data, extra, second_extra], recipe.second_steps, recipe.second_steps),
        ),
        ("export", lambda: print(export.export_bundle(run, language, bundle).path)),
        ("when it is unsure", calibrate),
        ("evaluation on unseen scenes", judge),
        ("plot and table", lambda: plot.main(["--run", str(run), "--out", str(docs)])),
    ]


def changes(recipe: Recipe, out: Path) -> str:
    """How the run in ``out`` differs from ``recipe``, by the values it has; empty: not at all, or it begins now."""
    noted = out / "recipe.json"
    if not noted.exists():
        noted.write_text(json.dumps(asdict(recipe)))
    before = json.loads(noted.read_text())
    wanted = asdict(recipe)
    return ", ".join(f"{name} {before.get(name)}" for name in wanted if before.get(name) != wanted[name])


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/train"))
    parser.add_argument("--workers", type=int, default=2, help="processes; one thread each")
    for name, value in vars(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value, help=f"default {value}")
    args = parser.parse_args(argv)
    os.environ.setdefault("MUJOCO_GL", "egl")
    os.environ["OMP_NUM_THREADS"] = "1"
    recipe = Recipe(**{name: getattr(args, name) for name in vars(Recipe())})
    console = Console()
    args.out.mkdir(parents=True, exist_ok=True)
    difference = changes(recipe, args.out)
    if difference:
        parser.error(f"{args.out} holds a run of other sizes ({difference}); ask for those, or name another --out")
    todo = stages(recipe, args.out.resolve(), args.workers)
    for number, (name, work) in enumerate(todo, start=1):
        done = args.out / f".stage{number}.done"
        console.rule(f"{number}/{len(todo)} {name}")
        if done.exists():
            console.print("done before")
            continue
        work()
        done.touch()
    console.print(f"\nBundle: {args.out / 'bundle'}   Results: {args.out / 'results'}")
    console.print(f"Try it:  make demo ARGS='--bundle {args.out / 'bundle'}'")


if __name__ == "__main__":
    main()
