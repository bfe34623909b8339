"""A kinematic differential-drive base on a plane with coloured pillars, and its forward camera. No ROS.

Frames after REP-105 and REP-103: the pose is that of base_link in odom, x forward, y left, yaw
counter-clockwise from above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from vla_core.types import ImageArray
from vla_sim.controllers import Velocity

CAMERA = "front"
FOVY_RAD = math.radians(60.0)

# Body colour and position [m] of each pillar in odom.
_PILLARS = (
    ("0.85 0.15 0.15 1", 2.0, 0.8),
    ("0.15 0.3 0.85 1", 2.5, -0.7),
    ("0.15 0.65 0.2 1", -1.5, 1.5),
    ("0.9 0.75 0.1 1", 0.5, -2.5),
)


@dataclass(frozen=True, slots=True)
class Pose2D:
    """base_link in odom: [m], [m], [rad] (not wrapped)."""

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0


def integrate(pose: Pose2D, velocity: Velocity, duration_s: float) -> Pose2D:
    """Where a base driven at constant ``velocity`` is after ``duration_s``: exact, along the arc."""
    turn = velocity.angular * duration_s
    distance = velocity.linear * duration_s
    # chord = distance * sinc(turn / 2), at the mean heading
    chord = distance if abs(turn) < 1e-9 else distance * math.sin(0.5 * turn) / (0.5 * turn)
    heading = pose.yaw + 0.5 * turn
    return Pose2D(pose.x + chord * math.cos(heading), pose.y + chord * math.sin(heading), pose.yaw + turn)


def base_scene_xml() -> str:
    """The scene as MJCF: the base is a mocap body, so that it goes where it is put."""
    pillars = "\n".join(
        f'<geom type="cylinder" size="0.12 0.4" pos="{x} {y} 0.4" rgba="{rgba}"/>' for rgba, x, y in _PILLARS
    )
    return f"""
<mujoco model="planar_base">
  <visual><quality shadowsize="0" offsamples="0"/><headlight ambient="0.4 0.4 0.4" diffuse="0.5 0.5 0.5"/></visual>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="0.7 0.8 0.9" rgb2="0.9 0.95 1" width="64" height="64"/>
    <texture name="floor" type="2d" builtin="checker" rgb1="0.5 0.5 0.5" rgb2="0.35 0.35 0.35" width="64" height="64"/>
    <material name="floor" texture="floor" texrepeat="20 20"/>
  </asset>
  <worldbody>
    <light pos="0 0 5" dir="0 0 -1" directional="true"/>
    <geom type="plane" size="10 10 0.1" material="floor"/>
    {pillars}
    <body name="base_link" mocap="true">
      <geom type="cylinder" size="0.2 0.08" pos="0 0 0.1" rgba="0.2 0.2 0.25 1"/>
      <camera name="{CAMERA}" pos="0.2 0 0.25" xyaxes="0 -1 0 0 0 1" fovy="{math.degrees(FOVY_RAD)}"/>
    </body>
  </worldbody>
</mujoco>
"""


class BaseCamera:
    """The forward camera of the base. One thread: that of construction."""

    def __init__(self, width: int, height: int) -> None:
        self._model = mujoco.MjModel.from_xml_string(base_scene_xml())
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, height, width)
        self._image = np.empty((height, width, 3), dtype=np.uint8)

    def render(self, pose: Pose2D) -> ImageArray:
        """What the base sees at ``pose``: (H, W, 3) RGB, overwritten by the next call."""
        self._data.mocap_pos[0] = (pose.x, pose.y, 0.0)
        self._data.mocap_quat[0] = (math.cos(0.5 * pose.yaw), 0.0, 0.0, math.sin(0.5 * pose.yaw))
        mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, CAMERA)
        self._renderer.render(out=self._image)
        return self._image

    def close(self) -> None:
        """Free the GL context."""
        self._renderer.close()
