"""Between ROS messages and plain values."""

from __future__ import annotations

import array
import math
from collections.abc import Sequence

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion
from sensor_msgs.msg import CameraInfo, Image, JointState
from trajectory_msgs.msg import JointTrajectory

from vla_core.types import FloatArray, ImageArray
from vla_sim.controllers import TrajectoryCommand, TrajectoryPoint

_NS = 1_000_000_000


def to_time(stamp_ns: int) -> Time:
    """``stamp_ns`` [ns] as a message."""
    return Time(sec=stamp_ns // _NS, nanosec=stamp_ns % _NS)


def from_time(stamp: Time) -> int:
    """``stamp`` in ns."""
    return int(stamp.sec) * _NS + int(stamp.nanosec)


def to_command(message: JointTrajectory) -> TrajectoryCommand:
    """The values of ``message``, unchecked."""
    points = [
        TrajectoryPoint(
            point.time_from_start.sec * _NS + point.time_from_start.nanosec,
            point.positions,
            point.velocities,
            point.accelerations,
            point.effort,
        )
        for point in message.points
    ]
    return TrajectoryCommand(list(message.joint_names), points, from_time(message.header.stamp))


def to_image(image: ImageArray, stamp_ns: int, frame_id: str) -> Image:
    """``image`` (H, W, 3) RGB as rgb8."""
    message = Image(height=image.shape[0], width=image.shape[1], encoding="rgb8", step=image.shape[1] * 3)
    message.header.stamp = to_time(stamp_ns)
    message.header.frame_id = frame_id
    # An array.array of the right type is taken as it is; anything else is checked element by element.
    message.data = array.array("B", image.tobytes())
    return message


def to_camera_info(width: int, height: int, fovy_rad: float, frame_id: str) -> CameraInfo:
    """A pinhole without distortion whose vertical field of view is ``fovy_rad``; pixels are square."""
    focal = 0.5 * height / math.tan(0.5 * fovy_rad)
    cx, cy = 0.5 * (width - 1), 0.5 * (height - 1)  # centre of the image, pixel centres being whole numbers
    message = CameraInfo(width=width, height=height, distortion_model="plumb_bob")
    message.header.frame_id = frame_id
    message.d = [0.0] * 5
    message.k = [focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [focal, 0.0, cx, 0.0, 0.0, focal, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message


def to_joint_state(
    names: Sequence[str], positions: FloatArray, velocities: FloatArray, efforts: FloatArray, stamp_ns: int
) -> JointState:
    """(J,) each: [rad] or [m], per second, [N m] or [N]."""
    message = JointState(name=list(names))
    message.header.stamp = to_time(stamp_ns)
    message.position = array.array("d", positions)
    message.velocity = array.array("d", velocities)
    message.effort = array.array("d", efforts)
    return message


def yaw_to_quaternion(yaw_rad: float) -> Quaternion:
    """A rotation about z."""
    return Quaternion(x=0.0, y=0.0, z=math.sin(0.5 * yaw_rad), w=math.cos(0.5 * yaw_rad))
