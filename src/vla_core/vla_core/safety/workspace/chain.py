"""The commanded joints of an arm: poses of what they carry, and how far a motion of theirs can move it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pinocchio as pin

from vla_core.safety.workspace.bodies import Body
from vla_core.types import FloatArray
from vla_core.urdf import UrdfJoint

if TYPE_CHECKING:
    from vla_core.safety.workspace.model import Pair


@dataclass(frozen=True, slots=True)
class Poses:
    """Rotations (N, K, C, 3, 3) and origins (N, K, C, 3) of the carriers."""

    rotation: FloatArray
    origin: FloatArray


class Chain:
    """A tree of J commanded joints. Carriers: 0 is the base, k > 0 what Pinocchio's joint k moves."""

    def __init__(self, model: Any, joints: Sequence[str], urdf: Mapping[str, UrdfJoint]) -> None:
        self._model = model
        self._count = len(joints)
        self._column = [0] + [list(joints).index(name) for name in list(model.names)[1:]]
        self._parent: list[int] = list(model.parents)
        self._kinds = [urdf[joint].kind for joint in joints]
        self._sliding = np.array([kind == "prismatic" for kind in self._kinds])
        data = model.createData()
        pin.computeJointJacobians(model, data, pin.neutral(model))
        self._axis = np.zeros((model.njoints, 3))
        for k in range(1, model.njoints):
            jacobian = pin.getJointJacobian(model, data, k, pin.ReferenceFrame.LOCAL)
            jacobian = jacobian.reshape(6, model.nv)[:, model.idx_vs[k]]  # of one joint it comes as (6,)
            self._axis[k] = jacobian[:3] if self._sliding[self._column[k]] else jacobian[3:]
        self._offset = np.array([model.jointPlacements[k].translation for k in range(model.njoints)])
        turn = np.array([model.jointPlacements[k].rotation for k in range(model.njoints)])
        cross = np.array([pin.skew(axis) for axis in self._axis])
        # R(q) = R0 (1 + sin q K + (1 - cos q) K^2), Rodrigues' formula
        self._turn, self._sine, self._versine = turn, turn @ cross, turn @ cross @ cross
        self._slide = np.einsum("kij,kj->ki", turn, self._axis)
        self._lower = np.array([_or(urdf[joint].lower, -np.pi) for joint in joints])
        self._upper = np.array([_or(urdf[joint].upper, np.pi) for joint in joints])
        self._plain = np.array([model.nqs[k] == 1 for k in range(1, model.njoints)])
        self._rows = [model.idx_qs[k] for k in range(1, model.njoints)]
        self._order = np.array(self._column[1:], dtype=int)
        self.frames = np.zeros(0, dtype=int)

    @property
    def range(self) -> tuple[FloatArray, FloatArray]:
        """Positions (J,), (J,) between which the joints move; a whole turn for a continuous one."""
        return self._lower, self._upper

    def configuration(self, q: FloatArray) -> FloatArray:
        """Pinocchio's configuration for ``q`` (J,)."""
        ordered: FloatArray = q[self._order]
        if self._plain.all():
            return ordered
        values = np.zeros(self._model.nq)
        for row, plain, value in zip(self._rows, self._plain, ordered, strict=True):
            if plain:
                values[row] = value
            else:  # a continuous joint is a point on the circle
                values[row : row + 2] = np.cos(value), np.sin(value)
        return values

    def poses(self, q: FloatArray) -> Poses:
        """Of the carriers at ``q`` (N, K, J)."""
        count = len(self._parent)
        flat = q.reshape(-1, q.shape[-1])
        sine, versine = np.sin(flat)[:, self._order, None, None], 1.0 - np.cos(flat)[:, self._order, None, None]
        own = self._turn[1:] + sine * self._sine[1:] + versine * self._versine[1:]
        moved = self._offset
        if self._sliding.any():
            own = np.where(self._sliding[self._order][:, None, None], self._turn[1:], own)
            slid = np.where(self._sliding, flat, 0.0)[:, self._order, None] * self._slide[1:]
            moved = np.concatenate([np.zeros((len(flat), 1, 3)), self._offset[1:] + slid], axis=1)
        rotations, origins = [np.tile(np.eye(3), (len(flat), 1, 1))], [np.zeros((len(flat), 3))]
        for k in range(1, count):
            above = rotations[self._parent[k]]
            offset = moved[k] if moved.ndim == 2 else moved[:, k, :, None]
            shift = above @ offset if moved.ndim == 2 else (above @ offset)[..., 0]
            rotations.append(above @ own[:, k - 1])
            origins.append(origins[self._parent[k]] + shift)
        rotation, origin = np.stack(rotations, axis=1), np.stack(origins, axis=1)
        shape = q.shape[:-1]
        return Poses(rotation.reshape(*shape, count, 3, 3), origin.reshape(*shape, count, 3))

    def reaches(self, pairs: Sequence[Pair]) -> tuple[FloatArray, FloatArray]:
        """Bounds of how a pair's relative motion depends on the joints.

        First (P, J): metres per unit of each joint. Second (P, J, J): the same of the second derivatives. Of a point
        beyond joints k and l, with axes z and l further out, they are |z_k x (p - o_k)| and |z_k x (z_l x (p - o_l))|,
        which never exceed the point's distance from the axis of the outer joint (Siciliano et al., Robotics, 3.1).
        A pair moves in the frame of the last carrier that both hang on; there each side's motion counts by itself.
        """
        first = np.zeros((len(pairs), self._count))
        second = np.zeros((len(pairs), self._count, self._count))
        frames = []
        for index, pair in enumerate(pairs):
            ways = [self._way(pair.first.carrier), self._way(pair.second.carrier)]
            common = [a for a, b in zip(*ways, strict=False) if a == b]
            frames.append(common[-1])
            for body, way in zip((pair.first, pair.second), ways, strict=True):
                self._add(body, way[len(common) :], first[index], second[index])
        self.frames = np.array(frames, dtype=int)
        return first, second

    def _way(self, carrier: int) -> list[int]:
        way = [carrier]
        while way[-1] != 0:
            way.append(self._parent[way[-1]])
        return way[::-1]

    def _add(self, body: Body, way: list[int], first: FloatArray, second: FloatArray) -> None:
        """Add the motion of ``body`` by the joints on ``way`` (outermost last) to (J,) and (J, J)."""
        far = 0.0  # furthest point of the body from the origin of the joint below [m]
        levers = {}
        for place, k in enumerate(reversed(way)):
            if place == 0:
                lever = body.lever(self._axis[k])
                far = float(np.linalg.norm(body.placement.translation)) + body.radius
            else:
                outer = way[len(way) - place]
                offset = self._offset[outer]
                slide = self._slip(outer)
                lever = float(np.linalg.norm(np.cross(self._axis[k], offset))) + slide + far
                far += float(np.linalg.norm(offset)) + slide
            levers[k] = lever
        for i, k in enumerate(way):
            first[self._column[k]] += 1.0 if self._sliding[self._column[k]] else levers[k]
            for outer in way[i:]:
                bend = self._bend(k, outer, levers[outer])
                row, column = self._column[k], self._column[outer]
                second[row, column] += bend
                if row != column:
                    second[column, row] += bend

    def _slip(self, k: int) -> float:
        """Furthest that a prismatic joint moves from its zero [m]."""
        column = self._column[k]
        return max(abs(self._lower[column]), abs(self._upper[column])) if self._sliding[column] else 0.0

    def _bend(self, inner: int, outer: int, lever: float) -> float:
        if self._sliding[self._column[inner]]:
            return 0.0
        return 1.0 if self._sliding[self._column[outer]] else lever


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
