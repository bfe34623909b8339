"""The rows for people and for machines: report.json, a table on the terminal, the table in the docs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from proof.faults.row import Row

BEGIN, END = "<!-- faults:begin -->", "<!-- faults:end -->"


def write_report(rows: Sequence[Row], out: Path, machine: dict[str, Any]) -> None:
    """``report.json``: a list of faults; ``machine.json``: on what it was measured."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps([row.as_mapping() for row in rows], indent=2) + "\n")
    (out / "machine.json").write_text(json.dumps(machine, indent=2) + "\n")


def machine(stack: str, repeat: int) -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "stack": stack,
        "repetitions": repeat,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cores": len(os.sched_getaffinity(0)),
        "load_average_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def table(rows: Sequence[Row], doing: str = "") -> Table:
    """For the terminal; ``doing``: what happens now."""
    made = Table(title="faults", caption=doing)
    for column in ("fault", "detected ms", "at rest ms", "excess", "reason", "recovery", "ok"):
        made.add_column(column)
    for row in rows:
        if row.skipped:
            made.add_row(row.fault, "", "", "", f"[dim]skipped: {row.skipped}[/]", "", "[dim]–[/]")
        elif row.ok is not None:
            mark = "[green]ok[/]" if row.ok else f"[red]{'; '.join(row.why)}[/]"
            made.add_row(
                row.fault, _time(row, "detection_s"), _time(row, "rest_s"), _excess(row), row.words("reason"),
                row.words("recovery"), mark,
            )  # fmt: skip
    return made


def markdown(rows: Sequence[Row], machine: dict[str, Any]) -> str:
    """The table of docs/safety.md."""
    lines = [
        f"Measured {machine['date']} on {machine['cores']} cores, load {machine['load_average_before']} before the "
        f"run, {machine['repetitions']} of each; where two numbers stand, p50 and p99.",
        "",
        "| fault | detected [ms] | goal | at rest [ms] | goal | limit exceeded | reason | motion is back by | ok |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        if row.skipped:
            continue
        goal = row.as_mapping()["goal"]
        cells = (
            row.fault, _time(row, "detection_s") or "–", _goal(goal["detection_ms"]), _time(row, "rest_s") or "goes on",
            _goal(goal["rest_ms"]), _excess(row), f"`{row.words('reason')}`" if row.words("reason") else "–",
            row.words("recovery"), "yes" if row.ok else "no: " + "; ".join(row.why),
        )  # fmt: skip
        lines.append("| " + " | ".join(" ".join(cell.replace("|", "/").split()) for cell in cells) + " |")
    return "\n".join(lines)


def write_docs(page: Path, text: str) -> None:
    """Put ``text`` between the two markers of ``page``. ValueError when it lacks them."""
    content = page.read_text(encoding="utf-8")
    before, begin, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} lacks the markers {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def _time(row: Row, name: str) -> str:
    middle, worst = row.milliseconds(name, 50), row.milliseconds(name, 99)
    if middle is None or worst is None:
        return ""
    return f"{worst:.0f}" if len(row.facts) == 1 else f"{middle:.0f} / {worst:.0f}"


def _goal(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.0f}"


def _excess(row: Row) -> str:
    if not row.facts:
        return "not seen"
    words = row.words("contact")
    peak = row.most("peak_excess")
    number = "none" if peak <= 0.0 else f"{peak:.2%}"
    return f"{number}, touched {words}" if words else number
