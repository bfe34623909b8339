"""The shipped policy from nothing: expert data, cloning, a corrective round, export, evaluation.

``make train`` runs this in about an hour on two cores. Every stage leaves its result under ``--out`` and is skipped
when the result is there, so that an interrupted run goes on where it stopped; the seeds are fixed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from vla_policy.training import corrections, evaluate, export, plot, train
from vla_sim import demonstrations

CORRECTION_SEED = 500_000  # first scene of the corrective round; the demonstrations start at 0


@dataclass(frozen=True)
class Recipe:
    """Sizes of the run that made the shipped policy."""

    demonstrations: int = 1500  # episodes
    corrections: int = 300  # episodes
    steps: int = 3400
    correct_after: int = 1800  # steps before the corrective round
    scenes: int = 100  # evaluation, per task and wording


def stages(recipe: Recipe, out: Path, workers: int) -> list[tuple[str, Callable[[], None]]]:
    """Name and work of each stage, in order."""
    data, extra, language, run = out / "demonstrations", out / "corrections", out / "language", out / "run"
    first, bundle, docs = out / "first", out / "bundle", out / "results"

    def fit(folders: list[Path], until: int) -> None:
        train.main(
            ["--data", *map(str, folders), "--language", str(language), "--out", str(run), "--workers", str(workers)]
            + ["--steps", str(recipe.steps), "--until", str(until)]
        )

    def record() -> None:
        demonstrations.main(["--episodes", str(recipe.demonstrations), "--out", str(data), "--workers", str(workers)])

    def correct() -> None:
        export.export_bundle(run, language, first)
        corrections.main(
            ["--bundle", str(first), "--episodes", str(recipe.corrections), "--out", str(extra)]
            + ["--first-seed", str(CORRECTION_SEED), "--workers", str(workers)]
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
        ("behaviour cloning", lambda: fit([data], recipe.correct_after)),
        ("corrective round", correct),
        ("cloning with corrections", lambda: fit([data, extra], recipe.steps)),
        ("export", lambda: print(export.export_bundle(run, language, bundle).path)),
        ("evaluation on unseen scenes", judge),
        ("plot and table", lambda: plot.main(["--run", str(run), "--out", str(docs)])),
    ]


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
