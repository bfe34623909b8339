"""What a checkpoint does not say of the robot that it shall move: cameras, joints, frame, period, gripper."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vla_core.contract.action import ROTATIONS, TRANSLATION
from vla_core.contract.fields import Section, as_list
from vla_core.contract.load import read_yaml
from vla_core.errors import ContractError

TABLETOP = Path(__file__).parent / "tabletop.yaml"
"""The shipped arm."""
_KEYS = ("cameras", "max_skew_s", "state", "state_range", "action", "gripper_values", "proprio")


@dataclass(frozen=True, slots=True)
class GripperValues:
    """The numbers that mean open and closed in the data that the policy was trained on."""

    open: float
    closed: float


@dataclass(frozen=True, slots=True)
class Embodiment:
    """One robot for imported policies.

    cameras: ``name``, ``max_age_s`` and ``aspect`` of each, in the order of the policy's images.
    contract: the contract's ``max_skew_s``, ``state``, ``state_range`` and ``action`` (without ``horizon``), unchecked:
        the contract is checked when it is written.
    proprio: names out of ``state`` in the order of the policy's own state vector, for policies that have one.
    """

    cameras: tuple[Mapping[str, object], ...]
    contract: Mapping[str, Any]
    gripper: GripperValues | None
    proprio: tuple[str, ...]


def load_embodiment(path: str | os.PathLike[str]) -> Embodiment:
    """The embodiment in a YAML file.

    Raises:
        ContractError: unreadable, or a key is unknown, missing or wrong; names the file and the field.
    """
    try:
        return _parse(read_yaml(Path(path)))
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from None


def _parse(source: object) -> Embodiment:
    section = Section(source, "", _KEYS)
    action = section.get("action")
    if not isinstance(action, Mapping):
        raise ContractError(f"action: expected a mapping as in a contract, without horizon; got {action!r}")
    if "horizon" in action:
        raise ContractError("action.horizon: the policy decides it; remove it here")
    contract = {key: section.get(key) for key in ("max_skew_s", "state", "state_range") if section.has(key)}
    gripper = None
    if action.get("gripper") is not None:
        values = Section(section.get("gripper_values"), "gripper_values", ("open", "closed"))
        gripper = GripperValues(values.number("open"), values.number("closed"))
        if gripper.open == gripper.closed:
            raise ContractError(f"gripper_values: open and closed are both {gripper.open:g}; they must differ")
    proprio = as_list(section.get("proprio"), "proprio") if section.has("proprio") else ()
    return Embodiment(
        cameras=tuple(_camera(path, item) for path, item in section.items("cameras")),
        contract=contract | {"action": _action(action)},
        gripper=gripper,
        proprio=tuple(str(name) for name in proprio),
    )


def _camera(path: str, item: object) -> Mapping[str, object]:
    one = Section(item, path, ("name", "aspect", "max_age_s"))
    return {"name": one.text("name"), "aspect": one.number("aspect"), "max_age_s": one.number("max_age_s")}


def _action(action: Mapping[str, object]) -> Mapping[str, object]:
    """``dimensions`` of a pose follow from its rotation and may be left out."""
    rotation = action.get("rotation")
    if "dimensions" in action or rotation not in ROTATIONS:
        return dict(action)
    pairs = TRANSLATION + ROTATIONS[str(rotation)]
    return dict(action) | {"dimensions": [{"name": name, "unit": unit} for name, unit in pairs]}
