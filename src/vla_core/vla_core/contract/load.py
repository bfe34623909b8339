"""``policy.yaml`` -> ``Contract``."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Hashable, Mapping
from pathlib import Path, PurePosixPath

import yaml

from vla_core.contract.action import POSITION_UNITS, parse_action, parse_dimensions
from vla_core.contract.fields import Section, as_numbers, listed
from vla_core.contract.keys import parse_keys
from vla_core.contract.model import (
    CAMERA_ENCODINGS,
    FORMAT,
    MOCK_BEHAVIOURS,
    RESIZE_METHODS,
    RESIZERS,
    RUNTIMES,
    UNCERTAINTY_KINDS,
    ActionSpec,
    CameraSpec,
    Contract,
    Dimension,
    DoneSpec,
    LanguageSpec,
    MockSpec,
    NormalizationPair,
    ObservationKeys,
    StateRange,
    UncertaintySpec,
)
from vla_core.contract.statistics import parse_normalization, parse_tokenizer
from vla_core.errors import ContractError

CONTRACT_FILE = "policy.yaml"
_KEYS = tuple(field.name for field in dataclasses.fields(Contract))
_SHA256 = re.compile(r"[0-9a-f]{64}")


def load_contract(source: str | os.PathLike[str] | Mapping[str, object]) -> Contract:
    """The contract in a ``policy.yaml``, in a bundle folder, or in a mapping of the same structure.

    Raises:
        ContractError: unreadable, or it breaks a rule; names the file, the field, and what is valid.
    """
    if isinstance(source, Mapping):
        return _parse(source)
    path = Path(source)
    path = path / CONTRACT_FILE if path.is_dir() else path
    try:
        return _parse(read_yaml(path))
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from None


def contract_to_mapping(contract: Contract) -> dict[str, object]:
    """Plain lists, mappings and numbers, as ``load_contract`` reads them."""
    plain = _plain(dataclasses.asdict(contract))
    assert isinstance(plain, dict)
    return plain | {"files": dict(contract.files)}


def read_yaml(path: Path) -> object:
    """The value in a YAML file; a key that appears twice is refused."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"cannot be read: {error}") from None
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise ContractError(f"is not valid YAML: {error}") from None


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                raise ContractError(f"line {key_node.start_mark.line + 1}: key '{key_node.value}' appears twice")
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _parse(source: object) -> Contract:
    section = Section(source, "", _KEYS)
    section.choice("format", (FORMAT,), "format")
    runtime = section.choice("runtime", RUNTIMES, "runtime")
    action = parse_action(section.get("action"), "action")
    state = parse_dimensions(section, "state", POSITION_UNITS)
    _check_relative(action, state)
    files = _files(section)
    cameras = _cameras(section)
    return Contract(
        format=FORMAT,
        name=section.text("name"),
        version=section.text("version"),
        license=section.text("license"),
        runtime=runtime,
        files=files,
        cameras=cameras,
        max_skew_s=section.number("max_skew_s", above=0.0, most=10.0),
        state=state,
        action=action,
        normalization=_normalization(section, len(state), action),
        state_range=_state_range(section, len(state)),
        tokenizer=parse_tokenizer(section.get("tokenizer"), "tokenizer") if section.has("tokenizer") else None,
        language=_language(section, files),
        done=_done(section),
        uncertainty=_uncertainty(section, runtime),
        mock=_mock(section, runtime, action),
        recording=_bundle_file(section, "recording", files) if _for_runtime(section, "recording", runtime) else None,
        url=section.text("url") if _for_runtime(section, "url", runtime) else None,
        keys=_keys(section, runtime, cameras, state),
    )


def _files(section: Section) -> tuple[tuple[str, str], ...]:
    value = section.get("files")
    if not isinstance(value, Mapping):
        raise ContractError(f"files: expected a mapping of path to sha256, {{}} for none; got {value!r}")
    for name, digest in value.items():
        path = PurePosixPath(str(name))
        if path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in str(name) or name == CONTRACT_FILE:
            raise ContractError(f"files: '{name}' is not a plain path inside the bundle")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ContractError(f"files.{name}: expected a sha256 of 64 lower-case hex digits; got {digest!r}")
    return tuple(sorted((str(name), str(digest)) for name, digest in value.items()))


def _cameras(section: Section) -> tuple[CameraSpec, ...]:
    cameras: list[CameraSpec] = []
    keys = tuple(field.name for field in dataclasses.fields(CameraSpec))
    for path, item in section.items("cameras"):
        one = Section(item, path, keys)
        camera = CameraSpec(
            name=one.text("name"),
            width=one.integer("width", least=1, most=8192),
            height=one.integer("height", least=1, most=8192),
            encoding=one.choice("encoding", CAMERA_ENCODINGS, "encoding"),
            resize=one.choice("resize", RESIZERS, "resizer"),
            resize_method=one.choice("resize_method", RESIZE_METHODS, "resize method"),
            max_age_s=one.number("max_age_s", above=0.0, most=60.0),
            aspect=one.number("aspect", above=0.0, most=100.0) if one.has("aspect") else None,
        )
        if any(camera.name == other.name for other in cameras):
            raise ContractError(f"{path}.name: '{camera.name}' appears twice in cameras")
        cameras.append(camera)
    return tuple(cameras)


def _normalization(section: Section, state_size: int, action: ActionSpec) -> NormalizationPair:
    both = Section(section.get("normalization"), "normalization", ("state", "action"))
    return NormalizationPair(
        state=parse_normalization(both.get("state"), both.at("state"), state_size, None),
        action=parse_normalization(both.get("action"), both.at("action"), action.size, action.horizon),
    )


def _state_range(section: Section, size: int) -> StateRange | None:
    if not section.has("state_range"):
        return None
    one = Section(section.get("state_range"), "state_range", ("min", "max", "margin"))
    margin = one.number("margin")
    if margin < 0:
        raise ContractError(f"state_range.margin: {margin:g} is negative")
    low, high = one.numbers("min", size), one.numbers("max", size)
    for index, (least, most) in enumerate(zip(low, high, strict=True)):
        if most < least:
            raise ContractError(f"state_range.max[{index}]: {most:g} is below min {least:g}")
    return StateRange(low, high, margin)


def _language(section: Section, files: tuple[tuple[str, str], ...]) -> LanguageSpec | None:
    if not section.has("language"):
        return None
    one = Section(section.get("language"), "language", ("encoder", "tokenizer", "max_tokens"))
    return LanguageSpec(
        encoder=_bundle_file(one, "encoder", files),
        tokenizer=_bundle_file(one, "tokenizer", files),
        max_tokens=one.integer("max_tokens", least=1, most=100_000),
    )


def _bundle_file(section: Section, key: str, files: tuple[tuple[str, str], ...]) -> str:
    name = section.text(key)
    if name not in dict(files):
        raise ContractError(f"{section.at(key)}: '{name}' is not listed in files; listed: {listed(list(dict(files)))}")
    return name


def _done(section: Section) -> DoneSpec | None:
    if not section.has("done"):
        return None
    one = Section(section.get("done"), "done", ("threshold", "hold_chunks"))
    return DoneSpec(one.number("threshold", above=0.0, most=1.0), one.integer("hold_chunks", least=1, most=1000))


def _uncertainty(section: Section, runtime: str) -> UncertaintySpec | None:
    if not section.has("uncertainty"):
        return None
    keys = [field.name for field in dataclasses.fields(UncertaintySpec)]
    one = Section(section.get("uncertainty"), "uncertainty", keys)
    kind = one.choice("kind", UNCERTAINTY_KINDS, "kind of uncertainty")
    if runtime == "mock":
        raise ContractError("uncertainty: a policy with runtime mock is never in doubt; remove the section")
    if not section.has("tokenizer"):
        raise ContractError(f"uncertainty.kind: {kind} needs action tokens, but the contract has no tokenizer")
    most = math.log(parse_tokenizer(section.get("tokenizer"), "tokenizer").bins)  # entropy of bins that are all alike
    low = one.number("full_speed_below", above=0.0, most=most)
    return UncertaintySpec(
        kind=kind,
        window_s=one.number("window_s", above=0.0, most=60.0),
        full_speed_below=low,
        hold_above=one.number("hold_above", above=low, most=most),
    )


def _mock(section: Section, runtime: str, action: ActionSpec) -> MockSpec | None:
    if not _for_runtime(section, "mock", runtime):
        return None
    one = Section(section.get("mock"), "mock", [field.name for field in dataclasses.fields(MockSpec)])
    behaviour = one.choice("behaviour", MOCK_BEHAVIOURS, "behaviour")
    if behaviour in ("constant", "sinusoid") and not one.has("values"):
        raise ContractError(f"mock.values: missing; behaviour {behaviour} needs {action.size} numbers")
    return MockSpec(
        behaviour=behaviour,
        values=as_numbers(one.get("values"), "mock.values", action.size) if one.has("values") else None,
        frequency_hz=one.number("frequency_hz", above=0.0, most=100.0) if one.has("frequency_hz") else 0.25,
        delay_s=one.number("delay_s", above=-1e-9, most=3600.0) if one.has("delay_s") else 0.0,
        done_after_chunks=one.integer("done_after_chunks", least=1, most=10**9)
        if one.has("done_after_chunks")
        else None,
    )


def _keys(
    section: Section, runtime: str, cameras: tuple[CameraSpec, ...], state: tuple[Dimension, ...]
) -> ObservationKeys | None:
    if not section.has("keys"):
        return None
    if runtime != "remote":
        raise ContractError(f"keys: only runtime remote has it; this contract's runtime is {runtime}")
    names = tuple(camera.name for camera in cameras), tuple(dimension.name for dimension in state)
    return parse_keys(section.get("keys"), "keys", *names)


def _for_runtime(section: Section, key: str, runtime: str) -> bool:
    """True when ``key`` must be read: it is required by its own runtime and refused by every other."""
    owner = {"mock": "mock", "recording": "recorded", "url": "remote"}[key]
    if section.has(key) and runtime != owner:
        raise ContractError(f"{key}: only runtime {owner} has it; this contract's runtime is {runtime}")
    return runtime == owner


def _check_relative(action: ActionSpec, state: tuple[Dimension, ...]) -> None:
    if action.space != "joint_position" or action.kind == "absolute":
        return
    for index, dimension in enumerate(action.dimensions):
        if dimension not in state:
            names = ", ".join(f"{one.name} [{one.unit}]" for one in state) or "(none)"
            raise ContractError(
                f"action.dimensions[{index}]: {action.kind} needs {dimension.name} [{dimension.unit}] in state, "
                f"to add the delta to; state has {names}"
            )
