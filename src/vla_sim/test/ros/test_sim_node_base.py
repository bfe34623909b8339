"""The simulated base over its topics, as a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image

from .conftest import Client, end, start_sim_node

# One group: their processes share the ROS domain of one test worker.
pytestmark = [pytest.mark.ros, pytest.mark.render, pytest.mark.xdist_group("sim_node")]


@pytest.fixture(scope="module")
def base(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    log: Path = tmp_path_factory.mktemp("base") / "log.txt"
    process = start_sim_node(log, "robot:=base")
    try:
        client.odometry = client.listen(Odometry, "odom", qos_profile_sensor_data)
        client.wait(lambda: bool(client.odometry) or process.poll() is not None, "odom")
        assert process.poll() is None, log.read_text()
        yield client
    finally:
        end(process)


def test_cmd_vel_drives_it_until_the_timeout(base: Client) -> None:
    publisher = base.node.create_publisher(TwistStamped, "cmd_vel", QoSProfile(depth=1))
    base.wait(lambda: publisher.get_subscription_count() > 0, "a subscription to cmd_vel")
    message = TwistStamped()
    message.twist.linear.x, message.twist.angular.z = 0.4, 0.2
    publisher.publish(message)
    base.wait(lambda: base.odometry[-1].twist.twist.linear.x > 0.3, "the base driving")
    base.wait(lambda: base.odometry[-1].twist.twist.linear.x == 0.0, "the base stopped by the timeout")
    end = base.odometry[-1]
    assert (end.header.frame_id, end.child_frame_id) == ("odom", "base_link")
    # 0.4 m/s for the 0.5 s of the timeout, plus the ramps.
    assert 0.15 < end.pose.pose.position.x < 0.35
    assert end.pose.pose.orientation.z > 0.02


def test_the_forward_camera_streams(base: Client) -> None:
    images = base.listen(Image, "front_camera/image_raw", qos_profile_sensor_data)
    base.wait(lambda: bool(images), "an image")
    assert (images[0].width, images[0].height) == (96, 96)
    assert np.array(images[0].data, dtype=np.uint8).std() > 10.0
