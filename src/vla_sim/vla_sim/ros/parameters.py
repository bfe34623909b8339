"""Parameters of sim_node, declared with descriptors."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

from vla_core.errors import VlaError
from vla_sim.robot import HOME_Q
from vla_sim.spec import COLORS, TASKS

ROBOTS = ("arm", "base")
ARM_INTERFACES = ("joint_trajectory", "forward_position")


class ParameterError(VlaError):
    """A parameter of a node is unknown or has a value that it cannot have."""


@dataclass(frozen=True, slots=True)
class _Spec:
    """Default and meaning of one parameter; low and high bound numbers, choices bound strings."""

    default: Any
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


_SPECS: dict[str, _Spec] = {
    "robot": _Spec("arm", "What to simulate", choices=ROBOTS),
    "real_time_factor": _Spec(1.0, "Simulated seconds per second; needs use_sim_clock unless 1", 0.01, 100.0),
    "use_sim_clock": _Spec(True, "Publish /clock and stamp with simulated time; off: stamp with system time"),
    "physics_tick_s": _Spec(0.005, "Simulated time per round of the physics thread [s]", 0.002, 0.05),
    "seed": _Spec(1_000_000, "Seed of the first scene", 0, 2**62),
    "task": _Spec("", "Task of the first scene; empty: drawn from the seed", choices=("", *TASKS)),
    "target": _Spec("", "Target colour of the first scene; empty: drawn from the seed", choices=("", *COLORS)),
    "domain_randomization": _Spec(1.0, "How far looks are drawn around the nominal ones", 0.0, 1.0),
    "initial_positions": _Spec(HOME_Q.tolist(), "joint1..joint7 at the start [rad]: the only way to teleport the arm"),
    "image_width": _Spec(96, "Camera images [px]", 16, 1280),
    "image_height": _Spec(96, "Camera images [px]", 16, 960),
    "image_rate": _Spec(30.0, "Camera images [Hz]; 0: none", 0.0, 120.0),
    "image_noise": _Spec(0, "Noise of the cameras' sensors, up to so many of 255 levels; 0: none", 0, 50),
    "joint_state_rate": _Spec(100.0, "joint_states, or odom of the base [Hz]", 1.0, 500.0),
    "clock_rate": _Spec(200.0, "/clock [Hz]; at most one per physics_tick_s", 10.0, 500.0),
    "episode_rate": _Spec(20.0, "sim/episode [Hz]; 0: never", 0.0, 200.0),
    "state_log": _Spec("", "File (.npz) for the states of the run, written at each reset and at the end; empty: none"),
    "state_log_rate": _Spec(30.0, "States per simulated second in the log [Hz]", 1.0, 200.0),
    "arm_command_interface": _Spec("joint_trajectory", "Controller of the arm", choices=ARM_INTERFACES),
    "interpolate_from_desired_state": _Spec(True, "joint_trajectory_controller: replace from the desired state"),
    "allow_partial_joints_goal": _Spec(False, "joint_trajectory_controller: accept commands for some joints"),
    "allow_nonzero_velocity_at_trajectory_end": _Spec(False, "joint_trajectory_controller: accept moving ends"),
    "cmd_vel_timeout": _Spec(0.5, "diff_drive_controller: stop this long after the last cmd_vel [s]", 0.01, 10.0),
}


@dataclass(frozen=True, slots=True)
class SimParameters:
    """Values of the parameters; see their descriptions."""

    robot: str
    real_time_factor: float
    use_sim_clock: bool
    physics_tick_s: float
    seed: int
    task: str
    target: str
    domain_randomization: float
    initial_positions: tuple[float, ...]
    image_width: int
    image_height: int
    image_rate: float
    image_noise: int
    joint_state_rate: float
    clock_rate: float
    episode_rate: float
    state_log: str
    state_log_rate: float
    arm_command_interface: str
    interpolate_from_desired_state: bool
    allow_partial_joints_goal: bool
    allow_nonzero_velocity_at_trajectory_end: bool
    cmd_vel_timeout: float


def declare_parameters(node: Node) -> SimParameters:
    """Declare all of them on ``node`` and read them. Raises ParameterError."""
    _refuse_unknown(node)
    values = {field.name: _declare(node, field.name, _SPECS[field.name]) for field in fields(SimParameters)}
    values["initial_positions"] = tuple(values["initial_positions"])
    parameters = SimParameters(**values)
    if len(parameters.initial_positions) != len(HOME_Q):
        raise ParameterError(
            f"initial_positions: {len(parameters.initial_positions)} values, the arm has {len(HOME_Q)} joints"
        )
    if not parameters.use_sim_clock and parameters.real_time_factor != 1.0:
        raise ParameterError(
            f"real_time_factor: {parameters.real_time_factor} with use_sim_clock off; system time cannot run at "
            "another speed: set use_sim_clock, or real_time_factor to 1.0"
        )
    return parameters


def _declare(node: Node, name: str, spec: _Spec) -> Any:
    descriptor = ParameterDescriptor(description=spec.description, read_only=True)
    if spec.choices:
        descriptor.additional_constraints = f"one of: {', '.join(repr(choice) for choice in spec.choices)}"
    if spec.low is not None and spec.high is not None:
        if isinstance(spec.default, int):
            descriptor.integer_range = [IntegerRange(from_value=int(spec.low), to_value=int(spec.high), step=0)]
        else:
            descriptor.floating_point_range = [FloatingPointRange(from_value=spec.low, to_value=spec.high, step=0.0)]
    try:
        value = node.declare_parameter(name, spec.default, descriptor).value
    except InvalidParameterTypeException as error:
        raise ParameterError(f"{name}: {error}; a value like {spec.default!r} is expected") from error
    except InvalidParameterValueException as error:
        raise ParameterError(f"{name}: {error}; valid are {spec.low} to {spec.high}") from error
    if spec.choices and value not in spec.choices:
        raise ParameterError(f"{name}: {value!r} is not one of {', '.join(repr(choice) for choice in spec.choices)}")
    return value


def _refuse_unknown(node: Node) -> None:
    # rclpy ignores what nobody declares, so that a misspelt name would go unnoticed. It has no public view of these.
    given: set[str] = set(node._parameter_overrides)
    unknown = sorted(name for name in given - set(_SPECS) - {"use_sim_time"} if not name.startswith("qos_overrides."))
    if unknown:
        raise ParameterError(f"unknown parameter {', '.join(unknown)}; valid are {', '.join(sorted(_SPECS))}")
