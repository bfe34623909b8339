"""``openvla.json`` of a bundle: how its checkpoint is run, beyond what the contract says."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from vla_core.errors import BundleError
from vla_policy.foreign.embodiment import GripperValues
from vla_policy.foreign.files import read_json

SETTINGS_FILE = "openvla.json"
CHECKPOINT = "checkpoint"
"""Folder of the official files inside the bundle."""


@dataclass(frozen=True, slots=True)
class OftSettings:
    """What is only true of OFT: numbers of proprioception (0: none), and whether FiLM and the head are there."""

    proprio: int
    film: bool
    head: bool


@dataclass(frozen=True, slots=True)
class OpenVlaSettings:
    """unnorm_key, normalization: which statistics, and which of their bounds.

    center_crop: see ``images.pixel_values``. gripper: None where the contract has no gripper.
    proprio: names out of the contract's state. oft: None for OpenVLA itself.
    """

    unnorm_key: str
    normalization: str
    center_crop: bool
    gripper: GripperValues | None
    proprio: tuple[str, ...]
    oft: OftSettings | None


def write_settings(settings: OpenVlaSettings, path: Path) -> None:
    """As JSON."""
    path.write_text(json.dumps(dataclasses.asdict(settings), indent=2) + "\n", encoding="utf-8")


def read_settings(path: Path) -> OpenVlaSettings:
    """What ``write_settings`` wrote.

    Raises:
        BundleError: the file is missing, or has other keys.
    """
    values = read_json(path)
    try:
        gripper, oft = values.pop("gripper"), values.pop("oft")
        return OpenVlaSettings(
            gripper=None if gripper is None else GripperValues(**gripper),
            oft=None if oft is None else OftSettings(**oft),
            proprio=tuple(values.pop("proprio")),
            **values,
        )
    except (KeyError, TypeError) as error:
        raise BundleError(f"{path}: {error}; import the checkpoint again") from error
