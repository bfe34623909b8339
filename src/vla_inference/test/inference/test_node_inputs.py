"""inference_node on a live graph: chunks come from good inputs, and none from bad ones."""

from __future__ import annotations

import math

import pytest

from vla_msgs.msg import ActionChunk, InferenceStatus

pytestmark = pytest.mark.ros


def test_an_instruction_makes_chunks_with_evidence(robot, active_node) -> None:
    robot.say("pick up the red cube")
    first, second = robot.wait_chunks(2)
    assert first.kind == ActionChunk.KIND_JOINT
    assert first.policy_id == "tabletop_example@0.1.0"
    assert first.instruction == "pick up the red cube"
    assert second.chunk_id == first.chunk_id + 1
    assert [camera.name for camera in first.cameras] == ["front", "wrist"]
    assert first.cameras[0].content_hash != second.cameras[0].content_hash
    assert first.header.stamp == min((c.stamp for c in first.cameras), key=lambda s: (s.sec, s.nanosec))
    points = first.joint_trajectory.points
    assert list(first.joint_trajectory.joint_names) == robot.joints
    assert points[-1].positions == pytest.approx(robot.positions[:7], abs=1e-3)
    assert first.gripper_joint == "finger_joint1" and len(first.gripper_positions) == len(points)
    assert robot.wait_state(InferenceStatus.RUNNING).instruction == "pick up the red cube"


def _assert_starves_and_recovers(robot, words: list[str], repair) -> None:
    """STARVED with ``words``, no chunk while it lasts, and chunks again after ``repair``."""
    for sentence in ("pick up the red cube", "push the red cube"):
        robot.say(sentence)
        robot.wait(
            lambda sentence=sentence: (
                robot.statuses[-1].instruction == sentence
                and robot.statuses[-1].state == InferenceStatus.STARVED
                and all(word in robot.statuses[-1].detail for word in words)
            ),
            f"the node did not starve of {words}",
        )
    # The second began when the input was bad already, and a chunk of the first may still have been on its way.
    assert all(chunk.instruction != "push the red cube" for chunk in robot.chunks)
    repair()
    robot.wait_chunks(1)
    robot.wait_state(InferenceStatus.RUNNING)


def test_a_dead_camera_starves(robot, active_node) -> None:
    del robot.cameras["wrist"]
    _assert_starves_and_recovers(robot, ["camera wrist", "/wrist_camera/image_raw"], robot.restore)


def test_a_wrong_encoding_starves(robot, active_node) -> None:
    robot.cameras["front"] = "16UC1"
    _assert_starves_and_recovers(robot, ["camera front", "16UC1"], robot.restore)


def test_nan_in_the_joint_states_starves(robot, active_node) -> None:
    robot.positions[2] = math.nan
    _assert_starves_and_recovers(robot, ["joint3", "nan"], robot.restore)


def test_a_missing_joint_starves(robot, active_node) -> None:
    robot.joint_names[3] = "elbow"
    _assert_starves_and_recovers(robot, ["joint4"], robot.restore)


def test_joint_names_in_another_order_are_sorted_out(robot, active_node) -> None:
    robot.joint_names.reverse()
    robot.positions.reverse()
    robot.say("hold")
    chunk = robot.wait_chunks(3)[-1]
    expected = dict(zip(robot.joint_names, robot.positions, strict=True))
    points = chunk.joint_trajectory.points
    assert points[-1].positions == pytest.approx([expected[name] for name in robot.joints], abs=1e-3)
