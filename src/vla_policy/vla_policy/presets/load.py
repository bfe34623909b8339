"""Presets by name or file, in a variant, with changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vla_policy.presets.spec import ModelSpec, PresetError, mapping, parse_model, unknown

FOLDER = Path(__file__).parent
FULL = "full"
_KEYS = ("name", "title", "paper", "parameters", "model", "variants")
_PAPER = ("title", "arxiv", "section", "note")
_PARAMETERS = ("trained", "frozen", "expected", "source")


@dataclass(frozen=True, slots=True)
class Preset:
    """A named system in one of its variants.

    paper: ``title``, ``arxiv``, ``section`` of what it follows, and a ``note`` on what differs.
    parameters: of the full size. ``trained`` and ``frozen`` as counted, ``expected`` and its ``source``.
    raw: the ``model`` section that ``model`` was read from; what a checkpoint keeps.
    """

    name: str
    title: str
    variant: str
    variants: tuple[str, ...]
    paper: Mapping[str, Any]
    parameters: Mapping[str, Any]
    model: ModelSpec
    raw: Mapping[str, Any]

    @property
    def blocks(self) -> str:
        """Its blocks in a few words."""
        model = self.model
        found = [str(block["type"]) for block in (model.vision, model.language, model.fusion, model.head) if block]
        body = str(model.body["type"])
        return ", ".join([*found, *model.auxiliary] if body == "composed" else [*found, body])


def preset_names() -> tuple[str, ...]:
    """Names of the presets that come with the suite."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_preset(name: str | Path, variant: str = FULL, changes: Mapping[str, Any] | None = None) -> Preset:
    """A preset by name or by the path of a YAML file.

    Args:
        name: one of ``preset_names()``, or a file that ends in .yaml.
        variant: ``full``, or one of the file's ``variants``, e.g. ``tiny``; merged over ``model``.
        changes: merged over ``model`` last, e.g. ``{"cameras": {"front": 96}, "horizon": 8}``.

    Raises:
        PresetError: no such preset or variant, or it is malformed.
    """
    path = _find(name)
    section = mapping(_read(path), str(path), _KEYS)
    variants = mapping(section.get("variants", {}), f"{path}: variants")
    if variant != FULL and variant not in variants:
        raise unknown(variant, (FULL, *variants), str(path), "variant")
    raw = dict(mapping(section.get("model"), f"{path}: model"))
    for change in (variants[variant] if variant != FULL else {}, changes or {}):
        raw = merged(raw, change)
    return Preset(
        name=str(section.get("name", path.stem)),
        title=str(section.get("title", path.stem)),
        variant=variant,
        variants=(FULL, *variants),
        paper=mapping(section.get("paper", {}), f"{path}: paper", _PAPER),
        parameters=mapping(section.get("parameters", {}), f"{path}: parameters", _PARAMETERS),
        model=parse_model(raw, f"{path.name}: model"),
        raw=raw,
    )


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``change`` laid over it, mappings key by key.

    A block of another ``type`` replaces the block, and ``cameras`` are replaced as a whole: what was said of another
    block or camera holds no more.
    """
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and key != "cameras":
            other = "type" in value and value["type"] != old.get("type")
            result[key] = dict(value) if other else merged(old, value)
        else:
            result[key] = value
    return result


def _find(name: str | Path) -> Path:
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise PresetError(f"{path}: no such file; give an existing one, or a preset: {', '.join(preset_names())}")
        return path
    if str(name) not in preset_names():
        raise unknown(str(name), preset_names(), "preset", "preset")
    return FOLDER / f"{name}.yaml"


def _read(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise PresetError(f"{path}: not YAML: {error}") from error
