"""``vla policy data …``: make, convert, check datasets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn

from vla_core.errors import VlaError

_EXTRA: Final = ("av", "pyarrow", "pandas")
app = typer.Typer(add_completion=False, no_args_is_help=True, help="Datasets of demonstrations (LeRobotDataset v3).")
DatasetArgument = Annotated[Path, typer.Argument(help="folder of the dataset", metavar="DATASET")]
OutArgument = Annotated[Path, typer.Argument(help="folder to write", metavar="OUT")]


@app.command()
def make(
    out: OutArgument,
    episodes: Annotated[int, typer.Option(min=1, help="number of episodes")] = 200,
    task: Annotated[list[str] | None, typer.Option(help="only this task; may be repeated")] = None,
    processes: Annotated[int, typer.Option(min=1, help="processes")] = 2,
    first_seed: Annotated[int, typer.Option(min=0, help="seed of the first scene")] = 0,
) -> None:
    """Record demonstrations of the scripted expert. Run again after an interruption, it goes on."""
    frames = 0
    with _reported() as console, _bar(console) as progress:
        from vla_policy.data.recording import Recipe, record
        from vla_sim.spec import ALL_TASKS

        recipe = Recipe(episodes, tuple(task or ALL_TASKS), first_seed)
        bar = progress.add_task("recording", total=episodes)
        for what, done, more in record(recipe, out, processes):
            frames += more
            progress.update(bar, advance=done, description=f"{what} ({frames} new frames)")
    Console().print(f"dataset: {out}", soft_wrap=True)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="folder of shards, or a dataset", metavar="SOURCE")],
    out: OutArgument,
) -> None:
    """Shards of `vla_sim.demonstrations` to a dataset, or a dataset to shards: whichever SOURCE is not."""
    with _reported() as console, _bar(console) as progress:
        from vla_policy.data.layout import INFO
        from vla_policy.data.shards import from_shards, to_shards

        bar = progress.add_task("converting", total=None)
        steps = to_shards(source, out) if (source / INFO).exists() else from_shards(source, out)
        for done, total in steps:
            progress.update(bar, completed=done, total=total)
    Console().print(f"written: {out}", soft_wrap=True)


@app.command()
def check(
    dataset: DatasetArgument,
    bundle: Annotated[Path | None, typer.Option(help="policy whose names and rate it must have")] = None,
) -> None:
    """Read every number and every image. Exit status 1: refused, with the episode and the frame."""
    with _reported() as console, _bar(console) as progress:
        from vla_core.contract import load_contract
        from vla_policy.data.checking import check as run

        contract = None if bundle is None else load_contract(bundle)
        bar = progress.add_task("checking", total=None)
        summary = run(dataset, contract, lambda done, total: progress.update(bar, completed=done, total=total))
    Console().print(
        f"[green]sound[/]: {summary.episodes} episodes, {summary.frames} frames, {summary.duration_s / 60:.1f} min, "
        f"{summary.instructions} sentences, {', '.join(summary.cameras) or 'no cameras'}",
        soft_wrap=True,
    )


@app.command()
def stats(dataset: DatasetArgument) -> None:
    """Compute meta/stats.json anew from the data."""
    with _reported() as console, _bar(console) as progress:
        from vla_policy.data.restating import restate

        bar = progress.add_task("reading", total=None)
        restate(dataset, lambda done, total: progress.update(bar, completed=done, total=total))
    Console().print(f"written: {dataset / 'meta/stats.json'}", soft_wrap=True)


def _bar(console: Console) -> Progress:
    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class _reported:  # used as a function
    """Refusals in red, exit status 1."""

    def __enter__(self) -> Console:
        self._console = Console()
        return self._console

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, VlaError):
            self._console.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
            raise typer.Exit(1) from error
        if isinstance(error, ModuleNotFoundError) and error.name in _EXTRA:
            self._console.print(
                f"[red]datasets need {', '.join(_EXTRA)}, and {error.name} is not in {sys.executable}; "
                "use the training environment: `make testpolicy` makes it, VLA_POLICY_PYTHON=.venv-train/bin/python "
                "names it[/]",
                soft_wrap=True,
            )
            raise typer.Exit(1) from error
