"""What a run found, for machines and for people."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from proof.fuzz.robots import ROOT
from proof.fuzz.run import Totals

DECISIONS = ("PASS", "SLOW", "HOLD", "STOP", "failed")


def report(totals: Totals) -> dict[str, Any]:
    """The content of report.json."""
    offers = totals.offers
    decided = _sum((decision, count) for (_, decision, _), count in offers.items())
    return {
        "commands": totals.commands,
        "escapes": totals.escapes.total(),
        "seed": totals.seed,
        "sequences": totals.sequences,
        "messages_judged": totals.messages,
        "escapes_by_promise": dict(totals.escapes.most_common()),
        "found": [{"replay": f"{totals.seed}:{index}", "escape": text} for index, text in totals.found],
        "by_decision": {name: decided.get(name, 0) for name in DECISIONS},
        "by_reason": dict(_sum((reason or "passed", n) for (_, _, reason), n in offers.items()).most_common()),
        "by_generator": _by_generator(offers),
        "by_mood": dict(totals.moods.most_common()),
        "events": dict(totals.events.most_common()),
        "largest_share_of_limit": totals.peaks,
        "ground_truth": dict(totals.truth.most_common()),
        "duration_s": round(totals.duration_s, 1),
        "commands_per_s": round(totals.commands / max(totals.duration_s, 1e-9), 1),
        "processor_ms_per_command": round(1e3 * totals.processor_s / max(totals.commands, 1), 3),
        "versions": _versions(),
    }


def write(content: dict[str, Any], path: Path) -> None:
    """As JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def show(content: dict[str, Any], console: Console) -> None:
    """The table at the end, and every escape with the command that replays it."""
    table = Table(title=f"{content['commands']} commands, seed {content['seed']}, {content['escapes']} escapes")
    table.add_column("generator")
    for name in ("commands", *DECISIONS):
        table.add_column(name, justify="right")
    for generator, row in content["by_generator"].items():
        table.add_row(generator, *(str(row.get(name, 0)) for name in ("commands", *DECISIONS)))
    console.print(table)
    for found in content["found"]:
        console.print(f"[red]escape[/] {found['escape']}\n  python -m proof.fuzz --replay {found['replay']}")


def _by_generator(offers: Counter[tuple[str, str, str]]) -> dict[str, dict[str, Any]]:
    """Spoiled commands count under what spoiled them."""
    rows: dict[str, dict[str, Any]] = {}
    for (generator, decision, reason), count in sorted(offers.items()):
        _, _, spoiler = generator.partition("+")
        row = rows.setdefault(f"spoiled: {spoiler}" if spoiler else generator, {"commands": 0, "reasons": {}})
        row["commands"] += count
        row[decision] = row.get(decision, 0) + count
        if reason:
            row["reasons"][reason] = row["reasons"].get(reason, 0) + count
    return rows


def _sum(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for name, count in pairs:
        total[name] += count
    return total


def _versions() -> dict[str, str]:
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    packages = {name: version(name) for name in ("numpy", "mujoco", "hypothesis")}
    machine = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    return {"commit": commit.stdout.strip(), **machine, **packages}
