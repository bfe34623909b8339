"""Conversions; ROS messages, but no graph."""

from __future__ import annotations

import array

import numpy as np
import pytest
from builtin_interfaces.msg import Duration, Time
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_sim.ros.messages import (
    from_time,
    to_camera_info,
    to_command,
    to_image,
    to_joint_state,
    to_time,
    yaw_to_quaternion,
)


@pytest.mark.parametrize("stamp_ns", [0, 1, 999_999_999, 1_000_000_000, 1_763_700_000_123_456_789])
def test_time_there_and_back(stamp_ns: int) -> None:
    assert from_time(to_time(stamp_ns)) == stamp_ns


def test_an_image_keeps_its_bytes_and_says_its_layout() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    message = to_image(pixels, 5, "front_camera_optical_frame")
    assert (message.height, message.width, message.step, message.encoding) == (2, 3, 9, "rgb8")
    assert isinstance(message.data, array.array)
    assert bytes(message.data) == pixels.tobytes()


def test_camera_info_projects_the_edge_of_the_field_of_view_to_the_edge_of_the_image() -> None:
    info = to_camera_info(640, 480, np.deg2rad(60.0), "c")
    k = np.array(info.k).reshape(3, 3)
    u, v, w = k @ [0.0, np.tan(np.deg2rad(30.0)), 1.0]
    assert (u / w, v / w) == pytest.approx((319.5, 479.5))  # pixel edges lie half a pixel beyond centres
    assert k[0, 0] == k[1, 1]
    np.testing.assert_array_equal(np.array(info.p).reshape(3, 4)[:, :3], k)


def test_a_trajectory_message_becomes_a_command() -> None:
    point = JointTrajectoryPoint(positions=[1.0, 2.0], velocities=[0.0, 0.0])
    point.time_from_start = Duration(sec=1, nanosec=500)
    message = JointTrajectory(joint_names=["a", "b"], points=[point])
    message.header.stamp = Time(sec=3, nanosec=4)
    command = to_command(message)
    assert (command.start_ns, list(command.joint_names)) == (3_000_000_004, ["a", "b"])
    assert command.points[0].time_from_start_ns == 1_000_000_500
    assert list(command.points[0].positions) == [1.0, 2.0]
    assert len(command.points[0].accelerations) == 0


def test_joint_state() -> None:
    message = to_joint_state(["a"], np.array([1.0]), np.array([2.0]), np.array([3.0]), 9)
    assert (message.name, list(message.position), list(message.velocity), list(message.effort)) == (
        ["a"], [1.0], [2.0], [3.0],
    )  # fmt: skip


def test_half_a_turn() -> None:
    q = yaw_to_quaternion(np.pi)
    assert (q.x, q.y, q.z, q.w) == pytest.approx((0.0, 0.0, 1.0, 0.0))
