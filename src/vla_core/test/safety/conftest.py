"""An arm whose limits are stated here, independently of any robot file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vla_core.limits import JointLimits
from vla_core.safety.clock import Now
from vla_core.safety.config import GateConfig
from vla_core.safety.gate import ArmGate, Command
from vla_core.safety.proposal import SOURCE_CHUNK, SOURCE_JOINT, Proposal, Trace
from vla_core.testing.gate import JudgingController
from vla_core.types import FloatArray

NAMES = ("shoulder", "elbow", "wrist")
HOME = np.array([0.1, -0.4, 0.2])
ROS_AHEAD_NS = 7_000_000_000_000


@pytest.fixture
def limits() -> JointLimits:
    return JointLimits(
        NAMES,
        ("rad",) * 3,
        np.array([-2.0, -1.5, -1.0]),
        np.array([2.0, 1.5, 1.0]),
        np.array([2.0, 1.5, 2.5]),
        np.array([10.0, 7.5, 20.0]),
        np.array([5000.0, 3750.0, 10000.0]),
        np.array([80.0, 80.0, 10.0]),
    )


@pytest.fixture
def gripper() -> JointLimits:
    one = np.ones(1)
    return JointLimits(("finger",), ("m",), 0.0 * one, 0.04 * one, 0.2 * one, 10.0 * one, 5000.0 * one, 20.0 * one)


class Bench:
    """A gate, an ideal controller behind it, and a clock that only moves when told."""

    def __init__(self, config: GateConfig, home: FloatArray = HOME, grip: float | None = 0.02) -> None:
        self.config = config
        self.gate = ArmGate(config)
        self.controller = JudgingController(config.limits, home)
        self.steady_ns = 1_000_000_000
        self.ros_ns = self.steady_ns + ROS_AHEAD_NS
        self.commands: list[tuple[float, Command]] = []
        self.blind = False  # no joint states arrive
        self.stuck: FloatArray | None = None  # the arm does not move
        self.grip = grip
        self.tick()

    @property
    def now(self) -> Now:
        return Now(self.steady_ns, self.ros_ns)

    @property
    def time(self) -> float:
        return self.steady_ns * 1e-9

    def measured(self) -> FloatArray:
        return self.controller.state(self.time)[0] if self.stuck is None else self.stuck

    def tick(self, count: int = 1, clock: float = 1.0) -> None:
        """``count`` command periods; the ROS clock goes at rate ``clock``."""
        for _ in range(count):
            self.steady_ns += 10_000_000
            self.ros_ns += round(10_000_000 * clock)
            if not self.blind:
                self.gate.measure(self.measured(), self.controller.state(self.time)[1], self.grip, self.now)
            self.obey(self.gate.tick(self.now))

    def obey(self, command: Command | None) -> None:
        if command is not None:
            self.commands.append((self.time, command))
            self.controller.receive(self.time, command.message.times, command.message.states)

    def arm(self) -> None:
        assert self.gate.reset(self.now) == ""

    def settle(self, longest: int = 800) -> None:
        """Tick until nothing moves."""
        for _ in range(longest):
            self.tick()
            if not self.gate.moving(self.now):
                return
        raise AssertionError("it never came to rest")

    def wave(
        self, number: int, phase_ns: int, amplitude: float = 0.3, rate: float = 2.0, **changes: object
    ) -> Proposal:
        """A chunk of 0.8 s, part of one endless smooth wave about home that began at ``phase_ns``."""
        times = 0.1 * np.arange(1.0, 9.0)
        x = rate * ((self.ros_ns - phase_ns) * 1e-9 + times)[:, None] * np.ones(3)
        fields: dict[str, object] = {
            "trace": Trace(SOURCE_CHUNK, number, 1),
            "joint_names": NAMES,
            "times_s": times,
            "positions": HOME + amplitude * (1.0 - np.cos(x)),
            "velocities": amplitude * rate * np.sin(x),
            "accelerations": amplitude * rate**2 * np.cos(x),
            "t0_ns": self.ros_ns,
        }
        return Proposal(**{**fields, **changes})  # type: ignore[arg-type]

    def goto(self, target: FloatArray, duration: float, **changes: object) -> Proposal:
        """A command of one point, from now."""
        fields: dict[str, object] = {
            "trace": Trace(SOURCE_JOINT),
            "joint_names": NAMES,
            "times_s": np.array([duration]),
            "positions": np.asarray(target)[None],
        }
        return Proposal(**{**fields, **changes})  # type: ignore[arg-type]

    def assert_limits_kept(self, tolerance: float = 1e-4) -> None:
        """The independent judge saw nothing beyond rounding."""
        assert self.controller.messages
        assert self.controller.worst["position"] < 1e-6, self.controller.worst
        assert all(excess < tolerance for excess in self.controller.worst.values()), self.controller.worst


@pytest.fixture
def make_bench(limits: JointLimits, gripper: JointLimits) -> Callable[..., Bench]:
    def make(**changes: object) -> Bench:
        return Bench(GateConfig(**{"limits": limits, "gripper": gripper, **changes}))  # type: ignore[arg-type]

    return make


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """Armed at home."""
    made = make_bench()
    made.arm()
    return made
