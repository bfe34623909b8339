"""What a model is built from, read strictly: cameras, robots, text, and the blocks with their options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from vla_core.contract.action import ACTION_KINDS
from vla_core.contract.fields import refuse_unknown
from vla_core.errors import ContractError, VlaError

Block = Mapping[str, Any]
STATE_PLACES = ("token", "concat", "none")


class PresetError(VlaError):
    """A preset, or a change to one, asks for something that does not exist or does not fit together."""


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """One camera. Images come in at this size; resizing belongs to the data and to the bundle's contract."""

    name: str
    height: int
    width: int
    depth: bool = False
    """Whether a depth image [m] of the same size comes with it."""


@dataclass(frozen=True, slots=True)
class RobotSpec:
    """One robot that the model drives: its numbers, and what they mean (``vla_core.contract.ActionSpec``)."""

    name: str
    state: int
    """Dimensions of its state; 0: none is given."""
    action: int
    """Dimensions of one action, gripper included."""
    space: str
    kind: str


@dataclass(frozen=True, slots=True)
class TextSpec:
    """How a sentence becomes ids: ``tokenizer`` is ``bytes``, ``minilm``, a hub name or a local folder."""

    tokenizer: str
    length: int
    """Most tokens of one sentence."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A whole model. Blocks are mappings ``{type: name, ...options}``, resolved by ``vla_policy.models.build``."""

    cameras: tuple[CameraSpec, ...]
    robots: tuple[RobotSpec, ...]
    text: TextSpec
    history: int
    """Frames that the model sees: the newest last."""
    horizon: int
    """Actions of one chunk."""
    width: int | None
    """Width that every stream is projected to; None: each stream keeps its own."""
    state: str
    """Where the robot's state enters: ``token``, ``concat`` or ``none``."""
    body: Block
    vision: Block | None
    language: Block | None
    fusion: Block | None
    head: Block | None
    auxiliary: Mapping[str, Block]

    @property
    def state_dim(self) -> int:
        """Columns of ``Batch.state``: the most that any robot has."""
        return max(robot.state for robot in self.robots)

    @property
    def action_dim(self) -> int:
        """Columns of ``Batch.actions``: the most that any robot has."""
        return max(robot.action for robot in self.robots)


_KEYS = (
    "cameras",
    "robots",
    "text",
    "history",
    "horizon",
    "width",
    "state",
    "body",
    "vision",
    "language",
    "fusion",
    "head",
    "auxiliary",
)


def parse_model(value: object, path: str = "model") -> ModelSpec:
    """The checked ``model`` section of a preset.

    Raises:
        PresetError: naming the field, its value and the valid choices.
    """
    section = mapping(value, path, _KEYS)
    state = section.get("state", "token")
    if state not in STATE_PLACES:
        raise unknown(str(state), STATE_PLACES, f"{path}.state", "place of the state")
    robots = tuple(_robot(one, f"{path}.robots[{index}]") for index, one in enumerate(_items(section, "robots", path)))
    if len({robot.name for robot in robots}) < len(robots):
        raise PresetError(f"{path}.robots: a name appears twice; each robot needs its own")
    text = mapping(section.get("text"), f"{path}.text", ("tokenizer", "length"))
    return ModelSpec(
        cameras=_cameras(section.get("cameras"), f"{path}.cameras"),
        robots=robots,
        text=TextSpec(str(text.get("tokenizer", "bytes")), whole(text.get("length", 32), f"{path}.text.length")),
        history=whole(section.get("history", 1), f"{path}.history"),
        horizon=whole(section.get("horizon"), f"{path}.horizon"),
        width=None if section.get("width") is None else whole(section["width"], f"{path}.width"),
        state=state,
        body=_block(section.get("body", {"type": "composed"}), f"{path}.body"),
        vision=_optional(section, "vision", path),
        language=_optional(section, "language", path),
        fusion=_optional(section, "fusion", path),
        head=_optional(section, "head", path),
        auxiliary={
            name: one if isinstance(one, Mapping) else {}
            for name, one in mapping(section.get("auxiliary", {}), f"{path}.auxiliary", ("completion", "value")).items()
        },
    )


def mapping(value: object, path: str, keys: Collection[str] | None = None) -> Mapping[str, Any]:
    """``value`` as a mapping with none but ``keys``."""
    if not isinstance(value, Mapping):
        wanted = f" with the keys {', '.join(keys)}" if keys is not None else ""
        raise PresetError(f"{path}: expected a mapping{wanted}; got {value!r}")
    for key in value:
        if keys is not None and key not in keys:
            raise unknown(str(key), keys, path, "key")
    return value


def whole(value: object, path: str, least: int = 1) -> int:
    """``value`` as a whole number from ``least`` on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise PresetError(f"{path}: expected a whole number from {least} on; got {value!r}")
    return value


def unknown(value: str, valid: Collection[str], path: str, what: str) -> PresetError:
    """The error for a ``value`` that is none of the ``valid`` ones, with the nearest one suggested."""
    error: ContractError = refuse_unknown(value, valid, path, what)
    return PresetError(str(error))


def _cameras(value: object, path: str) -> tuple[CameraSpec, ...]:
    found = []
    for name, one in mapping(value, path).items():
        if isinstance(one, Mapping):
            size = mapping(one, f"{path}.{name}", ("height", "width", "depth"))
            height = whole(size.get("height"), f"{path}.{name}.height")
            width = whole(size.get("width"), f"{path}.{name}.width")
            found.append(CameraSpec(str(name), height, width, bool(size.get("depth", False))))
        else:
            side = whole(one, f"{path}.{name}")
            found.append(CameraSpec(str(name), side, side))
    return tuple(found)


def _robot(value: object, path: str) -> RobotSpec:
    one = mapping(value, path, ("name", "state", "action", "space", "kind"))
    space = str(one.get("space"))
    if space not in ACTION_KINDS:
        raise unknown(space, tuple(ACTION_KINDS), f"{path}.space", "action space")
    kind = str(one.get("kind"))
    if kind not in ACTION_KINDS[space]:
        raise unknown(kind, ACTION_KINDS[space], f"{path}.kind", f"action kind for {space}")
    return RobotSpec(
        name=str(one.get("name")),
        state=whole(one.get("state"), f"{path}.state", least=0),
        action=whole(one.get("action"), f"{path}.action"),
        space=space,
        kind=kind,
    )


def _items(section: Mapping[str, Any], key: str, path: str) -> list[Any]:
    value = section.get(key)
    if not isinstance(value, list) or not value:
        raise PresetError(f"{path}.{key}: expected a list with at least one item; got {value!r}")
    return value


def _block(value: object, path: str) -> Block:
    block = mapping(value, path)
    if not isinstance(block.get("type"), str):
        raise PresetError(f"{path}.type: missing; name a block")
    return block


def _optional(section: Mapping[str, Any], key: str, path: str) -> Block | None:
    return None if section.get(key) is None else _block(section[key], f"{path}.{key}")
