"""inference_node on a live graph: chunks come, and what they carry."""

from __future__ import annotations

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
    assert list(first.joint_trajectory.joint_names) == [f"joint{i}" for i in range(1, 8)]
    assert points[-1].positions == pytest.approx(robot.positions[:7], abs=1e-3)
    assert first.gripper_joint == "finger_joint1" and len(first.gripper_positions) == len(points)
    assert robot.wait_state(InferenceStatus.RUNNING).instruction == "pick up the red cube"
