"""An independent judge of collisions: clouds of points on the links, and signed distances in closed form.

It shares no code with ``vla_core.safety`` and uses neither Pinocchio nor coal: poses come from chained 4 x 4 matrices
of the URDF's own numbers, and are looked at only where they are sampled.
"""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vla_core.types import FloatArray


@dataclass(frozen=True, slots=True)
class Shape:
    """A primitive at ``pose`` (4, 4) in its link.

    kind, size: box (edges), cylinder (radius, length) or sphere (radius) [m].
    """

    kind: str
    size: tuple[float, ...]
    pose: FloatArray

    def distance(self, points: FloatArray) -> FloatArray:
        """(N,) signed distance of ``points`` (N, 3) in the link [m]; inside of a shape it is negative."""
        local = (points - self.pose[:3, 3]) @ self.pose[:3, :3]
        if self.kind == "sphere":
            outside: FloatArray = np.linalg.norm(local, axis=1) - self.size[0]
            return outside
        if self.kind == "box":
            over = np.abs(local) - np.array(self.size) / 2.0
        else:
            over = np.stack(
                [np.hypot(local[:, 0], local[:, 1]) - self.size[0], np.abs(local[:, 2]) - self.size[1] / 2], 1
            )
        apart: FloatArray = np.linalg.norm(np.maximum(over, 0.0), axis=1) + np.minimum(over.max(axis=1), 0.0)
        return apart

    def cloud(self, pitch: float) -> FloatArray:
        """Points (N, 3) in the link, in and on it, no further apart than ``pitch`` [m]."""
        if self.kind == "box":
            axes = [np.linspace(-e / 2, e / 2, max(int(np.ceil(e / pitch)) + 1, 2)) for e in self.size]
            points = np.array(list(itertools.product(*axes)))
        else:
            radius = self.size[0]
            half = radius if self.kind == "sphere" else self.size[1] / 2
            angles = np.arange(0.0, 2 * np.pi, pitch / radius)
            heights = np.linspace(-half, half, max(int(np.ceil(2 * half / pitch)) + 1, 2))
            rows = []
            for height in heights:
                widest = radius if self.kind == "cylinder" else np.sqrt(max(radius**2 - height**2, 0.0))
                radii = (widest, *np.arange(0.0, widest, pitch)) if abs(height) == half else (widest,)
                level = np.full_like(angles, height)
                rows += [np.stack([r * np.cos(angles), r * np.sin(angles), level], 1) for r in radii]
            points = np.concatenate(rows)
        return points @ self.pose[:3, :3].T + self.pose[:3, 3]


class CollisionJudge:
    """Poses of an arm's links, and how near they are to zones and each other.

    Args:
        urdf_xml: the URDF.
        joints: that a configuration (J,) consists of; every other stands where ``others`` puts it, or at zero.
        pitch: of the points on the links [m]; distances are overestimated by at most its diagonal half.
    """

    def __init__(
        self, urdf_xml: str, joints: Sequence[str], others: Mapping[str, float] | None = None, pitch: float = 0.01
    ) -> None:
        root = ET.fromstring(urdf_xml)
        self._joints = {joint.find("child").get("link"): joint for joint in root.findall("joint")}  # type: ignore[union-attr]
        self._names, self._others = list(joints), dict(others or {})
        self.shapes = {
            str(link.get("name")): [_shape(entry) for entry in link.findall("collision")]
            for link in root.findall("link")
        }
        self.links = tuple(link for link, shapes in self.shapes.items() if shapes)
        self._clouds = {
            link: np.concatenate([shape.cloud(pitch) for shape in self.shapes[link]]) for link in self.links
        }

    def pose(self, q: FloatArray, link: str) -> FloatArray:
        """(4, 4) of ``link`` in the root link."""
        joint = self._joints.get(link)
        if joint is None:
            return np.eye(4)
        name, kind = joint.get("name", ""), joint.get("type")
        axis = np.array([float(v) for v in _of(joint, "axis", "xyz", "1 0 0").split()])
        value = float(q[self._names.index(name)]) if name in self._names else self._others.get(name, 0.0)
        motion = np.eye(4)
        if kind == "prismatic":
            motion[:3, 3] = axis * value
        elif kind != "fixed":
            motion[:3, :3] = _turn(axis, value)
        parent = _of(joint, "parent", "link", "")
        pose: FloatArray = self.pose(q, parent) @ _origin(joint) @ motion
        return pose

    def cloud(self, q: FloatArray, link: str) -> FloatArray:
        """(N, 3) points of ``link`` in the root link."""
        pose = self.pose(q, link)
        return self._clouds[link] @ pose[:3, :3].T + pose[:3, 3]

    def zone_distance(self, q: FloatArray, link: str, zone: Shape) -> float:
        """Of ``link`` from a zone posed in the root link [m]."""
        return float(zone.distance(self.cloud(q, link)).min())

    def link_distance(self, q: FloatArray, first: str, second: str) -> float:
        """Of two links [m]."""
        pose = self.pose(q, second)
        points = (self.cloud(q, first) - pose[:3, 3]) @ pose[:3, :3]
        return min(float(shape.distance(points).min()) for shape in self.shapes[second])


def _shape(collision: ET.Element) -> Shape:
    geometry = collision.find("geometry")
    assert geometry is not None
    one = geometry[0]
    if one.tag == "box":
        size = tuple(float(v) for v in one.get("size", "").split())
    elif one.tag == "cylinder":
        size = (float(one.get("radius", "")), float(one.get("length", "")))
    else:
        size = (float(one.get("radius", "")),)
    return Shape(one.tag, size, _origin(collision))


def _origin(element: ET.Element) -> FloatArray:
    return pose_of(
        [float(v) for v in _of(element, "origin", "xyz", "0 0 0").split()],
        [float(v) for v in _of(element, "origin", "rpy", "0 0 0").split()],
    )


def pose_of(xyz: Sequence[float], rpy: Sequence[float]) -> FloatArray:
    """(4, 4) of a URDF <origin>: turns about the fixed x, y, z axes, in this order."""
    pose = np.eye(4)
    x, y, z = (_turn(np.eye(3)[axis], angle) for axis, angle in enumerate(rpy))
    pose[:3, :3] = z @ y @ x
    pose[:3, 3] = xyz
    return pose


def _of(element: ET.Element, child: str, attribute: str, otherwise: str) -> str:
    found = element.find(child)
    return otherwise if found is None else found.get(attribute, otherwise)


def _turn(axis: FloatArray, angle: float) -> FloatArray:
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turn: FloatArray = np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
    return turn
