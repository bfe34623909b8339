"""inference_node on a live graph with less common robots and policies: compressed cameras, end-effector deltas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage

from vla_core.testing import chain, make_ee_delta_mapping
from vla_msgs.msg import InferenceStatus

pytestmark = pytest.mark.ros


class JpegCamera:
    """A camera that publishes 96x96 JPEG pictures at 30 Hz beside those of the double, on the double's thread."""

    def __init__(self, robot, name: str) -> None:
        self.broken = False
        self._robot = robot
        self._shade = 0
        self._publisher = robot.node.create_publisher(CompressedImage, f"{name}_camera/image_raw/compressed", 1)
        self._timer = robot.node.create_timer(1 / 30, self._publish)

    def _publish(self) -> None:
        self._shade = (self._shade + 8) % 256
        _, data = cv2.imencode(".jpg", np.full((96, 96, 3), self._shade, dtype=np.uint8))
        message = CompressedImage(format="rgb8; jpeg compressed bgr8")
        message.header.stamp = self._robot.node.get_clock().now().to_msg()
        message.data = data.tobytes()[: 40 if self.broken else None]
        self._publisher.publish(message)

    def close(self) -> None:
        self._robot.node.destroy_timer(self._timer)
        self._robot.node.destroy_publisher(self._publisher)


@pytest.fixture
def jpeg_front(robot):
    camera = JpegCamera(robot, "front")
    yield camera
    camera.close()


def activate(robot) -> None:
    assert robot.transition("configure"), robot.statuses[-1].detail
    assert robot.transition("activate"), robot.statuses[-1].detail


def test_a_compressed_camera_feeds_the_policy_and_a_broken_picture_starves_it(
    robot, start_node, make_bundle, jpeg_front
) -> None:
    topic = "front_camera/image_raw/compressed"
    start_node(make_bundle(), camera__front__topic=topic, camera__front__transport="compressed")
    activate(robot)
    robot.say("pick up the red cube")
    first, second = robot.wait_chunks(2)
    assert first.cameras[0].content_hash != second.cameras[0].content_hash
    jpeg_front.broken = True
    status = robot.wait_state(InferenceStatus.STARVED)
    assert "camera front" in status.detail
    jpeg_front.broken = False
    robot.wait_state(InferenceStatus.RUNNING)


def test_end_effector_deltas_become_joint_positions(robot, start_node, make_bundle) -> None:
    step_m = 0.004
    bundle = make_bundle(
        **make_ee_delta_mapping(mock={"behaviour": "constant", "values": [0.0, 0.0, step_m, 0.0, 0.0, 0.0, 0.04]})
    )
    start_node(bundle, robot_description=chain.urdf())
    activate(robot)
    robot.say("up")
    chunk = robot.wait_chunks(3)[-1]
    assert list(chunk.joint_trajectory.joint_names) == robot.joints
    start = chain.forward(np.array(robot.positions[:7]))
    moved = np.linalg.inv(start) @ chain.forward(np.array(chunk.joint_trajectory.points[-1].positions))
    rise = start[:3, :3] @ moved[:3, 3]
    # The double stands still whatever it is told, so each plan goes on from where the last one had got to.
    print("RISE", rise)
    assert rise[2] >= 7 * step_m
    assert np.abs(rise[:2]).max() < 2e-3
    assert np.trace(moved[:3, :3]) == pytest.approx(3.0, abs=1e-3)
