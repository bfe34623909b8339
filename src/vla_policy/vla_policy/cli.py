"""``python -m vla_policy check BUNDLE``, ``info``, ``eval``, ``import``, ``data``, ``train``, ``memory``:
what ``vla policy`` runs. No ROS.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from vla_core.contract import Contract, load_contract
from vla_core.errors import VlaError
from vla_policy.check import check_bundle
from vla_policy.cloning.command import train
from vla_policy.data.commands import app as data
from vla_policy.foreign.cli import app as foreign
from vla_policy.measure import Latency
from vla_policy.memory.command import memory
from vla_policy.presets import load_preset, preset_names
from vla_policy.runtimes import RuntimeSettings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Look at policy bundles, or make them.")
app.add_typer(foreign, name="import")
app.add_typer(data, name="data")
app.command("train")(train)
app.command("memory")(memory)
BundleArgument = Annotated[Path, typer.Argument(help="folder with policy.yaml", metavar="BUNDLE")]


@app.command()
def check(
    bundle: BundleArgument,
    urdf: Annotated[Path | None, typer.Option(help="robot that the bundle must fit")] = None,
    runs: Annotated[int, typer.Option(min=1, help="inferences to time")] = 50,
    threads: Annotated[int, typer.Option(min=1, help="threads of one inference")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
) -> None:
    """Verify every file, the contract and the model, and measure the speed. Exit status 1: not usable."""
    if device not in ("auto", "cpu", "cuda"):
        raise typer.BadParameter(f"'{device}' is none of auto, cpu, cuda", param_hint="--device")
    console = Console()
    settings = RuntimeSettings(threads=threads, device=device)
    usable = True
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("timing", total=runs)
        for finding in check_bundle(
            bundle, urdf=urdf, settings=settings, runs=runs, on_run=lambda: progress.advance(task)
        ):
            usable = usable and finding.ok
            mark = "[green]ok    [/]" if finding.ok else "[red]failed[/]"
            console.print(f"{mark} {finding.question}: {escape(finding.detail)}", soft_wrap=True)
            if finding.latency is not None:
                console.print(_latency_table(finding.latency))
    raise typer.Exit(0 if usable else 1)


@app.command()
def info(bundle: BundleArgument) -> None:
    """Show what the contract says, without verifying the files."""
    console = Console()
    try:
        contract = load_contract(bundle)
    except VlaError as error:
        console.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
        raise typer.Exit(1) from error
    table = Table(title=contract.policy_id, show_header=False)
    for name, value in _facts(contract):
        table.add_row(name, escape(value))
    console.print(table)


@app.command("eval")
def evaluate(
    bundle: BundleArgument,
    scenes: Annotated[int, typer.Option(min=1, help="unseen scenes per task and condition")] = 100,
    condition: Annotated[list[str] | None, typer.Option(help="only this condition; may be repeated")] = None,
    seed: Annotated[int, typer.Option(min=0, max=99, help="other scenes and sentences")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="processes")] = 2,
    out: Annotated[Path, typer.Option(help="folder of the reports")] = Path("out/eval"),
) -> None:
    """Judge a bundle in the simulated cell: success, robustness, smoothness, failures. Exit status 1: refused."""
    from vla_policy.evaluation.command import evaluate as run
    from vla_policy.evaluation.condition import chosen

    console = Console()
    try:
        run(bundle, chosen(condition or []), scenes, seed, processes, out, console)
    except VlaError as error:
        console.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
        raise typer.Exit(1) from error


@app.command()
def presets() -> None:
    """List the model presets: parameters, blocks, paper. What each parameter count rests on is in its file."""
    table = Table("preset", "trained", "frozen", "blocks", "variants", "paper", title="presets")
    for name in preset_names():
        preset = load_preset(name)
        counts = [f"{preset.parameters[key] / 1e6:,.1f} M" for key in ("trained", "frozen")]
        paper = f"arXiv {preset.paper['arxiv']}"
        table.add_row(name, *counts, escape(preset.blocks), ", ".join(preset.variants), escape(paper))
    Console().print(table)


def _facts(contract: Contract) -> list[tuple[str, str]]:
    action, gripper = contract.action, contract.action.gripper
    cameras = (f"{camera.name} {camera.width}x{camera.height} {camera.encoding}" for camera in contract.cameras)
    facts = [
        ("runtime", contract.runtime),
        ("license", contract.license),
        ("cameras", ", ".join(cameras) or "none"),
        ("state", ", ".join(f"{dimension.name} [{dimension.unit}]" for dimension in contract.state) or "none"),
        ("action", f"{action.space}, {action.kind}: {', '.join(action.names)}"),
        ("gripper", "none" if gripper is None else f"{gripper.name} [{gripper.unit}], {gripper.kind}"),
        ("chunk", f"{action.horizon} steps of {action.period_s:g} s"),
        ("done signal", "none" if contract.done is None else f"from {contract.done.threshold:g} on"),
        ("files", "\n".join(name for name, _ in contract.files) or "none"),
    ]
    return [(name, value) for name, value in facts if value]


def _latency_table(latency: Latency) -> Table:
    table = Table("", "ms", title=f"one inference, {latency.runs} runs")
    rows = {"p50": latency.p50_ms, "p95": latency.p95_ms, "p99": latency.p99_ms}
    rows |= {f"{stage} (median)": value for stage, value in latency.stages_ms.items()}
    rows["first of a new sentence"] = latency.first_sentence_ms
    for name, value in rows.items():
        table.add_row(name, f"{value:.2f}")
    return table


if __name__ == "__main__":
    app()
