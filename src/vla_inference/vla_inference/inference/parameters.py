"""The parameters of inference_node: declared with descriptors, read into frozen dataclasses."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from vla_core.errors import VlaError
from vla_core.instructions import DEFAULT_MAX_CHARS

TRANSPORTS = ("raw", "compressed")
_BASE_LIMITS = (
    ("linear", 0.5, "m/s"),
    ("angular", 1.5, "rad/s"),
    ("linear_acceleration", 1.0, "m/s^2"),
    ("angular_acceleration", 3.0, "rad/s^2"),
)


class ParameterError(VlaError):
    """A parameter of the node has a value that cannot work."""


@dataclass(frozen=True, slots=True)
class CameraParameters:
    """Where one camera's images come from."""

    name: str
    topic: str
    transport: str


@dataclass(frozen=True, slots=True)
class BaseLimits:
    """What plans for a mobile base stay inside: [m/s], [rad/s], [m/s^2], [rad/s^2]."""

    linear: float
    angular: float
    linear_acceleration: float
    angular_acceleration: float


@dataclass(frozen=True, slots=True)
class InferenceParameters:
    """Everything read at configuration. ``*_s``: seconds of the steady clock where not said otherwise."""

    bundle: str
    worker_python: str
    worker_start_timeout_s: float
    inference_deadline_s: float
    cameras: tuple[CameraParameters, ...]
    robot_description: str
    joint_limits_file: str
    base: BaseLimits
    max_chars: int
    policy_file: str
    gate_required: bool
    gate_timeout_s: float
    activation_timeout_s: float
    min_real_time_factor: float


def declare_parameters(node: Node) -> None:
    """Declare all parameters but those of the cameras, which follow from the list ``cameras``.

    Raises:
        rclpy.exceptions.ParameterException: an override has the wrong type or lies outside its range.
    """
    fixed = _Declarer(node, read_only=True)
    fixed.text("worker_python", "", "Python of the policy environment; empty: the one that runs this node")
    fixed.number("worker_start_timeout_s", 60.0, 1.0, 600.0, "longest time a worker may take to load its model [s]")
    fixed.number("inference_deadline_s", 1.0, 0.01, 60.0, "an inference that takes longer is a hung worker [s]")
    fixed.names("cameras", ["front", "wrist"], "cameras, by their names in the policy contract")
    fixed.text("robot_description", "", "URDF; empty: taken from the topic robot_description")
    fixed.text(
        "joint_limits_file",
        "package://vla_sim/urdf/joint_limits.yaml",
        "MoveIt-style file with acceleration "
        "and jerk limits; a path or package://<package>/<path below its share folder>",
    )
    for name, default, unit in _BASE_LIMITS:
        fixed.number(f"base.max_{name}", default, 0.001, 100.0, f"most that a plan asks of a mobile base [{unit}]")
    fixed.integer("instruction.max_chars", DEFAULT_MAX_CHARS, 1, 10_000, "longest instruction let through")
    fixed.text(
        "instruction.policy_file",
        "",
        "deny and allow patterns for instructions; a path or package://<package>/<path below its share folder>; "
        "empty: none",
    )
    fixed.number(
        "instruction.min_interval_s", 0.1, 0.0, 60.0, "least time between two accepted instructions; 0: none [s]"
    )
    fixed.flag("gate.required", True, "refuse instructions while the safety monitor is not heard")
    fixed.number("gate.timeout_s", 3.0, 0.5, 60.0, "a safety monitor silent for longer is dead [s]")
    fixed.number("activation_timeout_s", 30.0, 0.1, 600.0, "longest wait for worker, cameras and joints to appear [s]")
    fixed.number(
        "min_real_time_factor",
        0.25,
        0.01,
        1.0,
        "slowest simulation expected; with use_sim_time, watchdogs allow for it",
    )
    live = _Declarer(node, read_only=False)
    live.text("bundle", "", "folder of the policy bundle, read at configuration; later: service vla/load_policy")
    live.number("replan_rate_hz", 20.0, 0.1, 100.0, "most chunks per second of ROS time")
    live.number(
        "instruction.timeout_s",
        30.0,
        0.1,
        3600.0,
        "an instruction without a timeout of its own expires after this much ROS time [s]",
    )


def read_parameters(node: Node) -> InferenceParameters:
    """The values in force; declares what the cameras need on the way.

    Raises:
        ParameterError: a value cannot work; the message says which and what is valid.
    """
    names = list(node.get_parameter("cameras").value)
    if len(set(names)) != len(names) or not all(name and name.isidentifier() for name in names):
        raise ParameterError(f"cameras is {names}; give each camera once, by a name of letters, digits and underscores")
    return InferenceParameters(
        bundle=_value(node, "bundle"),
        worker_python=_value(node, "worker_python"),
        worker_start_timeout_s=_value(node, "worker_start_timeout_s"),
        inference_deadline_s=_value(node, "inference_deadline_s"),
        cameras=tuple(_camera(node, name) for name in names),
        robot_description=_value(node, "robot_description"),
        joint_limits_file=_value(node, "joint_limits_file"),
        base=BaseLimits(
            linear=_value(node, "base.max_linear"),
            angular=_value(node, "base.max_angular"),
            linear_acceleration=_value(node, "base.max_linear_acceleration"),
            angular_acceleration=_value(node, "base.max_angular_acceleration"),
        ),
        max_chars=_value(node, "instruction.max_chars"),
        policy_file=_value(node, "instruction.policy_file"),
        gate_required=_value(node, "gate.required"),
        gate_timeout_s=_value(node, "gate.timeout_s"),
        activation_timeout_s=_value(node, "activation_timeout_s"),
        min_real_time_factor=_value(node, "min_real_time_factor"),
    )


def _camera(node: Node, name: str) -> CameraParameters:
    fixed = _Declarer(node, read_only=True)
    transport_name = f"camera.{name}.transport"
    fixed.text(transport_name, "raw", f"how the images of {name} travel: {' or '.join(TRANSPORTS)}")
    transport = _value(node, transport_name)
    if transport not in TRANSPORTS:
        raise ParameterError(f"{transport_name} is {transport!r}; valid: {', '.join(TRANSPORTS)}")
    suffix = "/compressed" if transport == "compressed" else ""
    fixed.text(f"camera.{name}.topic", f"{name}_camera/image_raw{suffix}", f"image topic of camera {name}")
    topic = _value(node, f"camera.{name}.topic")
    if not topic:
        raise ParameterError(f"camera.{name}.topic is empty; name the image topic of camera {name}")
    return CameraParameters(name, topic, transport)


def _value(node: Node, name: str) -> Any:
    return node.get_parameter(name).value


class _Declarer:
    """Declares parameters with a descriptor each; one that exists already stays as it is."""

    def __init__(self, node: Node, read_only: bool) -> None:
        self._node = node
        self._read_only = read_only

    def text(self, name: str, default: str, description: str) -> None:
        self._declare(name, default, ParameterDescriptor(description=description))

    def names(self, name: str, default: list[str], description: str) -> None:
        self._declare(name, default, ParameterDescriptor(description=description))

    def flag(self, name: str, default: bool, description: str) -> None:
        self._declare(name, default, ParameterDescriptor(description=description))

    def number(self, name: str, default: float, least: float, most: float, description: str) -> None:
        span = FloatingPointRange(from_value=least, to_value=most)
        self._declare(name, default, ParameterDescriptor(description=description, floating_point_range=[span]))

    def integer(self, name: str, default: int, least: int, most: int, description: str) -> None:
        span = IntegerRange(from_value=least, to_value=most, step=1)
        self._declare(name, default, ParameterDescriptor(description=description, integer_range=[span]))

    def _declare(self, name: str, default: object, descriptor: ParameterDescriptor) -> None:
        if not self._node.has_parameter(name):
            descriptor.read_only = self._read_only
            self._node.declare_parameter(name, default, descriptor)


def refuse_unknown_parameters(node: Node) -> None:
    """A parameter that is given but not known is a typing error that would otherwise be ignored in silence.

    Call it after ``read_parameters``.

    Raises:
        ParameterError: naming the unknown ones and the closest known names.
    """
    # rclpy keeps what the command line and parameter files gave here and offers no other way to it.
    given: dict[str, object] = node._parameter_overrides
    known = sorted(node._parameters)
    unknown = sorted(name for name in given if name not in known and not name.startswith("qos_overrides."))
    if not unknown:
        return
    hints = []
    for name in unknown:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hints.append(f"{name!r}" + (f" (did you mean {close[0]!r}?)" if close else ""))
    raise ParameterError(f"unknown parameter {', '.join(hints)}; known: {', '.join(known)}")
