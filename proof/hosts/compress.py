"""A camera driver's compressed topic, for a simulator that has none: ``python -m proof.hosts.compress TOPIC …``."""

from __future__ import annotations

import sys
from functools import partial

import cv2
import numpy as np
import rclpy
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image

QUALITY = 90


def forward(publisher: Publisher, message: Image) -> None:
    """JPEG of an rgb8 image, with its header."""
    rgb = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
    _, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    publisher.publish(CompressedImage(header=message.header, format="rgb8; jpeg compressed bgr8", data=data.tobytes()))


def main() -> None:
    """Until it is ended."""
    rclpy.init()
    node = rclpy.create_node("compress")
    for topic in sys.argv[1:]:
        publisher = node.create_publisher(CompressedImage, f"{topic}/compressed", qos_profile_sensor_data)
        node.create_subscription(Image, topic, partial(forward, publisher), qos_profile_sensor_data)
    rclpy.spin(node)


if __name__ == "__main__":
    main()
