"""Joint limits: the URDF and a MoveIt-style ``joint_limits.yaml`` state them, everything after only tightens them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from vla_core.errors import LimitsError
from vla_core.types import FloatArray, read_only
from vla_core.urdf import MOVING_TYPES, UrdfJoint, parse_urdf

# MoveIt's key -> (our field, its has_… flag)
_KEYS = {
    "min_position": ("lower", "has_position_limits"),
    "max_position": ("upper", "has_position_limits"),
    "max_velocity": ("velocity", "has_velocity_limits"),
    "max_acceleration": ("acceleration", "has_acceleration_limits"),
    "max_jerk": ("jerk", "has_jerk_limits"),
    "max_effort": ("effort", "has_effort_limits"),
}
_FLAGS = tuple(dict.fromkeys(flag for _, flag in _KEYS.values()))
# MoveIt keeps defaults of its own planner in the same file; they are wishes of a planner, not limits of the robot.
_PLANNER_KEYS = ("default_velocity_scaling_factor", "default_acceleration_scaling_factor")


@dataclass(frozen=True, slots=True)
class JointLimits:
    """Limits of J joints, in the order of ``joint_names``. All arrays are (J,) and read-only.

    units: ``rad`` or ``m`` per joint; the unit that the arrays' units derive from.
    lower, upper: position [rad or m]; infinite for a continuous joint.
    velocity [1/s], acceleration [1/s^2], jerk [1/s^3]: magnitudes of that unit.
    effort: magnitude [N m] or [N]; infinite where nothing states it.
    """

    joint_names: tuple[str, ...]
    units: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    jerk: FloatArray
    effort: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "joint_names", tuple(self.joint_names))
        object.__setattr__(self, "units", tuple(self.units))
        count = len(self.joint_names)
        if len(set(self.joint_names)) != count:
            raise LimitsError(f"joint names {self.joint_names} repeat; name each joint once")
        if len(self.units) != count or not set(self.units) <= {"rad", "m"}:
            raise LimitsError(f"units {self.units} must be {count} of 'rad', 'm'")
        for name in ("lower", "upper", "velocity", "acceleration", "jerk", "effort"):
            array = read_only(getattr(self, name))
            if array.shape != (count,):
                raise LimitsError(f"{name} has shape {array.shape}, must be ({count},), one value for each joint")
            object.__setattr__(self, name, array)
        for index in range(count):
            self._check_joint(index)

    def _check_joint(self, index: int) -> None:
        joint = self.joint_names[index]
        lower, upper = self.lower[index], self.upper[index]
        if not lower < upper:  # also true for NaN
            raise LimitsError(f"joint {joint!r}: lower {lower} must be below upper {upper}; correct one of them")
        for name in ("velocity", "acceleration", "jerk", "effort"):
            value = getattr(self, name)[index]
            if not value > 0.0 or (math.isinf(value) and name != "effort"):
                raise LimitsError(f"joint {joint!r}: {name} {value} must be positive and finite; correct it")

    def __len__(self) -> int:
        return len(self.joint_names)

    def index(self, joint: str) -> int:
        """Position of ``joint``. Raises LimitsError with the known names."""
        if joint not in self.joint_names:
            raise LimitsError(f"joint {joint!r} has no limits here; known joints: {', '.join(self.joint_names)}")
        return self.joint_names.index(joint)

    def select(self, joints: Iterable[str]) -> JointLimits:
        """The limits of ``joints``, in that order."""
        order = [self.index(joint) for joint in joints]
        arrays = {field.name: getattr(self, field.name)[order] for field in fields(self)[2:]}
        return JointLimits(tuple(self.joint_names[i] for i in order), tuple(self.units[i] for i in order), **arrays)

    def tightened(self, override: Mapping[str, Mapping[str, object]], source: str = "override") -> JointLimits:
        """These limits with ``override`` applied: joint -> MoveIt keys, e.g. ``{"joint1": {"max_velocity": 1.0}}``.

        Raises:
            LimitsError: a value is looser than the limit in force, not finite, or has no such joint or key.
        """
        arrays = {field.name: np.array(getattr(self, field.name)) for field in fields(self)[2:]}
        for joint, entry in override.items():
            index = self.index(joint)
            for name, value in _parse_entry(joint, entry, source).items():
                _refuse_looser(joint, name, value, float(arrays[name][index]), source)
                arrays[name][index] = value
        return JointLimits(self.joint_names, self.units, **arrays)


def load_joint_limits(
    urdf_xml: str,
    joint_limits_yaml: Mapping[str, Any] | str | Path,
    joints: Sequence[str],
    override: Mapping[str, Mapping[str, object]] | None = None,
) -> JointLimits:
    """The limits of ``joints``.

    Position, velocity and effort come from the URDF; acceleration and jerk, which a URDF cannot state, from
    ``joint_limits_yaml`` (MoveIt's file as a mapping or its path; ``joint_limits: <joint>: {has_jerk_limits: true,
    max_jerk: …}``). What that file or ``override`` (joint -> the same keys) says beside may only tighten. Entries of
    the URDF's other joints are left alone. A joint that others mimic is limited by theirs too.

    Raises:
        LimitsError: malformed input, unknown joint or key, missing acceleration or jerk, or a loosened limit.
    """
    urdf = parse_urdf(urdf_xml)
    stated = _load_yaml(joint_limits_yaml)
    for joint in stated:
        _find(urdf, joint, "joint_limits.yaml")
    rows = {joint: _limits_of(_find(urdf, joint, "joints"), urdf, stated) for joint in joints}
    if len(rows) != len(joints):
        raise LimitsError(f"joints {tuple(joints)} repeat; name each joint once")
    arrays = {name: read_only([rows[joint][name] for joint in joints]) for name, _ in _KEYS.values()}
    limits = JointLimits(tuple(joints), tuple(urdf[joint].unit for joint in joints), **arrays)
    for joint in override or {}:
        _find(urdf, joint, "robot config")
    chosen = {joint: entry for joint, entry in (override or {}).items() if joint in joints}
    return limits.tightened(chosen, "robot config")


def _limits_of(
    joint: UrdfJoint, urdf: Mapping[str, UrdfJoint], stated: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Field -> limit of one joint, from URDF and ``joint_limits.yaml``."""
    row = _urdf_row(joint)
    for name, value in stated.get(joint.name, {}).items():
        if name in row:
            _refuse_looser(joint.name, name, value, row[name], "joint_limits.yaml")
        row[name] = value
    for name in ("acceleration", "jerk"):
        if name not in row:
            raise LimitsError(
                f"joint {joint.name!r} has no {name} limit; add has_{name}_limits: true and max_{name}: … "
                "to its entry in joint_limits.yaml"
            )
    for follower in urdf.values():
        if follower.mimic is not None and follower.mimic.joint == joint.name:
            _tighten_by_follower(row, follower)
    return row


def _urdf_row(joint: UrdfJoint) -> dict[str, float]:
    if joint.kind not in MOVING_TYPES:
        raise LimitsError(f"joint {joint.name!r} is {joint.kind!r}; limits exist for {', '.join(MOVING_TYPES)}")
    if joint.mimic is not None:
        raise LimitsError(
            f"joint {joint.name!r} mimics {joint.mimic.joint!r} and is not commanded; name that joint instead"
        )
    row = {"lower": -math.inf, "upper": math.inf, "effort": math.inf}
    if joint.kind != "continuous":
        row["lower"] = _required(joint, "lower", joint.lower)
        row["upper"] = _required(joint, "upper", joint.upper)
    row["velocity"] = _required(joint, "velocity", joint.velocity)
    if joint.effort is not None:
        row["effort"] = joint.effort
    return row


def _required(joint: UrdfJoint, name: str, value: float | None) -> float:
    if value is None:
        raise LimitsError(f'URDF: joint {joint.name!r} states no {name}; add {name}="…" to its <limit>')
    return value


def _tighten_by_follower(row: dict[str, float], follower: UrdfJoint) -> None:
    """Limits the mimicked joint so that ``follower`` stays inside its own."""
    assert follower.mimic is not None
    gain, offset = follower.mimic.multiplier, follower.mimic.offset
    if gain == 0.0:
        return
    if follower.kind != "continuous" and follower.lower is not None and follower.upper is not None:
        ends = sorted(((follower.lower - offset) / gain, (follower.upper - offset) / gain))
        row["lower"], row["upper"] = max(row["lower"], ends[0]), min(row["upper"], ends[1])
    if follower.velocity is not None:
        row["velocity"] = min(row["velocity"], follower.velocity / abs(gain))


def _load_yaml(source: Mapping[str, Any] | str | Path) -> dict[str, dict[str, float]]:
    """Joint -> field -> value of a ``joint_limits.yaml``."""
    content: object = source
    if isinstance(source, (str, Path)):
        try:
            content = yaml.safe_load(Path(source).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise LimitsError(f"joint_limits.yaml: cannot read {str(source)!r}: {error}") from error
    if not isinstance(content, Mapping) or not isinstance(content.get("joint_limits"), Mapping):
        raise LimitsError("joint_limits.yaml: must be a mapping with the key 'joint_limits': joint -> limits")
    _refuse_unknown("joint_limits.yaml", content, ("joint_limits", *_PLANNER_KEYS))
    entries: Mapping[object, object] = content["joint_limits"]
    return {str(joint): _parse_entry(str(joint), entry, "joint_limits.yaml") for joint, entry in entries.items()}


def _parse_entry(joint: str, entry: object, source: str) -> dict[str, float]:
    """Field -> value; a value whose ``has_…`` flag is false is not stated."""
    where = f"{source}: joint {joint!r}"
    if not isinstance(entry, Mapping):
        raise LimitsError(f"{where}: {entry!r} must be a mapping of {', '.join(_KEYS)}")
    _refuse_unknown(where, entry, (*_KEYS, *_FLAGS))
    for flag in _FLAGS:
        if not isinstance(entry.get(flag, True), bool):
            raise LimitsError(f"{where}: {flag} is {entry[flag]!r}, must be true or false")
        keys = [key for key, (_, its_flag) in _KEYS.items() if its_flag == flag]
        if entry.get(flag) is True and not all(key in entry for key in keys):
            raise LimitsError(f"{where}: {flag} is true but {' or '.join(keys)} is missing; add it")
    stated = {key: name for key, (name, flag) in _KEYS.items() if key in entry and entry.get(flag, True)}
    return {name: _finite(where, key, entry[key]) for key, name in stated.items()}


def _finite(where: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise LimitsError(f"{where}: {key} is {value!r}, must be a finite number (YAML wants 1.0e+3, not 1e3)")
    if key not in ("min_position", "max_position") and value <= 0:
        raise LimitsError(f"{where}: {key} is {value!r}, must be positive")
    return float(value)


def _refuse_unknown(where: str, entry: Mapping[Any, Any], known: Sequence[str]) -> None:
    unknown = [repr(key) for key in entry if key not in known]
    if unknown:
        raise LimitsError(f"{where}: unknown {', '.join(unknown)}; valid keys: {', '.join(known)}")


def _refuse_looser(joint: str, name: str, value: float, in_force: float, source: str) -> None:
    looser = value < in_force if name == "lower" else value > in_force
    if looser:
        raise LimitsError(
            f"{source}: joint {joint!r}: {name} {value} is looser than the limit in force, {in_force}; "
            "limits may only be tightened"
        )


def _find(urdf: Mapping[str, UrdfJoint], joint: str, source: str) -> UrdfJoint:
    if joint not in urdf:
        raise LimitsError(f"{source}: the URDF has no joint {joint!r}; its joints: {', '.join(urdf) or 'none'}")
    return urdf[joint]
