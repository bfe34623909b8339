"""``report.json`` and the closing table."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from vla_bringup.demo.records import COUNTED, STAGES, EpisodeRecord, RunRecord, percentiles

PACKAGES = ("vla-bringup", "mujoco", "numpy", "onnxruntime", "rclpy", "ros-rclpy")


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def report(run: RunRecord) -> dict[str, Any]:
    """The content of report.json."""
    return {
        "seed": run.seed,
        "wording": run.wording,
        "versions": run.versions,
        "success_rate": run.success_rate,
        "episodes": [asdict(episode) for episode in run.episodes],
        "latency_ms": {stage: percentiles(run.latencies_ms[stage]) for stage in STAGES},
        "chunks_executed": len(run.latencies_ms["total"]),
        "max_limit_violation": run.max_limit_violation,
    }


def write_report(run: RunRecord, path: Path) -> None:
    """Write report.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report(run), indent=2) + "\n")


OUTCOME_STYLES = {"success": "green", "wrong object": "bold red", "running": "cyan", "not judged": "dim"}


def episode_table(episodes: list[EpisodeRecord]) -> Table:
    """One row an attempt."""
    table = Table(title="instructions", title_justify="left", expand=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("instruction", overflow="fold", max_width=56)
    table.add_column("outcome")
    table.add_column("time", justify="right")
    table.add_column("gate " + "/".join(COUNTED), justify="right")
    for number, episode in enumerate(episodes, 1):
        style = OUTCOME_STYLES.get(episode.outcome, "yellow")
        counts = "/".join(str(episode.gate[name]) for name in COUNTED)
        table.add_row(
            str(number), escape(episode.instruction), f"[{style}]{escape(episode.outcome)}[/]",
            f"{episode.duration_s:.1f} s", counts,
        )  # fmt: skip
    return table


def latency_table(run: RunRecord) -> Table:
    """Camera stamp to first command, by stage."""
    table = Table(title="camera stamp to command [ms]", title_justify="left")
    table.add_column("")
    for name in ("p50", "p95", "p99"):
        table.add_column(name, justify="right")
    for stage in STAGES:
        values = percentiles(run.latencies_ms[stage]).values()
        table.add_row(stage, *("–" if value is None else f"{value:.1f}" for value in values))
    return table


def summary(run: RunRecord) -> Group:
    """The table at the end of a run."""
    rate = run.success_rate
    success = "nothing was judged" if rate is None else f"success {rate:.0%}"
    wrong = sum(episode.wrong_object for episode in run.episodes)
    excess = f"largest excess over a joint limit, judged by the simulator: {run.max_limit_violation:.2%}"
    closing = f"[bold]{success}[/] of {len(run.episodes)} attempts, wrong object {wrong}; {excess}"
    return Group(episode_table(run.episodes), latency_table(run), closing)
