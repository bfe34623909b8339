"""A seven-axis arm written out here, so that tests need no robot description from elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Craig's DH parameters of the Franka Panda as its documentation publishes them: a [m], d [m], alpha [rad].
DH = [
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -np.pi / 2),
    (0.0, 0.316, np.pi / 2),
    (0.0825, 0.0, np.pi / 2),
    (-0.0825, 0.384, -np.pi / 2),
    (0.0, 0.0, np.pi / 2),
    (0.088, 0.0, np.pi / 2),
]
TOOL_Z = 0.21
LOWER = [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973]
UPPER = [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973]
VELOCITY = [2.175] * 4 + [2.61] * 3
HOME = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
JOINTS = tuple(f"joint{i}" for i in range(1, 8))
LIMITS_YAML = {
    "joint_limits": {
        name: {
            "has_acceleration_limits": True,
            "max_acceleration": acceleration,
            "has_jerk_limits": True,
            "max_jerk": 500.0 * acceleration,
        }
        for name, acceleration in zip(JOINTS, [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0], strict=True)
    }
}


def urdf() -> str:
    parts = ['<robot name="chain"><link name="base_link"/>']
    parent = "base_link"
    for index, (a, d, alpha) in enumerate(DH):
        link = f"link{index + 1}"
        y, z = -d * np.sin(alpha), d * np.cos(alpha)
        parts.append(
            f'<link name="{link}"/><joint name="{JOINTS[index]}" type="revolute"><parent link="{parent}"/>'
            f'<child link="{link}"/><origin xyz="{a} {y} {z}" rpy="{alpha} 0 0"/><axis xyz="0 0 1"/>'
            f'<limit lower="{LOWER[index]}" upper="{UPPER[index]}" velocity="{VELOCITY[index]}" effort="50"/></joint>'
        )
        parent = link
    parts.append(
        f'<link name="tool0"/><joint name="tool" type="fixed"><parent link="{parent}"/><child link="tool0"/>'
        f'<origin xyz="0 0 {TOOL_Z}"/></joint><link name="finger"/><joint name="finger_joint1" type="prismatic">'
        '<parent link="tool0"/><child link="finger"/><axis xyz="0 1 0"/>'
        '<limit lower="0" upper="0.04" velocity="0.2" effort="20"/></joint>'
        '<link name="wheel"/><joint name="wheel_joint" type="continuous"><parent link="base_link"/>'
        '<child link="wheel"/><axis xyz="0 0 1"/><limit velocity="1" effort="1"/></joint></robot>'
    )
    return "".join(parts)


def forward(q: NDArray[np.float64]) -> NDArray[np.float64]:
    """T_base_tool by multiplying the DH matrices: independent of the library under test."""
    pose = np.eye(4)
    for (a, d, alpha), theta in zip(DH, q, strict=True):
        ca, sa, ct, st = np.cos(alpha), np.sin(alpha), np.cos(theta), np.sin(theta)
        pose = pose @ np.array(
            [[ct, -st, 0, a], [st * ca, ct * ca, -sa, -d * sa], [st * sa, ct * sa, ca, d * ca], [0, 0, 0, 1]]
        )
    tool = np.eye(4)
    tool[2, 3] = TOOL_Z
    return pose @ tool
