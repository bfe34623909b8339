"""Ground truth about limits and contact: from the robot's true joint positions and its URDF, after the fact.

Independent of the gate's own kinematics and limits: MuJoCo reads the URDF here, Pinocchio there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np
from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from proof.faults.config import FaultsConfigError, TruthConfig
from proof.faults.record import Sample
from vla_core.types import FloatArray

TOUCH_M = 1e-4  # deeper than this is contact
_PACKAGE = "package://"


def resolve(text: str) -> Path:
    """A path, or ``package://<package>/<path below its share>``."""
    path = Path(text)
    if text.startswith(_PACKAGE):
        package, _, rest = text.removeprefix(_PACKAGE).partition("/")
        try:
            path = Path(get_package_share_directory(package)) / rest
        except PackageNotFoundError as error:
            raise FaultsConfigError(f"truth.urdf: {text!r}: there is no package {package!r}") from error
    if not path.is_file():
        raise FaultsConfigError(f"truth.urdf: {text!r}: there is no file {path}")
    return path


class Truth:
    """Judges samples. Pairs of shapes that touch in the home posture, or at one joint, are not judged for contact."""

    def __init__(self, config: TruthConfig) -> None:
        self._model = _model(config)
        self._data = mujoco.MjData(self._model)
        joints = [self._model.joint(name) for name in config.joints]
        self._address = np.array([int(joint.qposadr[0]) for joint in joints])
        self._range = np.array([joint.range for joint in joints])  # (J, 2) [rad]
        self._speed = _speeds(resolve(config.urdf), config.joints)
        self._allowed: set[str] = set()
        self._allowed = set(self._touching(np.array(config.home_rad)))

    def excess(self, samples: Sequence[Sample]) -> float:
        """Largest excess over a position limit, as a share of half the range, or a velocity limit; 0: none."""
        if not samples:
            return 0.0
        position = np.array([sample.position for sample in samples])
        velocity = np.array([sample.velocity for sample in samples])
        if not (np.isfinite(position).all() and np.isfinite(velocity).all()):
            return float("inf")
        centre, half = self._range.mean(axis=1), np.diff(self._range, axis=1)[:, 0] / 2
        over = (np.abs(position - centre) / half - 1.0).max(), (np.abs(velocity) / self._speed - 1.0).max()
        return max(0.0, *map(float, over))

    def contact(self, samples: Sequence[Sample]) -> str:
        """The first pair that touches where it must not; empty: none."""
        for sample in samples:
            pairs = self._touching(sample.position)
            if pairs:
                return pairs[0]
        return ""

    def _touching(self, position: FloatArray) -> list[str]:
        data = self._data
        data.qpos[self._address] = position
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_comPos(self._model, data)
        mujoco.mj_collision(self._model, data)
        pairs = []
        for index in range(data.ncon):
            contact = data.contact[index]
            name = " – ".join(sorted(self._name(int(geom)) for geom in contact.geom))
            if contact.dist < -TOUCH_M and name not in self._allowed:
                pairs.append(name)
        return pairs

    def _name(self, geom: int) -> str:
        body = int(self._model.geom_bodyid[geom])
        return self._model.body(body).name if body else self._model.geom(geom).name or "world"


def _model(config: TruthConfig) -> mujoco.MjModel:
    spec = mujoco.MjSpec.from_file(str(resolve(config.urdf)))
    for body in spec.bodies:
        for geom in body.geoms:
            if geom.contype or geom.conaffinity:  # else it is only to be seen
                geom.contype = geom.conaffinity = 1
    for obstacle in config.obstacles:
        box = spec.worldbody.add_geom(name=obstacle.name, type=mujoco.mjtGeom.mjGEOM_BOX)
        box.pos, box.size, box.contype, box.conaffinity = obstacle.centre, obstacle.size, 1, 1
    return spec.compile()


def _speeds(urdf: Path, joints: Sequence[str]) -> FloatArray:
    import xml.etree.ElementTree as ET

    limits = {joint.get("name"): joint.find("limit") for joint in ET.parse(urdf).getroot().iter("joint")}
    speeds = []
    for name in joints:
        limit = limits.get(name)
        if limit is None:
            raise FaultsConfigError(f"truth.joints: {name!r} has no limit in {urdf}; {', '.join(map(str, limits))}")
        speeds.append(float(limit.attrib["velocity"]))
    return np.array(speeds)
