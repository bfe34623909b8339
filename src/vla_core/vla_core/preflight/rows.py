"""Everything that was looked at, one row each: what is right too, not only what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from vla_core.contract.model import CameraSpec, Contract, Dimension
from vla_core.preflight.facts import CameraFacts, RobotFacts, TopicFacts
from vla_core.preflight.report import Finding, Severity


class Verdict(StrEnum):
    """What a row says; only FAIL keeps a robot from being moved."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "not asked"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was looked at. remedy: what to do about it; empty where there is nothing to do."""

    what: str
    verdict: Verdict
    found: str
    expected: str
    remedy: str = ""


def policy_rows(contract: Contract, robot: RobotFacts, findings: Iterable[Finding]) -> tuple[Row, ...]:
    """The rows of a preflight: a finding each, and what no finding is about, as it was found.

    findings: of ``run_preflight`` with the same contract and robot.
    """
    found = list(findings)
    expected = dict(_expected(contract, robot))
    rows = [_row_of(finding, expected.get(finding.subject, ("", ""))[1]) for finding in found]
    subjects = {finding.subject for finding in found}
    if subjects & {"joint state", "robot description"}:  # one row says that none has come
        subjects |= {subject for subject in expected if subject.startswith(("joint ", "gripper "))}
    rows += [
        Row(subject, Verdict.PASS, is_there, wanted)
        for subject, (is_there, wanted) in expected.items()
        if subject not in subjects
    ]
    order = list(expected)
    return tuple(sorted(rows, key=lambda row: order.index(row.what) if row.what in order else -1))


def topic_rows(robot: RobotFacts, findings: Iterable[Finding]) -> tuple[Row, ...]:
    """The same of ``check_topics``, where no contract says more."""
    found = list(findings)
    rows = [_row_of(finding, _requested(topic)) for topic in robot.topics for finding in _about(topic, found)]
    rows += [
        Row(f"topic {topic.topic}", Verdict.PASS, _offered(topic), _requested(topic))
        for topic in robot.topics
        if not list(_about(topic, found))
    ]
    return tuple(rows)


def _about(topic: TopicFacts, findings: list[Finding]) -> Iterator[Finding]:
    return (finding for finding in findings if finding.subject == f"topic {topic.topic}")


def _row_of(finding: Finding, expected: str) -> Row:
    verdict = Verdict.FAIL if finding.severity is Severity.REFUSE else Verdict.WARN
    return Row(finding.subject, verdict, finding.difference, expected, finding.remedy)


def _expected(contract: Contract, robot: RobotFacts) -> Iterator[tuple[str, tuple[str, str]]]:
    """Subject of a finding -> what is there, what is wanted."""
    for index, dimension in enumerate(contract.state):
        yield f"joint {dimension.name}", (_joint(dimension, robot), _trained(contract, index, dimension))
    in_state = set(contract.state_names)
    if contract.action.space in ("joint_position", "joint_velocity"):
        for dimension in contract.action.dimensions:
            if dimension.name not in in_state:
                yield f"joint {dimension.name}", (_joint(dimension, robot), f"a joint in {dimension.unit}")
    gripper = contract.action.gripper
    if gripper is not None:
        joint = (robot.joints or {}).get(gripper.name)
        limits = "unknown" if joint is None else f"limits {joint.lower} to {joint.upper} {joint.unit}"
        wanted = f"closed at {gripper.closed:g}, open at {gripper.open:g} {gripper.unit}"
        yield f"gripper {gripper.name}", (limits, wanted)
    cameras = {camera.name: camera for camera in robot.cameras}
    for spec in contract.cameras:
        yield f"camera {spec.name}", (_camera(cameras.get(spec.name)), _image(spec))
    for topic in robot.topics:
        yield f"topic {topic.topic}", (_offered(topic), _requested(topic))


def _joint(dimension: Dimension, robot: RobotFacts) -> str:
    joint = (robot.joints or {}).get(dimension.name)
    value = (robot.state or {}).get(dimension.name)
    at = "no position" if value is None else f"at {value:.3f} {dimension.unit}"
    return at if joint is None else f"{at}, limits {joint.lower} to {joint.upper}"


def _trained(contract: Contract, index: int, dimension: Dimension) -> str:
    span = contract.state_range
    if span is None:
        return f"a joint in {dimension.unit}"
    return f"in {span.min[index]:g} to {span.max[index]:g} {dimension.unit}, margin {span.margin:g}"


def _camera(camera: CameraFacts | None) -> str:
    if camera is None or camera.width is None or camera.height is None:
        return "no image"
    rate = "rate unknown" if camera.rate_hz is None else f"{camera.rate_hz:.1f} Hz"
    return f"{camera.width}x{camera.height} {camera.encoding}, {rate}, on {camera.topic}"


def _image(spec: CameraSpec) -> str:
    return f"aspect {spec.source_aspect:.3f}, resized by {spec.resize}, above {1 / spec.max_age_s:.1f} Hz"


def _offered(topic: TopicFacts) -> str:
    return ", ".join(f"{one.node} {one.reliability} {one.durability}" for one in topic.publishers) or "no publisher"


def _requested(topic: TopicFacts) -> str:
    return f"one publisher for {topic.reliability} {topic.durability}"
