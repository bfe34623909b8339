"""The robot of a dataset: what its numbers mean, and the preset fitted to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vla_policy.cloning.errors import TrainError
from vla_policy.data.layout import ACTION, IMAGE_PREFIX, STATE, Info
from vla_policy.foreign.embodiment import Embodiment, load_embodiment
from vla_policy.presets import Preset, load_preset

_KNOWN = {"vla_arm": Path(__file__).parent / "tabletop.yaml"}


def embodiment_of(info: Info, path: Path | None) -> Embodiment | None:
    """The embodiment in ``path``, or the one that comes with the suite for the dataset's ``robot_type``; None: unknown.

    Raises:
        TrainError: its names are not those of the dataset, in their order.
    """
    path = path or _KNOWN.get(str(info.robot))
    if path is None:
        return None
    embodiment = load_embodiment(path)
    wanted = {
        STATE: [str(one["name"]) for one in embodiment.contract["state"]],
        ACTION: action_names(embodiment),
    }
    for key, names in wanted.items():
        feature = info.features.get(key)
        if feature is None:
            raise TrainError(f"data: there is no column {key}; the columns are {', '.join(info.features)}")
        if list(feature.names or ()) != names:
            have = ", ".join(feature.names or ()) or "no names"
            raise TrainError(f"embodiment {path}: {key} is {', '.join(names)}; the dataset has {have}: change the file")
    return embodiment


def action_names(embodiment: Embodiment) -> list[str]:
    """Of the action's columns, gripper last."""
    action = embodiment.contract["action"]
    names = [str(one["name"]) for one in action["dimensions"]]
    return names + ([str(action["gripper"]["name"])] if action.get("gripper") else [])


def fitted(name: str | Path, variant: str, changes: Mapping[str, Any], embodiment: Embodiment | None) -> Preset:
    """The preset with the embodiment's robot, unless ``changes`` name robots; as it is without an embodiment."""
    if embodiment is None or "robots" in changes:
        return load_preset(name, variant, changes)
    plain = load_preset(name, variant, changes)
    action = embodiment.contract["action"]
    robot = {
        "name": plain.model.robots[0].name,
        "state": 0 if plain.model.state == "none" else len(embodiment.contract["state"]),
        "action": len(action_names(embodiment)),
        "space": action["space"],
        "kind": action["kind"],
    }
    return load_preset(name, variant, {**changes, "robots": [robot]})


def require_fit(preset: Preset, info: Info) -> None:
    """TrainError where preset and dataset do not go together, with what to change."""
    spec = preset.model
    if len(spec.robots) > 1:
        raise TrainError(
            f"robots: {preset.name} drives {len(spec.robots)} robots, a dataset is of one; --set robots='[...]'"
        )
    robot = spec.robots[0]
    have = [key.removeprefix(IMAGE_PREFIX) for key in info.cameras]
    for camera in spec.cameras:
        if camera.name not in have:
            raise TrainError(
                f"cameras: {preset.name} looks at {camera.name}; the dataset has {', '.join(have) or 'none'}: "
                f"--set cameras='{{{have[0] if have else 'NAME'}: {camera.height}}}'"
            )
        if camera.depth:
            raise TrainError(f"cameras.{camera.name}.depth: datasets hold no depth; --set cameras without it")
    wanted = {ACTION: robot.action} | ({} if spec.state == "none" else {STATE: robot.state})
    for key, size in wanted.items():
        feature = info.features.get(key)
        if feature is None or feature.shape != (size,):
            found = "none" if feature is None else f"the shape {feature.shape}"
            raise TrainError(
                f"robots[0]: {preset.name} has {size} columns of {key}, the dataset {found}; "
                "give --embodiment FILE, or --set robots='[{name: …, state: …, action: …, space: …, kind: …}]'"
            )
