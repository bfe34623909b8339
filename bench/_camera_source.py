"""A robot that only sends: two 640x480 cameras at 30 Hz, joint states at 100 Hz and a URDF, for the benchmarks.

Runs as a process of its own until SIGINT or SIGTERM; ``--width``, ``--height``, ``--rate``.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import sys
from pathlib import Path

import numpy as np
import rclpy
from ament_index_python.packages import get_package_share_directory
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from vla_core.testing import GRIPPER_OPEN_M, HOME_RAD

CAMERAS = ("front", "wrist")
JOINTS = [*(f"joint{index}" for index in range(1, 8)), "finger_joint1"]


class CameraSource(Node):
    """The pictures are noise in which one row changes with each frame, so that no two are equal."""

    def __init__(self, width: int, height: int, rate_hz: float) -> None:
        super().__init__("camera_source")
        noise = np.random.default_rng(0).integers(0, 256, height * width * 3, dtype=np.uint8)
        self._image = Image(width=width, height=height, encoding="rgb8", step=width * 3)
        self._image.data = array.array("B", noise.tobytes())
        self._frame = 0
        self._images = [
            self.create_publisher(Image, f"{name}_camera/image_raw", qos_profile_sensor_data) for name in CAMERAS
        ]
        self._joints = self.create_publisher(JointState, "joint_states", qos_profile_sensor_data)
        latched = QoSProfile(
            depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
        )
        self._urdf = self.create_publisher(String, "robot_description", latched)
        urdf = Path(get_package_share_directory("vla_sim")) / "urdf" / "arm.urdf"
        self._urdf.publish(String(data=urdf.read_text(encoding="utf-8")))
        self.create_timer(1.0 / rate_hz, self._send_images)
        self.create_timer(0.01, self._send_joints)

    def _send_images(self) -> None:
        self._frame += 1
        self._image.data[self._frame % len(self._image.data)] ^= 0xFF
        for publisher in self._images:
            self._image.header.stamp = self.get_clock().now().to_msg()
            publisher.publish(self._image)

    def _send_joints(self) -> None:
        message = JointState(name=JOINTS, position=[*HOME_RAD, GRIPPER_OPEN_M], velocity=[0.0] * len(JOINTS))
        message.header.stamp = self.get_clock().now().to_msg()
        self._joints.publish(message)


def main() -> None:
    """Spin until the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--rate", type=float, default=30.0)
    options = parser.parse_args(rclpy.utilities.remove_ros_args(sys.argv)[1:])
    rclpy.init()
    node = CameraSource(options.width, options.height, options.rate)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)


if __name__ == "__main__":
    main()
