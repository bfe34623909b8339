"""Rows in numbers, and the table in the page."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from proof.faults.cli import SAFETY
from proof.faults.judge import Facts, Goal
from proof.faults.report import BEGIN, END, markdown, write_docs, write_report
from proof.faults.row import Row

GOAL = Goal(detection_s=0.01, rest_s=0.4, reasons=("nonfinite",))
GOOD = Facts(0.005, "nonfinite", 0.1, 0.0, "", 0.5, True, "reset", 1.0)
MACHINE = {"date": "2026-01-02", "cores": 2, "load_average_before": 0.1, "repetitions": 2}


def row(*facts: Facts) -> Row:
    return Row("NaN", "content", GOAL, list(facts))


def test_all_repetitions_have_to_be_good() -> None:
    assert row(GOOD, GOOD).ok is True
    slow = dataclasses.replace(GOOD, detection_s=0.02)
    made = row(GOOD, slow, GOOD)
    assert made.ok is False
    mapping = made.as_mapping()
    assert (mapping["detection_ms"], mapping["detection"]) == (20.0, {"p50": 5.0, "p99": 20.0})
    assert mapping["why"] == ["detected after 20 ms"]


def test_a_repetition_that_never_began_is_not_ok() -> None:
    made = row(GOOD)
    made.broken.append("the stack did not start")
    assert made.ok is False and made.as_mapping()["recovered"] is False
    assert made.as_mapping()["repetitions"] == 2


def test_what_never_began_has_no_measured_excess() -> None:
    made = row()
    made.broken.append("the stack did not start")
    assert made.as_mapping()["peak_violation"] is None
    assert "not seen" in markdown([made], MACHINE)


def test_skipped_is_neither_ok_nor_not(tmp_path: Path) -> None:
    made = Row("worker hung", "process", GOAL, skipped="no worker")
    write_report([made], tmp_path, {})
    (entry,) = json.loads((tmp_path / "report.json").read_text())
    assert entry["ok"] is None and entry["skipped"] == "no worker"
    assert {"fault", "detection_ms", "rest_ms", "peak_violation", "reason", "recovered", "ok"} <= set(entry)
    assert "worker hung" not in markdown([made], MACHINE)


def test_the_table_goes_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_docs(page, markdown([row(GOOD, GOOD)], MACHINE))
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith(f"{END}\nafter\n") and "old" not in text
    assert "| NaN | 5 / 5 | 10 | 100 / 100 | 400 | none | `nonfinite` | reset | yes |" in text
    page.write_text("nothing")
    with pytest.raises(ValueError, match="lacks the markers"):
        write_docs(page, "")


def test_the_shipped_page_has_the_markers() -> None:
    text = SAFETY.read_text()
    assert text.index(BEGIN) < text.index(END)
