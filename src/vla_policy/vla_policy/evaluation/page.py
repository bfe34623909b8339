"""The report for people: one HTML file with everything inside, pictures and videos too."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from vla_policy.evaluation.attempts import FAILURES
from vla_policy.evaluation.summary import MEASURES

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1e22; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
figure { display: inline-block; margin: 0 1rem 1rem 0; }
video { width: 28rem; display: block; }
.bar { fill: #5096eb; } .whisker { stroke: #1c1e22; stroke-width: 1.5; } .grid { stroke: #e3e5e8; }
svg text { font: 12px system-ui, sans-serif; fill: #1c1e22; }
"""
_ROW_PX, _LEFT_PX, _WIDTH_PX = 24, 300, 520


def html(report: Mapping[str, Any], videos: Mapping[str, Path]) -> str:
    """``report`` of ``summary.summarize`` as a page; ``videos`` by kind of failure are put into it."""
    conditions = report["conditions"]
    parts = [
        f"<h1>{escape(report['policy_id'])}</h1>",
        f"<p>{report['scenes_per_task']} unseen scenes per task and condition, seed {report['seed']}. Success: the "
        f"goal held for 1 s without a break, by the simulator's ground truth. Whiskers: 95 % Wilson intervals. "
        f"{report['calls_per_second']:.0f} inferences per second and process; largest excess over a joint limit "
        f"{report['max_limit_violation']:.2%}.</p>",
        "<h2>Conditions</h2>",
        _bars([(entry["title"], entry["all"]) for entry in conditions.values()]),
        _rates_table(conditions),
        "<h2>How it moves</h2><p>Medians of the successful attempts, nominal condition.</p>",
        _measures_table(report["measures"]),
        "<h2>Failures</h2>",
        _failures(report["failures"], videos),
    ]
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{escape(report["policy_id"])}</title>'
        f"<style>{_STYLE}</style>{''.join(parts)}</html>\n"
    )


def _bars(rows: list[tuple[str, Mapping[str, Any]]]) -> str:
    """Horizontal bars of success with whiskers."""

    def x(share: float) -> float:
        return _LEFT_PX + _WIDTH_PX * share

    height = _ROW_PX * (len(rows) + 1)
    shapes = []
    for tenth in range(0, 11, 2):
        at = x(tenth / 10)
        shapes.append(f'<line class="grid" x1="{at}" x2="{at}" y1="0" y2="{height - _ROW_PX}"/>')
        shapes.append(f'<text x="{at}" y="{height - 6}" text-anchor="middle">{10 * tenth} %</text>')
    for index, (title, rates) in enumerate(rows):
        top = index * _ROW_PX
        middle = top + _ROW_PX / 2
        low, high = (x(bound) for bound in rates["ci95"])
        shapes.append(f'<text x="{_LEFT_PX - 8}" y="{middle + 4}" text-anchor="end">{escape(title)}</text>')
        shapes.append(
            f'<rect class="bar" x="{_LEFT_PX}" y="{top + 4}" width="{_WIDTH_PX * rates["success"]:.1f}" '
            f'height="{_ROW_PX - 8}"/>'
        )
        shapes.append(f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>')
    return f'<svg width="{_LEFT_PX + _WIDTH_PX + 30}" height="{height}" role="img">{"".join(shapes)}</svg>'


def _rates_table(conditions: Mapping[str, Any]) -> str:
    tasks = list(next(iter(conditions.values()))["tasks"])
    head = ["condition", *tasks, "all", "95 % interval", "wrong object", "n"]
    rows = []
    for entry in conditions.values():
        every = entry["all"]
        low, high = every["ci95"]
        cells = [f"{entry['tasks'][task]['success']:.1%}" for task in tasks]
        cells += [f"<b>{every['success']:.1%}</b>", f"{low:.1%} – {high:.1%}", f"{every['wrong_object']:.2%}"]
        rows.append([escape(entry["title"]), *cells, str(every["n"])])
    return _table(head, rows)


def _measures_table(measures: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        [title, *(f"{measures[task][name]:.3g}" if name in measures[task] else "–" for task in measures)]
        for name, title in MEASURES.items()
    ]
    return _table(["median", *measures], rows)


def _failures(counts: Mapping[str, int], videos: Mapping[str, Path]) -> str:
    if not counts:
        return "<p>None.</p>"
    table = _table(["kind", "attempts"], [[FAILURES[kind], str(counts[kind])] for kind in FAILURES if kind in counts])
    return table + "".join(_figure(FAILURES[kind], path) for kind, path in videos.items())


def _figure(words: str, path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    video = f'<video controls muted loop src="data:video/mp4;base64,{data}"></video>'
    return f"<figure>{video}<figcaption>{escape(words)}</figcaption></figure>"


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"
