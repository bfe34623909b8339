from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vla_core.contract import Bundle
from vla_policy.cli import app

RUNNER = CliRunner()


def test_check_of_a_whole_bundle(bundle: Bundle) -> None:
    result = RUNNER.invoke(app, ["check", str(bundle.path), "--runs", "2"])
    assert result.exit_code == 0, result.output
    assert "tiny@0.1.0" in result.output and "p95" in result.output and "failed" not in result.output


def test_check_of_a_damaged_bundle(bundle: Bundle) -> None:
    bundle.file("model.onnx").write_bytes(b"damaged")
    result = RUNNER.invoke(app, ["check", str(bundle.path)])
    assert result.exit_code == 1 and "model.onnx" in result.output


def test_check_of_what_is_no_bundle(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 1 and "policy.yaml" in result.output


def test_an_unknown_device_is_a_usage_error(bundle: Bundle) -> None:
    result = RUNNER.invoke(app, ["check", str(bundle.path), "--device", "tpu"])
    assert result.exit_code == 2


def test_info_shows_the_contract(bundle: Bundle) -> None:
    result = RUNNER.invoke(app, ["info", str(bundle.path)], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for expected in ("tiny@0.1.0", "front 96x96 rgb8", "joint7 [rad]", "finger_joint1 [m]", "8 steps of 0.1 s"):
        assert expected in result.output


def test_info_of_a_broken_contract_names_the_field(mock_bundle: Callable[..., Bundle]) -> None:
    path = mock_bundle().path / "policy.yaml"
    path.write_text(path.read_text().replace("max_skew_s", "max_screw_s"))
    result = RUNNER.invoke(app, ["info", str(path.parent)])
    assert result.exit_code == 1 and "max_screw_s" in result.output


def test_the_policy_rate_benchmark_writes_its_report(
    mock_bundle: Callable[..., Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench import policy_rate

    monkeypatch.setattr(policy_rate, "use_cores", lambda count: [0, 1])
    out = tmp_path / "bench" / "policy_rate.json"
    status = policy_rate.main(["--bundle", str(mock_bundle().path), "--runs", "3", "--out", str(out)])
    report = json.loads(out.read_text())
    assert status == int(not report["goal_met"]) and set(report["threads"]) == {"1", "2"}
    assert report["chunks_per_s"] > 0.0
