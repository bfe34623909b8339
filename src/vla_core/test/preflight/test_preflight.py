"""Every difference between contract and robot is found, named and given a remedy; a good robot passes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import pytest

from vla_core.contract import Contract
from vla_core.errors import PreflightError
from vla_core.preflight import (
    CameraFacts,
    EndpointFacts,
    Finding,
    RobotFacts,
    Severity,
    TopicFacts,
    run_preflight,
)
from vla_core.testing import HOME_RAD, make_base_twist_example, make_contract_example, make_ee_delta_example
from vla_core.urdf import UrdfJoint

CONTRACT = make_contract_example()
JOINTS = {
    **{
        f"joint{i}": UrdfJoint(f"joint{i}", "revolute", f"link{i - 1}", f"link{i}", -3.1, 3.8, 2.0, 80.0, None)
        for i in range(1, 8)
    },
    "tool_joint": UrdfJoint("tool_joint", "fixed", "link7", "tool0", None, None, None, None, None),
    "base_joint": UrdfJoint("base_joint", "fixed", "base_link", "link0", None, None, None, None, None),
    "finger_joint1": UrdfJoint("finger_joint1", "prismatic", "tool0", "finger", 0.0, 0.04, 0.1, 20.0, None),
}
STATE = dict(zip(CONTRACT.state_names, (*HOME_RAD, 0.04), strict=True))
CAMERAS = tuple(
    CameraFacts(name, f"/{name}_camera/image_raw", 96, 96, "rgb8", rate_hz=30.0) for name in CONTRACT.camera_names
)
PUBLISHER = EndpointFacts("/sim_node", "reliable", "volatile")
TOPIC = TopicFacts("/joint_states", "best_effort", "volatile", (PUBLISHER,))
GOOD = RobotFacts(joints=JOINTS, state=STATE, cameras=CAMERAS, topics=(TOPIC,))


def only_finding(contract: Contract, robot: RobotFacts) -> Finding:
    findings = run_preflight(contract, robot).findings
    assert len(findings) == 1, "\n".join(map(str, findings))
    assert findings[0].remedy
    return findings[0]


def with_joint(name: str, **changes: Any) -> Mapping[str, UrdfJoint]:
    return JOINTS | {name: dataclasses.replace(JOINTS[name], **changes)}


def with_camera(**changes: Any) -> RobotFacts:
    return dataclasses.replace(GOOD, cameras=(dataclasses.replace(CAMERAS[0], **changes), CAMERAS[1]))


@pytest.mark.parametrize("contract", [CONTRACT, make_ee_delta_example()])
def test_the_right_robot_passes_without_a_word(contract: Contract) -> None:
    report = run_preflight(contract, GOOD)
    assert report.findings == () and report.ok
    report.raise_if_refused()
    assert "the robot is the one" in report.text()


def test_a_base_needs_no_description_and_no_joints() -> None:
    robot = RobotFacts(joints=None, state=None, cameras=CAMERAS)
    assert run_preflight(make_base_twist_example(state_range={"min": [], "max": [], "margin": 0}), robot).findings == ()


@pytest.mark.parametrize(
    ("robot", "subject", "difference"),
    [
        (
            dataclasses.replace(GOOD, joints={k: v for k, v in JOINTS.items() if k != "joint3"}),
            "joint joint3",
            "the robot has no such joint; it has joint1, joint2, joint4",
        ),
        (dataclasses.replace(GOOD, joints=with_joint("joint3", kind="fixed")), "joint joint3", "is fixed"),
        (
            dataclasses.replace(GOOD, joints=with_joint("joint3", kind="prismatic")),
            "joint joint3",
            "is in m on this robot and in rad in the contract",
        ),
        (
            dataclasses.replace(GOOD, joints=with_joint("finger_joint1", upper=0.03)),
            "gripper finger_joint1",
            "the contract moves it to 0.04, its limits are 0.0 to 0.03 m",
        ),
        (
            dataclasses.replace(GOOD, joints=with_joint("finger_joint1", lower=0.01, upper=None)),
            "gripper finger_joint1",
            "the contract moves it to 0, its limits are 0.01 to None m",
        ),
        (
            dataclasses.replace(GOOD, joints=with_joint("joint4", lower=0.0)),
            "joint joint4",
            "was trained in -3.0718 to -0.0698 rad, all of it outside its limits 0.0 to 3.8",
        ),
        (dataclasses.replace(GOOD, joints=None), "robot description", "the robot has none"),
        (dataclasses.replace(GOOD, state=None), "joint state", "none has come"),
        (
            dataclasses.replace(GOOD, state={k: v for k, v in STATE.items() if k != "joint7"}),
            "joint joint7",
            "is not in the joint state, which has joint1",
        ),
        (dataclasses.replace(GOOD, state=STATE | {"joint2": math.nan}), "joint joint2", "its position is nan"),
        (
            dataclasses.replace(GOOD, state=STATE | {"joint4": 0.2}),
            "joint joint4",
            "is at 0.200 rad, the policy was trained in -3.072 to -0.070 (margin 0.1)",
        ),
        (dataclasses.replace(GOOD, cameras=CAMERAS[:1]), "camera wrist", "the robot has no such camera; it has front"),
        (with_camera(width=None), "camera front", "no image has come on /front_camera/image_raw"),
        (with_camera(width=640, height=480), "camera front", "image is 640x480, the contract wants 96x96"),
        (with_camera(encoding="16UC1"), "camera front", "its encoding is '16UC1'"),
        (with_camera(encoding=None), "camera front", "its encoding is ''"),
        (with_camera(encoding="h264", compressed=True), "camera front", "its encoding is 'h264'"),
        (with_camera(rate_hz=None), "camera front", "only one image has come"),
        (with_camera(rate_hz=3.0), "camera front", "comes at 3.0 Hz, so that its images are older than max_age_s 0.3"),
        (
            dataclasses.replace(GOOD, topics=(dataclasses.replace(TOPIC, publishers=()),)),
            "topic /joint_states",
            "nobody publishes it",
        ),
        (
            dataclasses.replace(
                GOOD,
                topics=(TopicFacts("/x", "reliable", "volatile", (EndpointFacts("/cam", "best_effort", "volatile"),)),),
            ),
            "topic /x",
            "/cam offers best_effort, reliable is requested",
        ),
        (
            dataclasses.replace(GOOD, topics=(TopicFacts("/x", "reliable", "transient_local", (PUBLISHER,)),)),
            "topic /x",
            "/sim_node offers volatile, transient_local is requested",
        ),
    ],
)
def test_a_difference_refuses_activation_and_is_named(robot: RobotFacts, subject: str, difference: str) -> None:
    finding = only_finding(CONTRACT, robot)
    assert finding.severity is Severity.REFUSE
    assert finding.subject == subject
    assert difference in finding.difference
    with pytest.raises(PreflightError, match=r"preflight of tabletop_example@0.1.0: REFUSED, 1 to refuse") as caught:
        run_preflight(CONTRACT, robot).raise_if_refused()
    assert finding.remedy in str(caught.value)


@pytest.mark.parametrize(
    ("contract", "robot", "difference"),
    [
        (CONTRACT, with_camera(rate_hz=8.0), "comes at 8.0 Hz, slower than the policy's actions (10.0 Hz)"),
        (make_contract_example(state_range=None), GOOD, "does not state the training range"),
        (
            make_contract_example(max_skew_s=0.01),
            GOOD,
            "unsynchronized they may lie 0.017 s apart, allowed is max_skew_s 0.01",
        ),
        (
            CONTRACT,
            dataclasses.replace(GOOD, topics=(dataclasses.replace(TOPIC, publishers=(PUBLISHER, PUBLISHER)),)),
            "2 publishers share it: /sim_node, /sim_node",
        ),
    ],
)
def test_what_only_deserves_a_look_does_not_refuse(contract: Contract, robot: RobotFacts, difference: str) -> None:
    finding = only_finding(contract, robot)
    assert finding.severity is Severity.WARN and difference in finding.difference
    report = run_preflight(contract, robot)
    assert report.ok and report.warnings == (finding,)
    report.raise_if_refused()
    assert "ok, 0 to refuse, 1 to look at" in report.text()


@pytest.mark.parametrize(
    ("robot", "remedy"),
    [
        (with_camera(rate_hz=3.0), "raise its rate above 3.3 Hz"),
        (with_camera(width=640, height=480), "set the camera to 96x96, or 'resize: node' in the contract"),
        (dataclasses.replace(GOOD, state=STATE | {"joint4": 0.2}), "move it to -0.070 rad or further inside"),
        (dataclasses.replace(GOOD, state=STATE | {"joint4": -3.3}), "move it to -3.072 rad or further inside"),
    ],
)
def test_the_remedy_says_how_far(robot: RobotFacts, remedy: str) -> None:
    assert only_finding(CONTRACT, robot).remedy == remedy


def test_limits_that_the_description_does_not_state_do_not_bind() -> None:
    joints = with_joint("finger_joint1", lower=None, upper=None) | {
        f"joint{i}": dataclasses.replace(JOINTS[f"joint{i}"], lower=None, upper=None) for i in range(1, 8)
    }
    assert run_preflight(CONTRACT, dataclasses.replace(GOOD, joints=joints)).findings == ()


def test_one_camera_cannot_be_skewed() -> None:
    contract = make_base_twist_example(max_skew_s=0.001, state_range={"min": [], "max": [], "margin": 0})
    assert run_preflight(contract, RobotFacts(joints=None, state=None, cameras=CAMERAS)).findings == ()


def test_the_margin_itself_is_tolerated() -> None:
    inside = dataclasses.replace(GOOD, state=STATE | {"joint4": -0.0698 + 0.0999})
    assert run_preflight(CONTRACT, inside).findings == ()


@pytest.mark.parametrize("what", ["frame", "tip"])
def test_a_link_that_the_robot_lacks_is_named(what: str) -> None:
    contract = make_ee_delta_example()
    action = dataclasses.replace(contract.action, **{what: "flange"})
    finding = only_finding(dataclasses.replace(contract, action=action), GOOD)
    assert finding.subject == f"action {what}"
    assert "no link 'flange'; it has base_link, finger, link0" in finding.difference


def test_a_bundle_for_another_robot_is_refused_with_every_difference_at_once() -> None:
    other = {f"shoulder_{i}": dataclasses.replace(JOINTS["joint1"], name=f"shoulder_{i}") for i in range(6)}
    robot = RobotFacts(joints=other, state=dict.fromkeys(other, 0.0), cameras=(), topics=())
    report = run_preflight(CONTRACT, robot)
    subjects = {finding.subject for finding in report.refusals}
    assert {*(f"joint {name}" for name in CONTRACT.state_names), "camera front", "camera wrist"} <= subjects
    text = report.text()
    assert all(finding.remedy in text and finding.difference in text for finding in report.findings)
    assert text.count("remedy:") == len(report.findings)


def test_a_finding_reads_as_one_sentence_with_its_remedy() -> None:
    finding = only_finding(CONTRACT, dataclasses.replace(GOOD, state=None))
    assert str(finding).startswith("joint state: none has come. Remedy: start the robot's driver")


def test_compressed_images_are_known_by_their_format() -> None:
    robot = with_camera(encoding="rgb8; jpeg compressed bgr8", compressed=True)
    assert run_preflight(CONTRACT, robot).findings == ()
