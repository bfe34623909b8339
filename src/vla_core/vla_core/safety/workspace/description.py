"""Where an arm may be: the YAML of a workspace as frozen values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from vla_core.errors import WorkspaceError

STRAY_M = 0.001  # how far what is streamed may stray from what was checked
SLIP_M = 0.001  # what the proof may be short of for an arm that begins too near
LEAST_M = STRAY_M + SLIP_M  # of every margin
SHAPES = {"box_m": 3, "sphere_m": 1, "cylinder_m": 2}  # YAML key -> number of values


@dataclass(frozen=True, slots=True)
class Margin:
    """Distance that is kept [m], and why that much."""

    distance_m: float
    reason: str


@dataclass(frozen=True, slots=True)
class Zone:
    """Where no moving link may be.

    shape: ``box_m``: full edge lengths; ``sphere_m``: radius; ``cylinder_m``: radius and length, its axis along z. [m]
    xyz_m, rpy_rad: pose of the shape's centre in the base link, as in a URDF <origin>.
    margin: None: that of the workspace.
    """

    name: str
    shape: str
    size_m: tuple[float, ...]
    xyz_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rpy_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    margin: Margin | None = None


@dataclass(frozen=True, slots=True)
class Enclosure:
    """An axis-aligned box in the base link that ``links`` stay inside; empty: every moving link with a shape."""

    lower_m: tuple[float, float, float]
    upper_m: tuple[float, float, float]
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DisabledCollision:
    """Two links that are not checked against each other, and why, as in a MoveIt SRDF."""

    link1: str
    link2: str
    reason: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """What an arm keeps clear of: zones, itself, and the outside of an enclosure.

    base: link that every pose is given in. margin: of every zone that states none, of self-collision and enclosure.
    """

    margin: Margin
    base: str = "base_link"
    enclosure: Enclosure | None = None
    keep_out: tuple[Zone, ...] = ()
    disabled_collisions: tuple[DisabledCollision, ...] = ()
    self_collision: bool = True
    source: str = field(default="workspace", compare=False)

    def tightened(self, override: Mapping[str, Any], source: str = "override") -> Workspace:
        """The workspace with ``override`` applied, a mapping in the form of the file; it can only take space away.

        Raises:
            WorkspaceError: a smaller margin, a larger enclosure, a zone of a known name, or another kind of key.
        """
        reader = _Reader(source)
        reader.keys("the file", override, ("margin", "enclosure", "keep_out"))
        margin = reader.margin("margin", override["margin"]) if "margin" in override else self.margin
        if margin.distance_m < self.margin.distance_m:
            raise WorkspaceError(
                f"{source}: margin {margin.distance_m} m is less than {self.margin.distance_m} m in force; "
                "a workspace may only be tightened"
            )
        enclosure = self.enclosure
        if "enclosure" in override:
            enclosure = reader.enclosure(override["enclosure"])
            _refuse_larger(self.enclosure, enclosure, source)
        added = reader.zones(override.get("keep_out", []))
        known = {zone.name for zone in self.keep_out}
        for zone in added:
            if zone.name in known:
                raise WorkspaceError(f"{source}: the zone {zone.name!r} is there already; add one of another name")
        return replace(self, margin=margin, enclosure=enclosure, keep_out=self.keep_out + added)


def load_workspace(content: Mapping[str, Any] | str | Path) -> Workspace:
    """The workspace in a YAML file, or in its content. Raises WorkspaceError naming the field and the valid ones."""
    source = "workspace"
    if isinstance(content, (str, Path)):
        source = str(content)
        try:
            content = yaml.safe_load(Path(content).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise WorkspaceError(f"workspace: cannot read {source!r}: {error}") from error
    reader = _Reader(source)
    entry = reader.keys(
        "the file", content, ("margin", "base", "enclosure", "keep_out", "self_collision", "disabled_collisions")
    )
    if "margin" not in entry:
        raise WorkspaceError(f"{source}: margin is missing; add margin: {{distance_m: 0.01, reason: …}}")
    checked = entry.get("self_collision", True)
    if not isinstance(checked, bool):
        raise WorkspaceError(f"{source}: self_collision is {checked!r}, must be true or false")
    return Workspace(
        margin=reader.margin("margin", entry["margin"]),
        base=reader.text("base", entry.get("base", "base_link")),
        enclosure=reader.enclosure(entry["enclosure"]) if "enclosure" in entry else None,
        keep_out=reader.zones(entry.get("keep_out", [])),
        disabled_collisions=reader.disabled(entry.get("disabled_collisions", [])),
        self_collision=checked,
        source=source,
    )


class _Reader:
    """Reads fields of one file; every complaint names it."""

    def __init__(self, source: str) -> None:
        self._source = source

    def keys(self, where: str, entry: object, known: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(entry, Mapping):
            raise WorkspaceError(f"{self._source}: {where} is {entry!r}, must be a mapping of {', '.join(known)}")
        unknown = [repr(key) for key in entry if key not in known]
        if unknown:
            raise WorkspaceError(f"{self._source}: {where}: unknown {', '.join(unknown)}; valid: {', '.join(known)}")
        return entry

    def text(self, where: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise WorkspaceError(f"{self._source}: {where} is {value!r}, must be a text")
        return value

    def entries(self, where: str, value: object) -> list[Any]:
        if not isinstance(value, list):
            raise WorkspaceError(f"{self._source}: {where} is {value!r}, must be a list")
        return value

    def numbers(self, where: str, value: object, count: int) -> tuple[float, ...]:
        values = value if isinstance(value, list) else [value]
        good = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
        if len(good) != len(values) or len(values) != count:
            raise WorkspaceError(f"{self._source}: {where} is {value!r}, must be {count} finite number(s)")
        return tuple(float(v) for v in good)

    def three(self, where: str, value: object) -> tuple[float, float, float]:
        x, y, z = self.numbers(where, value, 3)
        return x, y, z

    def margin(self, where: str, value: object) -> Margin:
        entry = self.keys(where, value, ("distance_m", "reason"))
        (distance,) = self.numbers(f"{where}: distance_m", entry.get("distance_m"), 1)
        if distance < LEAST_M:
            raise WorkspaceError(
                f"{self._source}: {where}: distance_m {distance} is less than {LEAST_M} m, which is how exact the "
                "check of a streamed motion is; use more"
            )
        return Margin(distance, self.text(f"{where}: reason", entry.get("reason")))

    def enclosure(self, value: object) -> Enclosure:
        entry = self.keys("enclosure", value, ("lower_m", "upper_m", "links"))
        lower = self.three("enclosure: lower_m", entry.get("lower_m"))
        upper = self.three("enclosure: upper_m", entry.get("upper_m"))
        if not all(low < high for low, high in zip(lower, upper, strict=True)):
            raise WorkspaceError(f"{self._source}: enclosure: lower_m {lower} must be below upper_m {upper} everywhere")
        links = self.entries("enclosure: links", entry.get("links", []))
        return Enclosure(lower, upper, tuple(self.text("enclosure: links", link) for link in links))

    def zones(self, value: object) -> tuple[Zone, ...]:
        zones = tuple(self.zone(index, entry) for index, entry in enumerate(self.entries("keep_out", value)))
        names = [zone.name for zone in zones]
        if len(set(names)) != len(names):
            raise WorkspaceError(f"{self._source}: keep_out: names {names} repeat; name each zone once")
        return zones

    def zone(self, index: int, value: object) -> Zone:
        known = ("name", *SHAPES, "xyz_m", "rpy_rad", "margin")
        entry = self.keys(f"keep_out[{index}]", value, known)
        name = self.text(f"keep_out[{index}]: name", entry.get("name"))
        where = f"keep_out {name!r}"
        shapes = [shape for shape in SHAPES if shape in entry]
        if len(shapes) != 1:
            raise WorkspaceError(
                f"{self._source}: {where}: has {shapes or 'no shape'}; give one of {', '.join(SHAPES)}"
            )
        size = self.numbers(f"{where}: {shapes[0]}", entry[shapes[0]], SHAPES[shapes[0]])
        if min(size) <= 0.0:
            raise WorkspaceError(f"{self._source}: {where}: {shapes[0]} is {size}, must be positive")
        return Zone(
            name,
            shapes[0],
            size,
            self.three(f"{where}: xyz_m", entry.get("xyz_m", [0.0, 0.0, 0.0])),
            self.three(f"{where}: rpy_rad", entry.get("rpy_rad", [0.0, 0.0, 0.0])),
            self.margin(f"{where}: margin", entry["margin"]) if "margin" in entry else None,
        )

    def disabled(self, value: object) -> tuple[DisabledCollision, ...]:
        found = []
        for index, one in enumerate(self.entries("disabled_collisions", value)):
            entry = self.keys(f"disabled_collisions[{index}]", one, ("link1", "link2", "reason"))
            texts = [self.text(f"disabled_collisions[{index}]: {key}", entry.get(key)) for key in ("link1", "link2")]
            reason = self.text(f"disabled_collisions[{index}]: reason", entry.get("reason"))
            found.append(DisabledCollision(texts[0], texts[1], reason))
        return tuple(found)


def _refuse_larger(before: Enclosure | None, after: Enclosure, source: str) -> None:
    if before is None:
        return
    inside = all(a >= b for a, b in zip(after.lower_m, before.lower_m, strict=True))
    inside = inside and all(a <= b for a, b in zip(after.upper_m, before.upper_m, strict=True))
    links = not after.links or (bool(before.links) and set(before.links) <= set(after.links))
    if not (inside and links):
        raise WorkspaceError(
            f"{source}: the enclosure {after.lower_m} to {after.upper_m} for {after.links or 'all links'} is "
            f"larger than {before.lower_m} to {before.upper_m} for {before.links or 'all links'}; "
            "a workspace may only be tightened"
        )
