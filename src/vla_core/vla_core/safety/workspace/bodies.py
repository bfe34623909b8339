"""Convex primitives, each fixed to a carrier: a link that a commanded joint moves, or the base.

What hangs on joints that nobody commands here (fingers) is replaced by a box around everywhere it can be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import coal
import numpy as np
import pinocchio as pin

from vla_core.errors import WorkspaceError
from vla_core.safety.workspace.description import Enclosure, Zone
from vla_core.types import FloatArray
from vla_core.urdf import UrdfJoint

SWEEP_STEPS = 16  # poses between which a swept body is bounded
_DIRECTIONS = 64  # around an axis


@dataclass(frozen=True, slots=True)
class Body:
    """half (3,), ring, ball: along a unit direction l of its own axes it reaches |l|.half + ring*hypot(lx, ly) + ball.

    That is exact for a box (half), a cylinder (half length and ring) and a sphere (ball). [m]
    link: of the URDF, or name of a zone. carrier: index of the commanded joint that moves it, 0: none.
    placement: of its centre in the carrier. shape: the same for coal.
    normal: (3,) in the carrier, only for a half-space: away from its solid.
    """

    link: str
    carrier: int
    placement: pin.SE3
    half: FloatArray
    ring: float
    ball: float
    shape: coal.CollisionGeometry
    normal: FloatArray | None = None

    def extent(self, direction: FloatArray) -> FloatArray:
        """How far it reaches from its centre along unit ``direction`` (..., 3) in the carrier: (...)."""
        local = direction @ self.placement.rotation
        across = np.hypot(local[..., 0], local[..., 1])
        reach: FloatArray = np.abs(local) @ self.half + self.ring * across + self.ball
        return reach

    @property
    def radius(self) -> float:
        """Of a ball about its centre that contains it [m]."""
        return float(np.linalg.norm(self.half + np.array([self.ring, 0.0, 0.0]))) + self.ball

    def lever(self, axis: FloatArray) -> float:
        """Furthest that any point of it is from ``axis`` (3,) through the carrier's origin [m]."""
        first = np.cross(axis, [1.0, 0.0, 0.0] if abs(axis[0]) < 0.9 else [0.0, 1.0, 0.0])
        first /= np.linalg.norm(first)
        angles = np.linspace(0.0, 2.0 * math.pi, _DIRECTIONS, endpoint=False)
        around = np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * np.cross(axis, first)
        outermost = float((around @ self.placement.translation + self.extent(around)).max())
        return outermost / math.cos(math.pi / _DIRECTIONS)


def body_of(link: str, carrier: int, placement: pin.SE3, shape: coal.CollisionGeometry) -> Body:
    """A body from one of coal's primitives. Raises WorkspaceError for any other shape."""
    none = np.zeros(3)
    if isinstance(shape, coal.Box):
        return Body(link, carrier, placement, np.array(shape.halfSide), 0.0, 0.0, shape)
    if isinstance(shape, coal.Cylinder):
        return Body(link, carrier, placement, np.array([0.0, 0.0, shape.halfLength]), shape.radius, 0.0, shape)
    if isinstance(shape, coal.Sphere):
        return Body(link, carrier, placement, none, 0.0, shape.radius, shape)
    raise WorkspaceError(
        f"link {link!r}: its collision geometry is a {type(shape).__name__}; replace it in the URDF by boxes, "
        "cylinders or spheres around it"
    )


def zone_body(zone: Zone, base: pin.SE3) -> Body:
    """A keep-out zone, posed in ``base``, as a body that does not move."""
    size = zone.size_m
    shape = {
        "box_m": lambda: coal.Box(*size),
        "sphere_m": lambda: coal.Sphere(size[0]),
        "cylinder_m": lambda: coal.Cylinder(size[0], size[1]),
    }[zone.shape]()
    pose = pin.SE3(pin.rpy.rpyToMatrix(*zone.rpy_rad), np.array(zone.xyz_m))
    return body_of(zone.name, 0, base * pose, shape)


def walls(enclosure: Enclosure, base: pin.SE3) -> list[Body]:
    """The outside of an enclosure: six half-spaces."""
    found = []
    for axis, name in enumerate("xyz"):
        for sign, bound, word in ((-1.0, enclosure.upper_m, "upper"), (1.0, enclosure.lower_m, "lower")):
            normal = np.zeros(3)
            normal[axis] = sign  # into the enclosure
            origin = np.zeros(3)
            origin[axis] = bound[axis]
            # coal's half-space is where normal . x <= offset
            placement = base * pin.SE3(np.eye(3), origin)
            shape = coal.Halfspace(normal, 0.0)
            inward = base.rotation @ normal
            found.append(Body(f"{name} {word}", 0, placement, np.zeros(3), 0.0, 0.0, shape, inward))
    return found


def swept(body: Body, poses: list[pin.SE3], slack: float) -> Body:
    """The box, along the axes of ``body``, around it at all ``poses``, each ``slack`` [m] larger than it."""
    axes = np.concatenate([np.eye(3), -np.eye(3)]) @ body.placement.rotation.T
    reach = [axes @ (p.translation - body.placement.translation) + _posed(body, p).extent(axes) for p in poses]
    outer = np.max(reach, axis=0) + slack
    middle = body.placement.translation + body.placement.rotation @ ((outer[:3] - outer[3:]) / 2.0)
    half = (outer[:3] + outer[3:]) / 2.0
    placement = pin.SE3(body.placement.rotation, middle)
    return Body(body.link, body.carrier, placement, half, 0.0, 0.0, coal.Box(*(2.0 * half)))


def _posed(body: Body, pose: pin.SE3) -> Body:
    return Body(body.link, body.carrier, pose, body.half, body.ring, body.ball, body.shape)


def driver_of(joint: UrdfJoint, urdf: Mapping[str, UrdfJoint]) -> tuple[str, float, float]:
    """Independent joint that ``joint`` follows, with multiplier and offset; itself when it mimics none."""
    if joint.mimic is None:
        return joint.name, 1.0, 0.0
    name, gain, offset = driver_of(urdf[joint.mimic.joint], urdf)
    return name, joint.mimic.multiplier * gain, joint.mimic.multiplier * offset + joint.mimic.offset
