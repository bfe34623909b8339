"""The stack that is judged, as data: its processes, topics, limits and promises. See tabletop.yaml."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from vla_core.errors import VlaError

FORMAT = "vla-faults/1"
ROLES = ("robot", "monitor", "planner", "worker")
QOS = ("sensor", "reliable", "latched")

T = TypeVar("T")


class FaultsConfigError(VlaError):
    """The description of a stack cannot be used; the message names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class ProcessConfig:
    """One process. Exactly one of ``node``, ``command``, ``child_of`` and ``attach`` says how to get hold of it.

    node: "<package>/<executable>" of the ROS workspace, started with ``parameters``, and ``params_file`` if named.
    command: a command line to start; ``{remaps}`` stands for the remappings that a tap needs.
    child_of: a role whose process starts this one; ``match`` is a part of its command line.
    attach: a part of the command line of a process that somebody else starts; then ``restart`` starts it again.
    name: node name, of a lifecycle node also the one to configure and activate. ready: a service that shows it is up.
    """

    node: str = ""
    command: tuple[str, ...] = ()
    child_of: str = ""
    match: str = ""
    attach: str = ""
    restart: tuple[str, ...] = ()
    name: str = ""
    lifecycle: bool = False
    ready: str = ""
    params_file: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """A topic. role: the process that publishes it, whose output a tap takes; source: where it publishes instead.

    Without ``source`` the runner remaps the publisher to ``<topic>_source``, which needs a process of its own.
    """

    topic: str
    type: str
    qos: str = "reliable"
    role: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class PlanConfig:
    """Plans on their way to the monitor. trajectory: field that is a JointTrajectory; empty: the message itself.

    gripper: field with one gripper position a point; empty: none. stamp: field with the header whose stamp dates it.
    id: field with a number that rises with each plan; empty: none.
    """

    topic: str
    type: str
    qos: str = "reliable"
    role: str = "planner"
    source: str = ""
    trajectory: str = ""
    gripper: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class StatusConfig:
    """What the monitor says. reason, state: names of fields. stopped: values of ``state`` that only a reset leaves."""

    topic: str
    type: str
    reason: str = "reason"
    state: str = "state"
    stopped: tuple[int, ...] = ()
    qos: str = "latched"


@dataclass(frozen=True, slots=True)
class InstructionConfig:
    """What makes the arm move: a message, repeated until it does."""

    topic: str
    type: str
    message: Mapping[str, Any]
    again_s: float = 1.5


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A box that the arm must not touch. centre, size: (x, y, z) [m] in the URDF's root frame; size: half lengths."""

    name: str
    centre: tuple[float, ...]
    size: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TruthConfig:
    """How it is known what the arm did. The topic carries JointState of the robot itself, untouched by any tap.

    joints: those judged. home_rad: a posture without contact, where the arm starts each time.
    urdf: limits and shapes. excess_topic, excess_type, excess_field: the simulator's own judgement, 0 for none.
    """

    topic: str
    joints: tuple[str, ...]
    home_rad: tuple[float, ...]
    urdf: str
    home_topic: str = ""
    excess_topic: str = ""
    excess_type: str = ""
    excess_field: str = ""
    obstacles: tuple[Obstacle, ...] = ()


@dataclass(frozen=True, slots=True)
class Promises:
    """Times that the stack promises [s], and the speeds that tell moving from resting [rad/s].

    stop_s: from a decision to rest. period_s: of the command stream. dead_man_s: until a dead or hung process or
    camera is noticed. joint_state_s, clock_s, graph_s: until missing joint states, a clock that stands, and another
    publisher are. tracking_s: until an arm that is not where it was sent is. stuck_s: until joint states that stand
    still under fresh stamps are, which the arm has to have left first. outlives_s: what was sent last may go on for so
    long before the arm brakes.
    """

    stop_s: float
    period_s: float
    dead_man_s: float
    joint_state_s: float
    clock_s: float
    graph_s: float
    tracking_s: float
    stuck_s: float
    outlives_s: float
    moving_rad_s: float = 0.3
    rest_rad_s: float = 0.02


@dataclass(frozen=True, slots=True)
class StackConfig:
    """The whole description."""

    format: str
    name: str
    processes: Mapping[str, ProcessConfig]
    truth: TruthConfig
    status: StatusConfig
    instruction: InstructionConfig
    promises: Promises
    reset: str
    emergency_stop: str = ""
    e_stop_topic: str = ""
    plan: PlanConfig | None = None
    joint_states: TopicConfig | None = None
    clock: TopicConfig | None = None
    command: TopicConfig | None = None
    cameras: Mapping[str, TopicConfig] = field(default_factory=dict)
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    any_reason: bool = False


def load(path: Path) -> StackConfig:
    """Read and check a description. FaultsConfigError with the field, the value and the remedy."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise FaultsConfigError(f"cannot read {path}: {error}") from error
    return parse(content)


def parse(content: Any) -> StackConfig:
    """Check a mapping as YAML gives it."""
    data = _mapping("the description", content)
    if data.get("format") != FORMAT:
        raise FaultsConfigError(f"format: {data.get('format')!r} is not known; this version reads {FORMAT!r}")
    processes = _mapping("processes", data.get("processes"))
    unknown = sorted(set(processes) - set(ROLES))
    if unknown:
        raise FaultsConfigError(f"processes: {', '.join(unknown)} is no role; valid: {', '.join(ROLES)}")
    parsed = {role: _make(ProcessConfig, f"processes.{role}", entry) for role, entry in processes.items()}
    for role, process in parsed.items():
        _check_process(role, process, parsed)
    cameras = _mapping("cameras", data.get("cameras", {}))
    truth = dict(_mapping("truth", data.get("truth")))
    obstacles = [
        _make(Obstacle, f"truth.obstacles[{index}]", entry) for index, entry in enumerate(truth.get("obstacles", []))
    ]
    parts: dict[str, Any] = {
        "processes": parsed,
        "truth": _make(TruthConfig, "truth", truth | {"obstacles": obstacles}),
        "cameras": {name: _make(TopicConfig, f"cameras.{name}", entry) for name, entry in cameras.items()},
        "reasons": {key: tuple(value) for key, value in _mapping("reasons", data.get("reasons", {})).items()},
    }
    for key, kind in (
        ("status", StatusConfig), ("instruction", InstructionConfig), ("promises", Promises), ("plan", PlanConfig),
        ("joint_states", TopicConfig), ("clock", TopicConfig), ("command", TopicConfig),
    ):  # fmt: skip
        if data.get(key) is not None:
            parts[key] = _make(kind, key, data[key])
    config = _make(StackConfig, "", {**data, **parts})
    _check(config)
    return config


def _check_process(role: str, process: ProcessConfig, others: Mapping[str, ProcessConfig]) -> None:
    where = f"processes.{role}"
    given = [name for name in ("node", "command", "child_of", "attach") if getattr(process, name)]
    if len(given) != 1:
        said = ", ".join(given) or "none"
        raise FaultsConfigError(f"{where}: {said} given; give exactly one of node, command, child_of, attach")
    if process.node and process.node.count("/") != 1:
        raise FaultsConfigError(f"{where}.node: {process.node!r} is not '<package>/<executable>'")
    if process.child_of and process.child_of not in others:
        raise FaultsConfigError(f"{where}.child_of: {process.child_of!r} is none of {', '.join(others)}")
    if process.child_of and not process.match:
        raise FaultsConfigError(f"{where}.match: missing; give a part of the child's command line")
    if process.lifecycle and not process.name:
        raise FaultsConfigError(f"{where}.name: missing; a lifecycle node is driven by its name")


def _check(config: StackConfig) -> None:
    for role in ("robot", "monitor"):
        if role not in config.processes:
            raise FaultsConfigError(f"processes.{role}: missing; there is nothing to judge without it")
    truth, promises = config.truth, config.promises
    if len(truth.home_rad) != len(truth.joints):
        raise FaultsConfigError(f"truth.home_rad: {len(truth.home_rad)} values for {len(truth.joints)} joints")
    for item in fields(Promises):
        value = getattr(promises, item.name)
        if not (math.isfinite(value) and value > 0.0):
            raise FaultsConfigError(f"promises.{item.name}: {value} is not positive and finite")
    if promises.rest_rad_s >= promises.moving_rad_s:
        raise FaultsConfigError(
            f"promises.rest_rad_s: {promises.rest_rad_s} must be below moving_rad_s {promises.moving_rad_s}"
        )
    topics = {"plan": config.plan, "joint_states": config.joint_states, "clock": config.clock, **config.cameras}
    for name, topic in topics.items():
        if topic is None:
            continue
        if topic.qos not in QOS:
            raise FaultsConfigError(f"{name}.qos: {topic.qos!r} is not one of {', '.join(QOS)}")
        if not topic.source and topic.role not in config.processes:
            raise FaultsConfigError(
                f"{name}.role: {topic.role!r} is none of {', '.join(config.processes)}; name the process that "
                f"publishes {topic.topic}, or in source the topic that it publishes on instead"
            )


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise FaultsConfigError(f"{where}: {value!r} is not a mapping")
    return value


def _make(kind: type[T], where: str, value: Any) -> T:
    """A dataclass of a mapping; lists become tuples, unknown and missing keys are errors."""
    data = _mapping(where, value)
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    dot = f"{where}." if where else ""
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise FaultsConfigError(f"{dot}{unknown[0]}: not known; valid: {', '.join(known)}")
    missing = [
        name for name, item in known.items()
        if name not in data and item.default is MISSING and item.default_factory is MISSING
    ]  # fmt: skip
    if missing:
        raise FaultsConfigError(f"{dot}{missing[0]}: missing")
    hints = get_type_hints(kind)
    return kind(**{name: _value(f"{dot}{name}", hints[name], entry) for name, entry in data.items()})


def _value(where: str, kind: Any, value: Any) -> Any:
    plain: dict[Any, Any] = {str: str, bool: bool, float: (int, float)}
    if kind in plain:
        if not isinstance(value, plain[kind]) or (kind is float and isinstance(value, bool)):
            raise FaultsConfigError(f"{where}: {value!r} is not a {kind.__name__}")
        return float(value) if kind is float else value
    if isinstance(value, list):
        return tuple(tuple(entry) if isinstance(entry, list) else entry for entry in value)
    if str(kind).startswith("tuple") and not isinstance(value, tuple):
        raise FaultsConfigError(f"{where}: {value!r} is not a list")
    return value
