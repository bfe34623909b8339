"""The ``action`` section: which columns, units and kinds each action space allows."""

from __future__ import annotations

from vla_core.contract.fields import Section, refuse_unknown
from vla_core.contract.model import ActionSpec, Dimension, GripperSpec
from vla_core.errors import ContractError

ACTION_KINDS = {
    "joint_position": ("absolute", "chunk_relative", "step_relative"),
    "joint_velocity": ("absolute",),
    "ee_pose_delta": ("chunk_relative", "step_relative"),
    "base_twist": ("absolute",),
}
ACTION_SPACES = tuple(ACTION_KINDS)
POSITION_UNITS = ("rad", "m")
VELOCITY_UNITS = ("rad/s", "m/s")
TRANSLATION = (("x", "m"), ("y", "m"), ("z", "m"))
ROTATIONS = {
    "rotation_vector": (("rx", "rad"), ("ry", "rad"), ("rz", "rad")),
    "euler_xyz": (("roll", "rad"), ("pitch", "rad"), ("yaw", "rad")),
    "quaternion_xyzw": (("qx", "1"), ("qy", "1"), ("qz", "1"), ("qw", "1")),
    "rotation_6d": tuple((f"r{index}", "1") for index in range(1, 7)),
}
TWIST = {f"{kind}_{axis}": unit for kind, unit in (("linear", "m/s"), ("angular", "rad/s")) for axis in "xyz"}
_KEYS = ("space", "kind", "rotation", "frame", "tip", "dimensions", "gripper", "period_s", "horizon")
_ONLY_IN = {
    "rotation": ("ee_pose_delta",),
    "frame": ("ee_pose_delta", "base_twist"),
    "tip": ("ee_pose_delta",),
}


def parse_action(value: object, path: str) -> ActionSpec:
    """The checked ``action`` section."""
    section = Section(value, path, _KEYS)
    space = section.choice("space", ACTION_SPACES, "action space")
    kind = section.choice("kind", ACTION_KINDS[space], f"action kind for {space}")
    dimensions = _dimensions(section, space)
    return ActionSpec(
        space=space,
        kind=kind,
        dimensions=dimensions,
        gripper=_gripper(section, space, dimensions),
        period_s=section.number("period_s", above=0.0, most=10.0),
        horizon=section.integer("horizon", least=1, most=1000),
        rotation=_special(section, "rotation", space),
        frame=_special(section, "frame", space),
        tip=_special(section, "tip", space),
    )


def parse_dimensions(section: Section, key: str, units: tuple[str, ...]) -> tuple[Dimension, ...]:
    """The list of ``{name, unit}`` at ``key``: unit one of ``units``, no name twice."""
    found: list[Dimension] = []
    for path, item in section.items(key):
        one = Section(item, path, ("name", "unit"))
        dimension = Dimension(one.text("name"), one.choice("unit", units, "unit"))
        if any(dimension.name == other.name for other in found):
            raise ContractError(f"{path}.name: '{dimension.name}' appears twice in {section.at(key)}")
        found.append(dimension)
    return tuple(found)


def _special(section: Section, key: str, space: str) -> str | None:
    """The text at ``key``, which only some action spaces have, and those must have."""
    if space in _ONLY_IN[key]:
        return section.text(key)
    if section.has(key):
        raise ContractError(
            f"{section.at(key)}: {space} has no {key}; remove it (only {', '.join(_ONLY_IN[key])} has one)"
        )
    return None


def _dimensions(section: Section, space: str) -> tuple[Dimension, ...]:
    if space == "joint_position":
        dimensions = parse_dimensions(section, "dimensions", POSITION_UNITS)
    elif space == "joint_velocity":
        dimensions = parse_dimensions(section, "dimensions", VELOCITY_UNITS)
    elif space == "base_twist":
        dimensions = parse_dimensions(section, "dimensions", VELOCITY_UNITS)
        _check_twist(dimensions, section.at("dimensions"))
    else:
        dimensions = parse_dimensions(section, "dimensions", ("m", "rad", "1"))
        rotation = section.choice("rotation", tuple(ROTATIONS), "rotation")
        _check_pose(dimensions, rotation, section.at("dimensions"))
    if not dimensions:
        raise ContractError(f"{section.at('dimensions')}: empty; name at least one dimension")
    return dimensions


def _check_twist(dimensions: tuple[Dimension, ...], path: str) -> None:
    for index, dimension in enumerate(dimensions):
        if dimension.name not in TWIST:
            raise refuse_unknown(dimension.name, tuple(TWIST), f"{path}[{index}].name", "twist component")
        if dimension.unit != TWIST[dimension.name]:
            raise ContractError(
                f"{path}[{index}].unit: {dimension.name} is in {TWIST[dimension.name]}; got '{dimension.unit}'"
            )


def _check_pose(dimensions: tuple[Dimension, ...], rotation: str, path: str) -> None:
    expected = TRANSLATION + ROTATIONS[rotation]
    got = tuple((dimension.name, dimension.unit) for dimension in dimensions)
    if got != expected:
        raise ContractError(
            f"{path}: ee_pose_delta with rotation {rotation} has exactly the dimensions "
            f"{_pairs(expected)}; got {_pairs(got)}"
        )


def _pairs(pairs: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} [{unit}]" for name, unit in pairs) or "(none)"


def _gripper(section: Section, space: str, dimensions: tuple[Dimension, ...]) -> GripperSpec | None:
    if not section.has("gripper"):
        return None
    if space == "base_twist":
        raise ContractError(f"{section.at('gripper')}: base_twist has no gripper; set it to null or remove it")
    one = Section(section.get("gripper"), section.at("gripper"), ("name", "unit", "kind", "open", "closed"))
    gripper = GripperSpec(
        name=one.text("name"),
        unit=one.choice("unit", POSITION_UNITS, "unit"),
        kind=one.choice("kind", ("absolute",), "gripper kind"),
        open=one.number("open"),
        closed=one.number("closed"),
    )
    if gripper.open == gripper.closed:
        raise ContractError(f"{one.path}: open and closed are both {gripper.open:g} {gripper.unit}; they must differ")
    if any(gripper.name == dimension.name for dimension in dimensions):
        raise ContractError(f"{one.at('name')}: '{gripper.name}' is also in {section.at('dimensions')}; keep it in one")
    return gripper
