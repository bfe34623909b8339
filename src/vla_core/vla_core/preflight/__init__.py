"""Preflight: whether the live robot is the one that the policy's contract describes."""

from __future__ import annotations

from vla_core.contract.model import Contract
from vla_core.preflight.cameras import check_cameras
from vla_core.preflight.facts import CameraFacts, EndpointFacts, RobotFacts, TopicFacts
from vla_core.preflight.joints import check_joints, check_state
from vla_core.preflight.report import Finding, PreflightReport, Severity
from vla_core.preflight.rows import Row, Verdict, policy_rows, topic_rows
from vla_core.preflight.topics import check_topics


def run_preflight(contract: Contract, robot: RobotFacts) -> PreflightReport:
    """Every difference between ``contract`` and ``robot``; all are looked for, not only the first."""
    return PreflightReport(
        contract.policy_id,
        (
            *check_joints(contract, robot),
            *check_cameras(contract, robot),
            *check_topics(robot),
            *check_state(contract, robot),
        ),
    )


__all__ = [
    "CameraFacts",
    "EndpointFacts",
    "Finding",
    "PreflightReport",
    "RobotFacts",
    "Row",
    "Severity",
    "TopicFacts",
    "Verdict",
    "check_topics",
    "policy_rows",
    "run_preflight",
    "topic_rows",
]
