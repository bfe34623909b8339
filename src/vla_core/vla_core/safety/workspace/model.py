"""An arm among its zones: which bodies there are, which pairs are checked, and how far apart they are."""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import coal
import numpy as np
import pinocchio as pin

from vla_core.errors import LimitsError, WorkspaceError
from vla_core.safety.workspace.bodies import SWEEP_STEPS, Body, body_of, driver_of, swept, walls, zone_body
from vla_core.safety.workspace.chain import Chain, Poses
from vla_core.safety.workspace.description import Workspace
from vla_core.types import FloatArray, read_only
from vla_core.urdf import MOVING_TYPES, UrdfJoint, parse_urdf

ALWAYS_SAMPLES = 64  # configurations; a pair that touches in each of them can never be kept apart


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bodies that are kept apart. first: the one nearer to the base, or the zone.

    reason: code of a verdict: ``workspace``, ``keep_out``, ``self_collision``.
    """

    first: Body
    second: Body
    reason: str
    margin_m: float

    @property
    def text(self) -> str:
        """For a human."""
        if self.reason == "workspace":
            return f"{self.second.link} and the {self.first.link} bound of the enclosure"
        if self.reason == "keep_out":
            return f"{self.second.link} and the zone {self.first.link!r}"
        return f"{self.first.link} and {self.second.link}"


class CollisionModel:
    """Pairs of convex bodies, and their signed distances by Pinocchio and coal.

    Args:
        urdf_xml: the URDF itself. Collision geometry must be boxes, cylinders and spheres; meshes are refused.
        joints: J joints that ``q`` (J,) consists of, in this order.
        workspace: zones, enclosure, margins.

    Raises:
        WorkspaceError: the URDF cannot be used, a link is not in it, or a pair could never be kept apart.
    """

    def __init__(self, urdf_xml: str, joints: Sequence[str], workspace: Workspace) -> None:
        self.workspace = workspace
        self.joint_names = tuple(joints)
        self._urdf = _read(urdf_xml)
        links = _links(urdf_xml)
        self._check_names(links)
        full = pin.buildModelFromXML(urdf_xml)
        shapes = pin.buildGeomFromUrdfString(full, urdf_xml, pin.GeometryType.COLLISION)
        self.chain, model, fixed, self._carriers = self._reduced(full, joints)
        self._bodies = self._bodies_of(full, shapes, fixed)
        base = full.frames[full.getFrameId(workspace.base, pin.FrameType.BODY)]
        if base.parentJoint != 0:
            raise WorkspaceError(f"{workspace.source}: base {workspace.base!r} is moved by a joint; name a fixed link")
        self._tips = self._points(full, fixed)
        self.pairs = tuple(self._pairs(base.placement))
        self.margins = read_only([pair.margin_m for pair in self.pairs])
        self._model, self._geometry = model, self._scene()
        self._local = threading.local()
        self.reach, self.bend = self.chain.reaches(self.pairs)
        self._arrange()
        self._refuse_hopeless()

    # --- distances

    def distances(self, q: FloatArray) -> FloatArray:
        """(P,) signed distance of every pair at ``q`` (J,) [m]."""
        data, results = self._workspace()
        pin.computeDistances(self._model, data, self._geometry, results, self.chain.configuration(q))
        return np.array([result.min_distance for result in results.distanceResults])

    def normal(self, pair: int) -> FloatArray:
        """(3,) the direction that separates ``pair`` best, in the frame both move in; after ``distances`` or ``at``."""
        data, results = self._workspace()
        normal = self.pairs[pair].first.normal
        if normal is None:
            world = np.array(results.distanceResults[pair].normal)
            normal = data.oMi[int(self.frames[pair])].rotation.T @ world
        return normal

    def at(self, q: FloatArray) -> None:
        """Move the bodies to ``q`` (J,), for ``distance``."""
        data, results = self._workspace()
        pin.updateGeometryPlacements(self._model, data, self._geometry, results, self.chain.configuration(q))

    def distance(self, pair: int) -> float:
        """Signed distance of one pair [m]."""
        _, results = self._workspace()
        return float(pin.computeDistance(self._geometry, results, pair).min_distance)

    def gaps(self, poses: Poses, cell: Any, pair: Any, normal: FloatArray) -> FloatArray:
        """Width of the slab across ``normal`` (N, 3) that separates ``pair`` (N,) at the K ``poses`` of ``cell`` (N,).

        (N, K) [m], never more than the distance.
        """
        world = (poses.rotation[cell, :, self.frames[pair]] @ normal[:, None, :, None])[..., 0]
        gap = self._side(poses, cell, self._second[pair], world, -1.0)
        gap -= self._side(poses, cell, self._first[pair], world, 1.0)
        return gap

    def _side(self, poses: Poses, cell: Any, body: Any, world: FloatArray, sign: float) -> FloatArray:
        """Position along ``world`` (N, K, 3) of the side of each body that lies that way (``sign`` 1), or the other."""
        carrier = self._carrier_of[body]
        local = (world[..., None, :] @ poses.rotation[cell, :, carrier])[..., 0, :]  # in the carrier
        own = local @ self._axes[body]
        reach = (np.abs(own) @ self._half[body, :, None])[..., 0] + self._ball[body, None]
        reach += self._ring[body, None] * np.hypot(own[..., 0], own[..., 1])
        place = (world * poses.origin[cell, :, carrier]).sum(axis=-1) + (local @ self._centre[body, :, None])[..., 0]
        side: FloatArray = place + sign * reach
        return side

    # --- building

    def _check_names(self, links: Sequence[str]) -> None:
        workspace = self.workspace
        named = [(workspace.base, "base")]
        named += [(link, "enclosure: links") for link in (workspace.enclosure.links if workspace.enclosure else ())]
        for one in workspace.disabled_collisions:
            named += [(one.link1, "disabled_collisions"), (one.link2, "disabled_collisions")]
        for link, where in named:
            if link not in links:
                raise WorkspaceError(
                    f"{workspace.source}: {where}: the URDF has no link {link!r}; it has: {', '.join(links)}"
                )

    def _reduced(self, full: Any, joints: Sequence[str]) -> tuple[Chain, Any, Any, dict[int, int]]:
        """The model of the commanded joints alone; poses of the full one at rest; full joint -> carrier."""
        for name in joints:
            if name not in self._urdf or self._urdf[name].kind not in MOVING_TYPES:
                moving = [joint.name for joint in self._urdf.values() if joint.kind in MOVING_TYPES]
                raise WorkspaceError(f"the URDF has no moving joint {name!r}; it has: {', '.join(moving)}")
        lock = [index for index in range(1, full.njoints) if full.names[index] not in joints]
        for index in range(1, full.njoints):
            above = full.parents[index]
            if index not in lock and above in lock:
                raise WorkspaceError(
                    f"joint {full.names[above]!r} carries commanded joints and is not commanded; command it, or make "
                    "it fixed in the URDF"
                )
        rest = self._rest(full)
        model = pin.buildReducedModel(full, lock, rest)
        fixed = full.createData()
        pin.framesForwardKinematics(full, fixed, rest)
        carriers = {0: 0}
        for index in range(1, full.njoints):
            carriers[index] = carriers[full.parents[index]] if index in lock else model.getJointId(full.names[index])
        return Chain(model, joints, self._urdf), model, fixed, carriers

    def _rest(self, full: Any) -> FloatArray:
        q: FloatArray = pin.neutral(full)
        for index in range(1, full.njoints):
            _put(full, q, index, self._value_at(full.names[index], 0.0))
        return q

    def _value_at(self, joint: str, share: float) -> float:
        """Position of a joint when what drives it has gone ``share`` of its range."""
        name, gain, offset = driver_of(self._urdf[joint], self._urdf)
        driver = self._urdf[name]
        if driver.lower is None or driver.upper is None:
            return 0.0
        return gain * (driver.lower + share * (driver.upper - driver.lower)) + offset

    def _carried(self, full: Any, joint: int) -> tuple[int, list[int]]:
        """What carries a thing on ``joint``: a commanded joint or the base; and the joints nobody commands between."""
        above, free = joint, []
        while above != 0 and self._carriers[above] == self._carriers[full.parents[above]]:
            free.append(above)
            above = full.parents[above]
        return above, free

    def _bodies_of(self, full: Any, shapes: Any, fixed: Any) -> list[Body]:
        return [
            self._body(full, fixed, full.frames[thing.parentFrame].name, thing, thing.geometry)
            for thing in shapes.geometryObjects
        ]

    def _body(self, full: Any, fixed: Any, link: str, thing: Any, shape: Any) -> Body:
        """``shape`` of ``link`` where ``thing``, a geometry object or a frame, is placed."""
        joint = thing.parentJoint
        above, free = self._carried(full, joint)
        placement = fixed.oMi[above].inverse() * fixed.oMi[joint] * thing.placement
        body = body_of(link, self._carriers[joint], placement, shape)
        return self._swept(full, body, thing, above, free) if free else body

    def _swept(self, full: Any, body: Body, thing: Any, carrier: int, free: list[int]) -> Body:
        """``body`` wherever its uncommanded joints ``free`` can bring it."""
        names = [full.names[index] for index in free]
        drivers = {driver_of(self._urdf[name], self._urdf)[0] for name in names}
        driver = self._urdf[min(drivers)]
        if len(drivers) > 1 or driver.lower is None or driver.upper is None:
            raise WorkspaceError(
                f"link {body.link!r} hangs on {', '.join(sorted(drivers))}, which are not commanded here and are more "
                "than one, or have no limits; command them, give limits, or make all but one fixed in the URDF"
            )
        q, data, poses = self._rest(full), full.createData(), []
        for share in np.linspace(0.0, 1.0, SWEEP_STEPS + 1):
            for index in free:
                _put(full, q, index, self._value_at(full.names[index], float(share)))
            pin.forwardKinematics(full, data, q)
            poses.append(data.oMi[carrier].inverse() * data.oMi[thing.parentJoint] * thing.placement)
        turning = [index for index in free if self._urdf[full.names[index]].kind != "prismatic"]
        gains = [abs(driver_of(self._urdf[full.names[index]], self._urdf)[1]) for index in free]
        step = (driver.upper - driver.lower) / SWEEP_STEPS
        far = max(float(np.linalg.norm(p.translation - poses[0].translation)) for p in poses) + body.radius
        far += sum(float(np.linalg.norm(full.jointPlacements[index].translation)) for index in free)
        far += float(np.linalg.norm(thing.placement.translation))
        slack = (sum(gains) * step) ** 2 * far / 8.0 if turning else 0.0
        return swept(body, poses, slack)

    def _points(self, full: Any, fixed: Any) -> list[Body]:
        """Links of the enclosure that have no shape, as points, wherever they can be."""
        enclosure = self.workspace.enclosure
        shaped = {body.link for body in self._bodies}
        found = []
        for link in enclosure.links if enclosure is not None else ():
            if link not in shaped:
                frame = full.frames[full.getFrameId(link, pin.FrameType.BODY)]
                found.append(self._body(full, fixed, link, frame, coal.Sphere(1e-6)))
        return found

    def _pairs(self, base: Any) -> list[Pair]:
        workspace, margin = self.workspace, self.workspace.margin.distance_m
        moving = [body for body in self._bodies if body.carrier != 0]
        pairs = []
        for zone in workspace.keep_out:
            own = zone.margin.distance_m if zone.margin is not None else margin
            pairs += [Pair(zone_body(zone, base), body, "keep_out", own) for body in moving]
        if workspace.enclosure is not None:
            names = workspace.enclosure.links
            inside = [body for body in moving + self._tips if not names or body.link in names]
            for wall in walls(workspace.enclosure, base):
                pairs += [Pair(wall, body, "workspace", margin) for body in inside if body.carrier != 0]
        if workspace.self_collision:
            skipped = self._adjacent() | {frozenset((one.link1, one.link2)) for one in workspace.disabled_collisions}
            for first, second in combinations(sorted(self._bodies, key=lambda body: body.carrier), 2):
                if first.carrier != second.carrier and frozenset((first.link, second.link)) not in skipped:
                    pairs.append(Pair(first, second, "self_collision", margin))
        return pairs

    def _adjacent(self) -> set[frozenset[str]]:
        return {frozenset((joint.parent, joint.child)) for joint in self._urdf.values()}

    def _scene(self) -> Any:
        geometry = pin.GeometryModel()
        for index, pair in enumerate(self.pairs):
            ids = []
            for side, body in (("a", pair.first), ("b", pair.second)):
                thing = pin.GeometryObject(f"{index}{side}", body.carrier, body.placement, body.shape)
                ids.append(geometry.addGeometryObject(thing))
            geometry.addCollisionPair(pin.CollisionPair(*ids))
        return geometry

    def _workspace(self) -> tuple[Any, Any]:
        """Pinocchio's data of this thread."""
        local = self._local
        if not hasattr(local, "data"):
            local.data, local.results = self._model.createData(), self._geometry.createData()
        return local.data, local.results

    def _arrange(self) -> None:
        """Bodies of the pairs as arrays."""
        bodies = [pair.first for pair in self.pairs] + [pair.second for pair in self.pairs]
        count = len(self.pairs)
        self._first, self._second = np.arange(count), np.arange(count) + count
        self._carrier_of = np.array([body.carrier for body in bodies], dtype=int)
        self._centre = np.array([body.placement.translation for body in bodies]).reshape(-1, 3)
        self._axes = np.array([body.placement.rotation for body in bodies]).reshape(-1, 3, 3)
        self._half = np.array([body.half for body in bodies]).reshape(-1, 3)
        self._ring = np.array([body.ring for body in bodies])
        self._ball = np.array([body.ball for body in bodies])

    def _refuse_hopeless(self) -> None:
        if not self.pairs:
            return
        rng = np.random.default_rng(0)
        lower, upper = self.chain.range
        nearest = np.full(len(self.pairs), -np.inf)
        for q in rng.uniform(lower, upper, (ALWAYS_SAMPLES, len(lower))):
            nearest = np.maximum(nearest, self.distances(q))
        for index in np.flatnonzero(nearest < self.margins):
            pair = self.pairs[index]
            if pair.reason == "self_collision":
                remedy = (
                    f"add {{link1: {pair.first.link}, link2: {pair.second.link}, reason: …}} to disabled_collisions"
                )
            else:
                remedy = "move or shrink the zone, or lower its margin"
            raise WorkspaceError(
                f"{self.workspace.source}: {pair.text} are never {pair.margin_m} m apart (in {ALWAYS_SAMPLES} "
                f"positions at most {nearest[index]:.4f} m); {remedy}"
            )

    @property
    def frames(self) -> Any:
        """(P,) carrier in whose frame both bodies of a pair move."""
        return self.chain.frames


def _read(urdf_xml: str) -> dict[str, UrdfJoint]:
    """The joints; a continuous one has no position limits, whatever is written."""
    try:
        joints = parse_urdf(urdf_xml)
    except LimitsError as error:
        raise WorkspaceError(str(error)) from error
    return {
        name: replace(joint, lower=None, upper=None) if joint.kind == "continuous" else joint
        for name, joint in joints.items()
    }


def _put(full: Any, q: FloatArray, index: int, value: float) -> None:
    """Set joint ``index`` in the configuration ``q`` to ``value``; a continuous joint is a point on the circle."""
    first = full.idx_qs[index]
    if full.nqs[index] == 1:
        q[first] = value
    else:
        q[first : first + 2] = np.cos(value), np.sin(value)


def _links(urdf_xml: str) -> list[str]:
    """Names of the links. Raises WorkspaceError when one collides as a mesh."""
    links = []
    for link in ET.fromstring(urdf_xml).findall("link"):  # parse_urdf has refused document types
        links.append(link.get("name", ""))
        mesh = link.find("collision/geometry/mesh")
        if mesh is not None:
            raise WorkspaceError(
                f"URDF: link {links[-1]!r} collides as the mesh {mesh.get('filename')!r}; the gate checks boxes, "
                "cylinders and spheres alone: give it some that contain the mesh"
            )
    return links
