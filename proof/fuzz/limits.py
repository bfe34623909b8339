"""The limits of the shipped arm, read by the oracle's own parser from the files that state them."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import yaml
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """All (J,), in the order of ``names``: [rad], [rad/s], [rad/s^2], [rad/s^3]; metres for slides."""

    names: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    jerk: FloatArray


def read_limits(urdf: str, joint_limits: str, names: tuple[str, ...]) -> Limits:
    """From the text of a URDF and of a MoveIt-style ``joint_limits.yaml``. KeyError names a joint that lacks one."""
    stated = {}
    for joint in ElementTree.fromstring(urdf).iter("joint"):
        limit = joint.find("limit")
        if limit is not None:
            stated[joint.attrib["name"]] = {key: float(value) for key, value in limit.attrib.items()}
    derived = yaml.safe_load(joint_limits)["joint_limits"]
    rows = [
        (
            stated[name]["lower"],
            stated[name]["upper"],
            stated[name]["velocity"],
            float(derived[name]["max_acceleration"]),
            float(derived[name]["max_jerk"]),
        )
        for name in names
    ]
    return Limits(names, *np.array(rows).T)
