"""The joints of a URDF, read without ever expanding an entity."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vla_core.errors import LimitsError

MOVING_TYPES = ("revolute", "continuous", "prismatic")


@dataclass(frozen=True, slots=True)
class Mimic:
    """``value = multiplier * value_of(joint) + offset``."""

    joint: str
    multiplier: float
    offset: float


@dataclass(frozen=True, slots=True)
class UrdfJoint:
    """One joint as the URDF states it; a limit that it does not state is None.

    kind: URDF joint type. parent, child: link names.
    lower, upper [rad or m], velocity [rad/s or m/s], effort [N m or N].
    """

    name: str
    kind: str
    parent: str
    child: str
    lower: float | None
    upper: float | None
    velocity: float | None
    effort: float | None
    mimic: Mimic | None

    @property
    def unit(self) -> str:
        """``m`` for a prismatic joint, ``rad`` for every other."""
        return "m" if self.kind == "prismatic" else "rad"


class _NoDoctype(ET.TreeBuilder):
    """Refuses a document type: it is where entities are declared, and a URDF needs none."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise LimitsError(f"URDF: a document type ({name!r}) is refused; remove <!DOCTYPE …> and its entities")


def parse_urdf(urdf_xml: str) -> Mapping[str, UrdfJoint]:
    """The joints of ``urdf_xml`` by name, in document order.

    Raises:
        LimitsError: not well-formed, not a <robot>, declares a document type, or a joint is malformed.
    """
    try:
        root = ET.fromstring(urdf_xml, parser=ET.XMLParser(target=_NoDoctype()))
    except ET.ParseError as error:
        raise LimitsError(f"URDF: not well-formed XML ({error}); pass the URDF itself, with xacro expanded") from error
    if root.tag != "robot":
        raise LimitsError(f"URDF: root element is <{root.tag}>, must be <robot>")
    joints: dict[str, UrdfJoint] = {}
    for element in root.findall("joint"):
        joint = _parse_joint(element)
        if joint.name in joints:
            raise LimitsError(f"URDF: joint {joint.name!r} is defined twice; rename one")
        joints[joint.name] = joint
    return joints


def _parse_joint(element: ET.Element) -> UrdfJoint:
    name = element.get("name") or ""
    if not name:
        raise LimitsError("URDF: a <joint> has no name; name it")
    limit, soft = element.find("limit"), element.find("safety_controller")
    return UrdfJoint(
        name=name,
        kind=element.get("type", ""),
        parent=_link_of(element.find("parent"), name),
        child=_link_of(element.find("child"), name),
        # The most restrictive wins; a soft bound counts only where it is written down, its default 0 does not.
        lower=_strictest(max, _number(limit, "lower", name), _number(soft, "soft_lower_limit", name)),
        upper=_strictest(min, _number(limit, "upper", name), _number(soft, "soft_upper_limit", name)),
        velocity=_number(limit, "velocity", name),
        effort=_number(limit, "effort", name),
        mimic=_parse_mimic(element.find("mimic"), name),
    )


def _parse_mimic(element: ET.Element | None, joint: str) -> Mimic | None:
    if element is None:
        return None
    master = element.get("joint")
    if not master:
        raise LimitsError(f'URDF: joint {joint!r}: <mimic> names no joint; add joint="…"')
    multiplier, offset = _number(element, "multiplier", joint), _number(element, "offset", joint)
    return Mimic(master, 1.0 if multiplier is None else multiplier, 0.0 if offset is None else offset)


def _link_of(element: ET.Element | None, joint: str) -> str:
    link = None if element is None else element.get("link")
    if not link:
        raise LimitsError(f"URDF: joint {joint!r} lacks <parent link=…/> or <child link=…/>; add it")
    return link


def _number(element: ET.Element | None, attribute: str, joint: str) -> float | None:
    text = None if element is None else element.get(attribute)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LimitsError(f"URDF: joint {joint!r}: {attribute}={text!r} is not a finite number; correct it")
    return value


def _strictest(choose: Callable[[float, float], float], hard: float | None, soft: float | None) -> float | None:
    return hard if hard is None or soft is None else choose(hard, soft)
