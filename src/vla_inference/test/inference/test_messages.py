"""Plans as messages: every number where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.types import JointPlan, TwistPlan, read_only
from vla_inference.inference.messages import action_chunk_message
from vla_inference.inference.samples import CameraProof
from vla_inference.inference.seen import ChunkTrace
from vla_inference.inference.stamps import to_duration, to_ns, to_time
from vla_msgs.msg import ActionChunk

TRACE = ChunkTrace(
    chunk_id=3,
    instruction_id=2,
    policy_id="p@1",
    instruction="pick",
    speed_scale=0.5,
    cameras=(CameraProof("front", 1_000_000_007, 2**64 - 1),),
    joint_state_ns=1_000_000_008,
    inference_start_ns=1_100_000_000,
    inference_end_ns=1_200_000_000,
    inference_ms=99.5,
)


def test_a_joint_plan_with_its_trace() -> None:
    rows = np.arange(6.0).reshape(3, 2)
    plan = JointPlan(
        ("a", "b"), 1_000_000_007, read_only([0.0, 0.1, 0.25]), rows, rows * 10, rows * 100, "g", read_only([1, 2, 3])
    )
    message = action_chunk_message(plan, TRACE)
    assert message.kind == ActionChunk.KIND_JOINT and not message.twists
    assert to_ns(message.header.stamp) == 1_000_000_007
    assert list(message.joint_trajectory.joint_names) == ["a", "b"]
    last = message.joint_trajectory.points[-1]
    assert (list(last.positions), list(last.velocities), list(last.accelerations)) == ([4, 5], [40, 50], [400, 500])
    assert (last.time_from_start.sec, last.time_from_start.nanosec) == (0, 250_000_000)
    assert message.gripper_joint == "g" and list(message.gripper_positions) == [1, 2, 3]
    assert (message.chunk_id, message.instruction_id, message.policy_id) == (3, 2, "p@1")
    assert message.cameras[0].content_hash == 2**64 - 1 and to_ns(message.cameras[0].stamp) == 1_000_000_007
    assert to_ns(message.joint_state_stamp) == 1_000_000_008
    assert (to_ns(message.inference_start), to_ns(message.inference_end)) == (1_100_000_000, 1_200_000_000)
    assert (message.inference_ms, message.speed_scale) == (99.5, 0.5)


def test_a_joint_plan_without_velocities_and_gripper() -> None:
    message = action_chunk_message(JointPlan(("a",), 0, read_only([0.1]), read_only([[1.0]])), TRACE)
    point = message.joint_trajectory.points[0]
    assert not point.velocities and not point.accelerations
    assert message.gripper_joint == "" and not message.gripper_positions


def test_a_twist_plan() -> None:
    twists = read_only([[1, 2, 3, 4, 5, 6]])
    message = action_chunk_message(TwistPlan("base_link", 5, read_only([0.1]), twists), TRACE)
    assert message.kind == ActionChunk.KIND_TWIST and message.header.frame_id == "base_link"
    twist = message.twists[0].twist
    assert [twist.linear.x, twist.linear.y, twist.linear.z] == [1, 2, 3]
    assert [twist.angular.x, twist.angular.y, twist.angular.z] == [4, 5, 6]
    assert message.twists[0].time_from_start.nanosec == 100_000_000


@pytest.mark.parametrize("ns", [0, 1, 999_999_999, 1_000_000_000, 1_795_256_931_520_079_264])
def test_stamps_keep_every_nanosecond(ns: int) -> None:
    assert to_ns(to_time(ns)) == ns


def test_durations_are_rounded_not_cut() -> None:
    assert to_duration(0.3 - 1e-17).nanosec == 300_000_000
    assert (to_duration(2.5).sec, to_duration(2.5).nanosec) == (2, 500_000_000)
