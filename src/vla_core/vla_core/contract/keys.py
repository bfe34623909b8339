"""The ``keys`` section: what a remote server calls the parts of an observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vla_core.contract.fields import Section, as_list, listed, refuse_unknown
from vla_core.contract.model import ObservationKeys
from vla_core.errors import ContractError


def parse_keys(value: object, path: str, cameras: Sequence[str], state: Sequence[str]) -> ObservationKeys:
    """The checked section; ``cameras`` and ``state`` are the contract's names.

    Raises:
        ContractError: a name that the contract lacks, a number of the state that would not be sent, or one key twice.
    """
    section = Section(value, path, ("image", "cameras", "state", "state_parts", "prompt"))
    default = ObservationKeys()
    if section.has("state_parts") and section.has("state") and section.get("state") != default.state:
        raise ContractError(f"{path}: give state, one key for all of it, or state_parts; not both")
    keys = ObservationKeys(
        image=section.text("image") if section.has("image") else default.image,
        cameras=_cameras(section, cameras),
        state=section.text("state") if section.has("state") else default.state,
        state_parts=_parts(section, state),
        prompt=section.text("prompt") if section.has("prompt") else default.prompt,
    )
    of_state = list(keys.state_parts) or ([keys.state] if state else [])
    used = [*(keys.of_camera(name) for name in cameras), *of_state, keys.prompt]
    twice = sorted({key for key in used if used.count(key) > 1})
    if twice:
        raise ContractError(f"{path}: {listed(twice)} would be sent twice; each camera, state and prompt needs its own")
    return keys


def _cameras(section: Section, names: Sequence[str]) -> Mapping[str, str]:
    if not section.has("cameras"):
        return {}
    one = Section(section.get("cameras"), section.at("cameras"), names)
    return {name: one.text(name) for name in names if one.has(name)}


def _parts(section: Section, names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    if not section.has("state_parts"):
        return {}
    path = section.at("state_parts")
    value = section.get("state_parts")
    if not isinstance(value, Mapping) or not value:
        raise ContractError(f"{path}: expected a mapping of key to names out of state; got {value!r}")
    parts: dict[str, tuple[str, ...]] = {}
    for key, item in value.items():
        parts[str(key)] = found = tuple(str(name) for name in as_list(item, f"{path}.{key}"))
        for name in found:
            if name not in names:
                raise refuse_unknown(name, names, f"{path}.{key}", "name of the state")
    left = [name for name in names if all(name not in part for part in parts.values())]
    if left:
        raise ContractError(f"{path}: {listed(left)} of the state would not be sent; name it in a part")
    return parts
