"""``vla robot check``: one table that says whether this robot may be moved, and what to do where it may not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from vla_bringup.console import console
from vla_bringup.errors import RefusedError
from vla_bringup.graph.session import session
from vla_bringup.robot.check import RobotCheck
from vla_bringup.robot.config import load_robot_config
from vla_core.contract import load_bundle
from vla_core.preflight import Row, Verdict

STYLES = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.SKIP: "dim"}


def check(
    params: Path, bundle: Path | None, namespace: str, remappings: list[str], monitor_runs: bool, wait_s: float
) -> None:
    """Print the table. RefusedError when a row fails; VlaError for files that cannot work, before the table."""
    contract = None if bundle is None else load_bundle(bundle.expanduser()).contract
    with session("vla_robot_check", namespace) as ros:
        config = load_robot_config(ros, params.expanduser(), namespace, remappings)
        look = RobotCheck(ros, config, contract, monitor_runs)
        with closing(look), console.status("looking at the robot"):
            look.wait(wait_s)
            rows = look.rows()
    console.print(table(rows))
    failed = [row for row in rows if row.verdict is Verdict.FAIL]
    warned = [row for row in rows if row.verdict is Verdict.WARN]
    if failed:
        raise RefusedError(f"{len(failed)} of {len(rows)} checks failed; nothing was moved")
    warnings = f", {len(warned)} to look at" if warned else ""
    console.print(f"[green]{len(rows)} checks, none failed{warnings}[/]; nothing was moved")


def table(rows: Sequence[Row]) -> Table:
    """A row each; what fails carries its remedy."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("what", "verdict", "found", "expected", "remedy"):
        made.add_column(name, overflow="fold")
    for row in rows:
        style = STYLES[row.verdict]
        cells = (escape(row.what), f"[{style}]{row.verdict}[/]", escape(row.found), escape(row.expected))
        made.add_row(*cells, escape(row.remedy))
    return made
