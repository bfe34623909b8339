"""Messages as the gate sees them: evidence of a chunk, efforts of a joint state."""

from __future__ import annotations

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectoryPoint

from vla_core.safety.proposal import CameraEvidence, Evidence
from vla_inference.monitor.convert import StateReader, chunk_proposal, evidence_of
from vla_msgs.msg import ActionChunk
from vla_msgs.msg import CameraEvidence as CameraMessage


def test_the_evidence_of_a_chunk_is_taken_as_it_is():
    cameras = [CameraMessage(name="front", stamp=Time(sec=3, nanosec=7), content_hash=2**64 - 1)]
    chunk = ActionChunk(cameras=cameras, joint_state_stamp=Time(sec=2))
    chunk.joint_trajectory.joint_names, chunk.joint_trajectory.points = ["a"], [JointTrajectoryPoint(positions=[0.0])]
    expected = Evidence((CameraEvidence("front", 3_000_000_007, 2**64 - 1),), 2_000_000_000)
    assert evidence_of(chunk) == expected == chunk_proposal(chunk).evidence
    assert evidence_of(ActionChunk()) == Evidence()


@pytest.mark.parametrize(("effort", "expected"), [([1.0, 2.0, 3.0], [3.0, 1.0]), ([], None), ([1.0], None)])
def test_efforts_follow_their_joints_and_may_be_absent(effort, expected):
    reading = StateReader(("b", "a"), "grip").read(
        JointState(name=["a", "grip", "b"], position=[0.1, 0.02, 0.3], effort=effort)
    )
    np.testing.assert_array_equal(reading.position, [0.3, 0.1])
    assert reading.grip == 0.02 and reading.velocity is None
    if expected is None:
        assert reading.effort is None
    else:
        np.testing.assert_array_equal(reading.effort, expected)
