import json
from pathlib import Path

import pytest
from rich.console import Console

from vla_bringup.demo.records import EpisodeRecord, RunRecord, percentiles
from vla_bringup.demo.report import report, summary, versions, write_report


def episode(success: bool | None, outcome: str) -> EpisodeRecord:
    return EpisodeRecord("grab the [red] one", "pick", "red", 1, outcome, success, not success, 4.2)


@pytest.fixture
def run() -> RunRecord:
    record = RunRecord(7, "train", versions())
    record.episodes = [episode(True, "success"), episode(False, "wrong object"), episode(None, "not judged")]
    for values in record.latencies_ms.values():
        values.extend(float(k) for k in range(101))
    return record


def test_the_report_has_what_its_readers_rely_on(run: RunRecord, tmp_path: Path) -> None:
    path = tmp_path / "demo" / "report.json"
    write_report(run, path)
    content = json.loads(path.read_text())
    assert content["seed"] == 7
    assert content["versions"]["python"]
    assert content["max_limit_violation"] == 0.0
    assert {"instruction", "task", "success", "wrong_object", "duration_s", "gate"} <= set(content["episodes"][0])
    assert set(content["episodes"][0]["gate"]) == {"pass", "slow", "hold", "stop"}
    for stage in ("sync", "inference", "gate", "total"):
        assert content["latency_ms"][stage] == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_an_attempt_that_was_not_judged_does_not_count(run: RunRecord) -> None:
    assert report(run)["success_rate"] == 0.5


def test_without_values_nothing_is_made_up() -> None:
    empty = RunRecord(0, "yours")
    assert report(empty)["success_rate"] is None
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None}


def test_the_summary_shows_every_instruction_as_it_was_typed(run: RunRecord) -> None:
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(summary(run))
    text = console.export_text()
    assert text.count("grab the [red] one") == 3
    assert "success 50%" in text
