from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from vla_core.contract import Bundle, load_bundle
from vla_core.errors import LimitsError, PreflightError
from vla_core.policies import make_mock_policy
from vla_core.testing import make_base_twist_example, make_contract_example
from vla_core.uncertainty import speed_scale
from vla_policy.check import check_bundle, check_robot
from vla_policy.measure import measure_latency

MakeBundle = Callable[..., Bundle]
SHIPPED = Path(__file__).resolve().parents[1] / "policies" / "tabletop"


def urdf(*joints: tuple[str, str]) -> str:
    """A robot with the given (name, type) joints."""
    texts = [
        f'<joint name="{name}" type="{kind}"><parent link="a"/><child link="b"/>'
        '<limit lower="-1" upper="1" velocity="1" effort="1"/></joint>'
        for name, kind in joints
    ]
    return f"<robot name='r'>{''.join(texts)}</robot>"


ARM = [(f"joint{index}", "revolute") for index in range(1, 8)]


@pytest.fixture
def robot(tmp_path: Path) -> Callable[..., Path]:
    """Writes a URDF."""

    def make(*joints: tuple[str, str]) -> Path:
        path = tmp_path / "robot.urdf"
        path.write_text(urdf(*joints))
        return path

    return make


def test_a_whole_bundle_passes_every_question(bundle: Bundle, robot: Callable[..., Path]) -> None:
    urdf_file = robot(*ARM, ("finger_joint1", "prismatic"))
    findings = list(check_bundle(bundle.path, urdf=urdf_file, runs=3))
    assert [finding.question for finding in findings] == ["files and contract", "robot", "model", "answer", "speed"]
    assert all(finding.ok for finding in findings)
    latency = findings[-1].latency
    assert latency is not None and latency.runs == 3 and latency.p50_ms <= latency.p95_ms
    assert "model" in latency.stages_ms


def first_failure(folder: Path, **options: object) -> tuple[str, str]:
    """The question that was answered with no, and why; it must be the last one."""
    findings = list(check_bundle(folder, runs=1, **options))  # type: ignore[arg-type]
    assert [finding.ok for finding in findings] == [True] * (len(findings) - 1) + [False]
    return findings[-1].question, findings[-1].detail


def test_a_damaged_file_is_named(bundle: Bundle) -> None:
    bundle.file("model.onnx").write_bytes(b"damaged")
    question, detail = first_failure(bundle.path)
    assert question == "files and contract" and "model.onnx" in detail


def test_a_missing_file_is_named(bundle: Bundle) -> None:
    bundle.file("language/tokenizer.json").unlink()
    question, detail = first_failure(bundle.path)
    assert question == "files and contract" and "language/tokenizer.json" in detail


def test_another_network_than_the_contracts_is_named(make_bundle: MakeBundle) -> None:
    question, detail = first_failure(make_bundle({"horizon": 4}).path)
    assert question == "model" and "logits" in detail


def test_a_network_that_answers_nan_fails(make_bundle: MakeBundle) -> None:
    question, detail = first_failure(make_bundle({"base": math.nan}).path)
    assert question == "answer" and "NaN" in detail


def test_a_runtime_without_code_is_named(bundle: Bundle) -> None:
    contract = bundle.path / "policy.yaml"
    contract.write_text(contract.read_text().replace("runtime: onnx", "runtime: torch"))
    question, detail = first_failure(bundle.path)
    assert question == "model" and "'torch'" in detail and "onnx" in detail


def test_a_bundle_for_another_robot_is_refused_with_every_difference(
    bundle: Bundle, robot: Callable[..., Path]
) -> None:
    urdf_file = robot(*ARM[:6], ("finger_joint1", "revolute"), ("joint7", "fixed"))
    question, detail = first_failure(bundle.path, urdf=urdf_file)
    assert question == "robot"
    assert "no moving joint 'joint7'" in detail
    assert "joint 'finger_joint1' is in rad, the contract says m" in detail
    assert "Moving joints there: joint1, joint2" in detail


def test_a_urdf_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="cannot be read"):
        check_robot(make_contract_example(), tmp_path / "missing.urdf")
    (tmp_path / "bad.urdf").write_text("<robot")
    with pytest.raises(LimitsError):
        check_robot(make_contract_example(), tmp_path / "bad.urdf")


def test_a_base_asks_no_joint_of_the_robot(robot: Callable[..., Path]) -> None:
    check_robot(make_base_twist_example(), robot())


def test_a_mock_bundle_can_be_checked(mock_bundle: Callable[..., Bundle]) -> None:
    assert all(finding.ok for finding in check_bundle(mock_bundle().path, runs=2))


class Ticking:
    """A clock that advances by 5 ms with every look at it."""

    now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.005
        return self.now_s


def test_latency_is_measured_by_the_clock_given() -> None:
    policy = make_mock_policy(make_contract_example())
    runs: list[int] = []
    latency = measure_latency(policy, 4, clock=Ticking(), on_run=lambda: runs.append(1))
    assert len(runs) == 4
    assert dataclasses.astuple(latency)[:6] == pytest.approx((4, 5.0, 5.0, 5.0, 200.0, 5.0))
    with pytest.raises(ValueError, match="at least 1"):
        measure_latency(policy, 0)


def test_the_shipped_bundle_is_whole_and_says_when_it_is_unsure() -> None:
    findings = [*check_bundle(SHIPPED, runs=3)]
    assert [finding.question for finding in findings if not finding.ok] == []
    assert {finding.question for finding in findings} >= {"files and contract", "model", "answer", "speed"}
    spec = load_bundle(SHIPPED).contract.uncertainty
    assert spec is not None and speed_scale(spec, spec.full_speed_below) == 1.0 > speed_scale(spec, spec.hold_above)
