"""Publishes the pictures of the render thread."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from vla_core.types import FloatArray, ImageArray
from vla_sim.looks import Looks
from vla_sim.planar_base import CAMERA, FOVY_RAD, BaseCamera, Pose2D
from vla_sim.rendering import SceneRenderer
from vla_sim.ros.messages import to_camera_info, to_image, to_time
from vla_sim.ros.noise import SensorNoise
from vla_sim.scene import CAMERAS, build_model
from vla_sim.spec import SceneSpec


class CameraPublisher:
    """``<name>_camera/image_raw`` and ``<name>_camera/camera_info`` of one camera."""

    def __init__(self, node: Node, name: str) -> None:
        self.frame_id = f"{name}_camera_optical_frame"
        self._image: Publisher = node.create_publisher(Image, f"{name}_camera/image_raw", qos_profile_sensor_data)
        self._info: Publisher = node.create_publisher(CameraInfo, f"{name}_camera/camera_info", qos_profile_sensor_data)

    def publish(self, image: ImageArray, info: CameraInfo, stamp_ns: int) -> None:
        """``image`` (H, W, 3) RGB and what describes it, under one stamp."""
        info.header.stamp = to_time(stamp_ns)
        self._image.publish(to_image(image, stamp_ns, self.frame_id))
        self._info.publish(info)


@dataclass(frozen=True, slots=True)
class ArmSnapshot:
    """What the cameras of the arm see: configuration (nq,), scene, and the stamp of both."""

    qpos: FloatArray
    scene: SceneSpec
    stamp_ns: int


class ArmCameras:
    """Front and wrist camera of the tabletop. It has a model of its own, whose looks it may change at any time."""

    def __init__(self, node: Node, width: int, height: int, noise: int = 0) -> None:
        self._noise = SensorNoise(noise)
        self._publishers = {name: CameraPublisher(node, name) for name in CAMERAS}
        self._size = (width, height)
        self._model: mujoco.MjModel = build_model()
        self._looks = Looks(self._model)
        self._renderer = SceneRenderer(self._model, height, width)
        self._renderer.render(CAMERAS[0])  # the first picture takes long: shaders are compiled
        self._scene: SceneSpec | None = None
        self._infos: dict[str, CameraInfo] = {}

    def render(self, snapshot: ArmSnapshot) -> None:
        """Draw and publish both cameras."""
        if snapshot.scene is not self._scene:
            self._enter(snapshot.scene)
        self._renderer.set_qpos(snapshot.qpos)
        for name, publisher in self._publishers.items():
            publisher.publish(self._noise(self._renderer.render(name)), self._infos[name], snapshot.stamp_ns)

    def _enter(self, scene: SceneSpec) -> None:
        self._looks.apply(scene)
        self._scene = scene
        self._infos = {
            name: to_camera_info(*self._size, math.radians(self._model.camera(name).fovy[0]), publisher.frame_id)
            for name, publisher in self._publishers.items()
        }

    def close(self) -> None:
        """Free the GL context."""
        self._renderer.close()


@dataclass(frozen=True, slots=True)
class BaseSnapshot:
    """What the camera of the base sees."""

    pose: Pose2D
    stamp_ns: int


class BaseCameras:
    """The forward camera of the planar base."""

    def __init__(self, node: Node, width: int, height: int, noise: int = 0) -> None:
        self._noise = SensorNoise(noise)
        self._publisher = CameraPublisher(node, CAMERA)
        self._info = to_camera_info(width, height, FOVY_RAD, self._publisher.frame_id)
        self._camera = BaseCamera(width, height)

    def render(self, snapshot: BaseSnapshot) -> None:
        """Draw and publish."""
        self._publisher.publish(self._noise(self._camera.render(snapshot.pose)), self._info, snapshot.stamp_ns)

    def close(self) -> None:
        """Free the GL context."""
        self._camera.close()
