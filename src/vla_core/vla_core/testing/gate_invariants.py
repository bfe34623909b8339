"""What the gate of every arm must do. Inherit in a test class, state the robot's limits again as numbers, say how to
make its gate.

The numbers are stated by hand, not read from the files that configure the gate: a limit that is read wrongly, or
changed unnoticed, fails here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from vla_core.safety.clock import Now
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.gate import ArmGate, Command
from vla_core.safety.proposal import SOURCE_CHUNK, SOURCE_JOINT, Proposal, Trace
from vla_core.safety.status import State
from vla_core.testing.gate import NAMES, JudgingController
from vla_core.types import FloatArray

PERIOD_NS = 10_000_000
ROS_AHEAD_NS = 5_000_000_000_000
STEPS = (5e-2, 1e-3, 1e-6, 1e-9)  # to either side of a limit, as a share of it
RESOLUTION = 5e-2  # a motion so far inside a limit passes as it is; nearer it may be slowed, for bounds are not exact
# A quintic from rest to rest over d in T peaks at these times d/T, d/T^2, d/T^3.
PEAKS = (1.875, 10.0 / 3.0**0.5, 60.0)


class GateUnderTest:
    """A gate with an ideal controller behind it, on a clock that moves only when told. Armed at ``home`` (J,)."""

    def __init__(self, config: GateConfig, home: FloatArray) -> None:
        self.gate = ArmGate(config)
        self.controller = JudgingController(config.limits, home)
        self.names = config.limits.joint_names
        self.steady_ns = 1_000_000_000
        self.grips: list[float | None] = []
        self.tick()

    @property
    def now(self) -> Now:
        """By both clocks."""
        return Now(self.steady_ns, self.steady_ns + ROS_AHEAD_NS)

    @property
    def time(self) -> float:
        """Steady [s]."""
        return self.steady_ns * 1e-9

    def tick(self, count: int = 1) -> None:
        """Command periods, with a joint state each."""
        for _ in range(count):
            self.steady_ns += PERIOD_NS
            state = self.controller.state(self.time)
            self.gate.measure(state[0], state[1], 0.0, self.now)
            self._obey(self.gate.tick(self.now))

    def _obey(self, command: Command | None) -> None:
        if command is not None:
            self.grips.append(command.gripper)
            self.controller.receive(self.time, command.message.times, command.message.states)

    def goto(self, target: FloatArray, duration: float, **more: object) -> Verdict:
        """One point (J,), from now, sent on at once."""
        fields: dict[str, object] = {"times_s": np.array([duration]), "positions": target[None], **more}
        answer = self.gate.submit(Proposal(Trace(SOURCE_JOINT), self.names, **fields), self.now)  # type: ignore[arg-type]
        if answer.decision in (Decision.PASS, Decision.SLOW):
            self._obey(self.gate.command(self.now))
        return answer

    def rest(self, longest_s: float = 30.0) -> float:
        """Tick until nothing moves; how long that took [s]."""
        begun = self.time
        while self.gate.moving(self.now):
            self.tick()
            assert self.time - begun < longest_s, "it never comes to rest"
        return self.time - begun


class GateInvariants:
    """Tests that hold for every arm.

    Override ``make_config`` and the numbers, (J,) each in the order of the joints: limits [rad, m], [.../s], [.../s^2],
    [.../s^3], and a ``home`` from which every joint has room.
    """

    joints: tuple[str, ...]
    home: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    velocity: tuple[float, ...]
    acceleration: tuple[float, ...]
    jerk: tuple[float, ...]
    promised_stop_s: float

    def make_config(self) -> GateConfig:
        """The gate as it is shipped."""
        raise NotImplementedError

    @pytest.fixture
    def config(self) -> GateConfig:
        """Of the gate under test."""
        return self.make_config()

    @pytest.fixture
    def arm(self, config: GateConfig) -> Iterator[Callable[..., GateUnderTest]]:
        """Makes armed gates at home, whose every message is judged. Limits alone are tested: without a workspace."""
        made: list[GateUnderTest] = []

        def make(home: FloatArray | None = None) -> GateUnderTest:
            place = np.array(self.home) if home is None else home
            gate = GateUnderTest(dataclasses.replace(config, collision=None), place)
            assert gate.gate.reset(gate.now) == ""
            made.append(gate)
            return gate

        yield make
        for gate in made:
            worst = gate.controller.worst
            assert worst[NAMES[0]] < 1e-6 and all(worst[name] < 1e-3 for name in NAMES[1:]), worst

    # --- what it was told

    def test_its_limits_are_those_of_the_robot(self, config: GateConfig) -> None:
        limits = config.limits
        assert limits.joint_names == self.joints
        for name in ("lower", "upper", "velocity", "acceleration", "jerk"):
            np.testing.assert_array_equal(getattr(limits, name), getattr(self, name), err_msg=name)
        assert config.promised_stop_s == self.promised_stop_s

    # --- the operator

    def test_it_starts_disarmed_and_silent(self, config: GateConfig) -> None:
        gate = GateUnderTest(config, np.array(self.home))
        assert gate.goto(np.array(self.home) + 0.01, 1.0).reason == "disarmed"
        gate.tick(100)
        assert gate.gate.status().state is State.DISARMED and not gate.controller.messages

    def test_a_stop_at_full_speed_keeps_the_promise_and_the_grip(self, arm: Callable[..., GateUnderTest]) -> None:
        for joint in range(len(self.joints)):
            gate = arm()
            target, duration = self._at_speed(joint, 0.999)
            gate.goto(target, duration)
            gate.tick(round(50.0 * duration))
            gate.gate.emergency_stop("test")
            assert 0.0 < gate.rest() <= self.promised_stop_s + 1e-9, self.joints[joint]
            assert set(gate.grips) <= {None}
            assert gate.goto(target, duration).reason == "stopped"

    def test_no_reset_resumes_what_ran_before(self, arm: Callable[..., GateUnderTest]) -> None:
        gate = arm()
        target, duration = self._at_speed(0, 0.9)
        gate.goto(target, duration)
        gate.tick(20)
        gate.gate.emergency_stop("test")
        gate.rest()
        stood = gate.controller.state(gate.time)[0]
        assert gate.gate.reset(gate.now) == ""
        gate.tick(50)
        np.testing.assert_array_equal(gate.controller.state(gate.time)[0], stood)

    # --- boundaries

    def test_positions_inside_a_limit_are_reached_and_none_beyond_it(self, arm: Callable[..., GateUnderTest]) -> None:
        for joint in range(len(self.joints)):
            for limit, inward in ((self.lower[joint], 1.0), (self.upper[joint], -1.0)):
                for step in (*STEPS, 0.0):
                    near = self._placed(joint, limit + 0.08 * inward)
                    inside = self._placed(joint, limit + inward * step)
                    outside = self._placed(joint, limit - inward * step)
                    self._reaches(arm(near), inside)
                    if step > 1e-6:  # less is rounding
                        self._does_not_reach(arm(near), outside, joint)

    @pytest.mark.parametrize("order, reason", [(1, "velocity"), (2, "acceleration"), (3, "jerk")])
    def test_derivatives_inside_a_limit_pass_and_none_beyond_it(
        self, arm: Callable[..., GateUnderTest], order: int, reason: str
    ) -> None:
        at = {1: self._at_speed, 2: self._at_power, 3: self._at_jerk}[order]
        for joint in range(len(self.joints)):
            for step in STEPS:
                for share in (1.0 - step, 1.0 + step):
                    gate = arm()
                    target, duration = at(joint, share)
                    answer = gate.goto(target, duration)
                    said = (self.joints[joint], share, answer)
                    if share <= 1.0 - RESOLUTION:
                        assert answer.decision is Decision.PASS, said
                    if share >= 1.0 + 1e-3:
                        assert (answer.decision, answer.reason) == (Decision.SLOW, f"{reason}_limit"), said
                    gate.rest()  # whatever was decided, nothing beyond a limit went out
                    if answer.decision in (Decision.PASS, Decision.SLOW):
                        np.testing.assert_allclose(gate.controller.state(gate.time)[0], target, atol=1e-9)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("field", ["positions", "velocities", "accelerations", "times_s", "speed_scale"])
    def test_what_is_not_finite_moves_nothing(
        self, arm: Callable[..., GateUnderTest], field: str, value: float
    ) -> None:
        gate = arm()
        still = np.zeros((1, len(self.joints)))
        more: dict[str, object] = {"velocities": still, "accelerations": still}
        more[field] = value if field == "speed_scale" else np.full((1,) if field == "times_s" else still.shape, value)
        assert gate.goto(np.array(self.home), 0.5, **more).reason == "nonfinite"
        gate.tick(20)
        assert not gate.controller.messages

    def test_a_chunk_over_the_limits_is_never_carried_out_as_it_is(self, arm: Callable[..., GateUnderTest]) -> None:
        for joint in range(len(self.joints)):
            gate = arm()
            times = 0.1 * np.arange(1.0, 11.0)
            positions = np.tile(np.array(self.home), (10, 1))
            positions[:, joint] += self._way(joint, 1.5 * self.velocity[joint] * times)
            stamp = gate.now.ros_ns
            fields = (SOURCE_CHUNK, 1, 1)
            proposal = Proposal(Trace(*fields), gate.names, times, positions, t0_ns=stamp)
            prepared = gate.gate.check(proposal, gate.now, 0.01)
            answer = gate.gate.install(prepared, gate.now)
            assert answer is not None and answer.decision is not Decision.PASS, self.joints[joint]
            gate.rest()

    # --- motions of one joint, from rest to rest

    def _way(self, joint: int, distance: FloatArray) -> FloatArray:
        """Distances towards the side with more room."""
        up, down = self.upper[joint] - self.home[joint], self.home[joint] - self.lower[joint]
        return distance if up >= down else -distance

    def _moved(self, joint: int, distance: float) -> FloatArray:
        return self._placed(joint, self.home[joint] + float(self._way(joint, np.array(distance))))

    def _placed(self, joint: int, position: float) -> FloatArray:
        target = np.array(self.home)
        target[joint] = position
        return target

    def _at_speed(self, joint: int, share: float) -> tuple[FloatArray, float]:
        """Target and duration that peak at ``share`` of the velocity limit, well inside the acceleration limit."""
        speed, power = share * self.velocity[joint], 0.85 * self.acceleration[joint]
        distance = PEAKS[1] * speed**2 / (PEAKS[0] ** 2 * power)
        return self._moved(joint, distance), PEAKS[0] * distance / speed

    def _at_power(self, joint: int, share: float) -> tuple[FloatArray, float]:
        """Likewise of the acceleration limit."""
        power = share * self.acceleration[joint]
        distance = 0.5 * self.velocity[joint] ** 2 / power
        return self._moved(joint, distance), float(np.sqrt(PEAKS[1] * distance / power))

    def _at_jerk(self, joint: int, share: float) -> tuple[FloatArray, float]:
        """Likewise of the jerk limit."""
        jerk = share * self.jerk[joint]
        distance = (0.85 * self.acceleration[joint] / PEAKS[1]) ** 3 / (jerk / PEAKS[2]) ** 2
        return self._moved(joint, distance), float(np.cbrt(PEAKS[2] * distance / jerk))

    @staticmethod
    def _reaches(gate: GateUnderTest, target: FloatArray) -> None:
        answer = gate.goto(target, 0.8)
        assert answer.decision is Decision.PASS, answer
        gate.rest()
        np.testing.assert_allclose(gate.controller.state(gate.time)[0], target, atol=1e-9)

    def _does_not_reach(self, gate: GateUnderTest, target: FloatArray, joint: int) -> None:
        answer = gate.goto(target, 0.8)
        assert (answer.decision, answer.reason) == (Decision.HOLD, "position_limit"), answer
        gate.rest()
        place = gate.controller.state(gate.time)[0][joint]
        assert self.lower[joint] - 1e-6 <= place <= self.upper[joint] + 1e-6
