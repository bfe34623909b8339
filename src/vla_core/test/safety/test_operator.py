"""The operator's rules, the same for arms and bases: disarmed at first, stops latch, resets resume nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.latch import emergency
from vla_core.safety.proposal import SOURCE_CHUNK, Trace
from vla_core.safety.rules.twist import TwistProposal
from vla_core.safety.status import State
from vla_core.safety.twist_config import TwistConfig
from vla_core.safety.twist_gate import TwistGate


class Arm:
    """``chunk``: the next piece of one endless motion; ``speed``: commanded now."""

    def __init__(self, make_bench):
        self.bench = make_bench()
        self.gate, self.phase, self.number = self.bench.gate, self.bench.ros_ns, 0

    @property
    def now(self):
        return self.bench.now

    @property
    def speed(self):
        return float(np.abs(self.bench.controller.state(self.bench.time)[1]).max())

    def tick(self, count=1):
        self.bench.tick(count)

    def chunk(self):
        self.number += 1
        return self.bench.wave(self.number, self.phase)


class Base:
    """As ``Arm``."""

    def __init__(self, make_bench):
        limits = ((0.5, "m/s"), (1.5, "rad/s"), (2.0, "m/s^2"), (6.0, "rad/s^2"), (40.0, "m/s^3"), (120.0, "rad/s^3"))
        self.gate = TwistGate(TwistConfig(*(Limit(v, u, "x") for v, u in limits)))
        self.steady_ns = self.ros_ns = 10**12
        self.speed, self.number = 0.0, 0
        self.tick()

    @property
    def now(self):
        return Now(self.steady_ns, self.ros_ns)

    def tick(self, count=1):
        for _ in range(count):
            self.steady_ns += 10_000_000
            self.ros_ns += 10_000_000
            command = self.gate.tick(self.now)
            self.speed = 0.0 if command is None else float(np.abs(command.twist).max())

    def chunk(self):
        self.number += 1
        twists = np.tile([0.3, 0.0, 0.0, 0.0, 0.0, 0.2], (8, 1))
        return TwistProposal(Trace(SOURCE_CHUNK, self.number), "", 0.1 * np.arange(8.0), twists, self.ros_ns)


@pytest.fixture(params=[Arm, Base], ids=["arm", "base"])
def robot(request, make_bench):
    return request.param(make_bench)


def drive(robot, chunks=6):
    for _ in range(chunks):
        robot.gate.submit(robot.chunk(), robot.now)
        robot.tick(10)
    assert robot.speed > 0.1 and robot.gate.status().state is State.EXECUTING


def come_to_rest(robot):
    for _ in range(41):
        if not robot.gate.moving(robot.now):
            return
        robot.tick()
    raise AssertionError("the promised time to rest has passed")


def press(robot):
    robot.gate.press(True)


def call(robot):
    robot.gate.stop(emergency("the service was called"))


@pytest.mark.parametrize("stop", [press, call])
def test_it_starts_disarmed_and_a_stop_before_the_first_reset_counts(robot, stop):
    robot.tick(20)
    assert robot.gate.submit(robot.chunk(), robot.now).reason == "disarmed"
    stop(robot)
    assert robot.gate.submit(robot.chunk(), robot.now).reason == "stopped"
    robot.tick(20)
    assert robot.speed == 0.0 and robot.gate.status().state is State.STOPPED


@pytest.mark.parametrize("stop", [press, call])
def test_an_emergency_stop_brakes_and_stays(robot, stop):
    assert robot.gate.reset(robot.now) == ""
    drive(robot)
    stop(robot)
    come_to_rest(robot)
    for _ in range(20):
        assert robot.gate.submit(robot.chunk(), robot.now).reason == "stopped"
        robot.tick(5)
        assert robot.speed == 0.0
    status = robot.gate.status()
    assert (status.state, status.e_stop, status.verdict.reason) == (State.STOPPED, True, "emergency_stop")


def test_a_reset_needs_rest_and_a_released_button(robot):
    robot.gate.reset(robot.now)
    drive(robot)
    robot.gate.press(True)
    assert "rest" in robot.gate.reset(robot.now)
    come_to_rest(robot)
    assert "vla/e_stop" in robot.gate.reset(robot.now)
    assert robot.gate.status().state is State.STOPPED
    robot.gate.press(False)
    assert robot.gate.status().state is State.STOPPED  # releasing alone arms nothing
    assert robot.gate.reset(robot.now) == ""
    assert robot.gate.status().state is State.HOLDING


def test_a_reset_resumes_nothing_from_before_it(robot):
    robot.gate.reset(robot.now)
    drive(robot)
    running = robot.chunk()
    robot.gate.submit(running, robot.now)
    robot.tick(5)
    call(robot)
    come_to_rest(robot)
    thought_of = robot.chunk()
    robot.tick(5)
    assert robot.gate.reset(robot.now) == ""
    for old in (running, thought_of, replace(thought_of, trace=Trace(SOURCE_CHUNK, 999))):
        answer = robot.gate.submit(old, robot.now)
        assert (answer.decision, answer.reason) == (Decision.HOLD, "chunk_before_reset")
    robot.tick(60)
    assert robot.speed == 0.0 and robot.gate.status().state is State.HOLDING
    drive(robot)


def test_the_operators_stop_replaces_any_other_and_only_it_is_an_emergency(robot):
    robot.gate.reset(robot.now)
    robot.gate.stop(Verdict(Decision.STOP, "exclusive", "second_publisher", "x"))
    assert not robot.gate.status().e_stop
    call(robot)
    assert robot.gate.status().e_stop and robot.gate.status().verdict.reason == "emergency_stop"
    robot.gate.stop(Verdict(Decision.STOP, "exclusive", "second_publisher", "x"))
    assert robot.gate.status().verdict.reason == "emergency_stop"


def test_disarming_brakes_and_only_a_reset_arms(robot):
    robot.gate.reset(robot.now)
    drive(robot)
    robot.gate.disarm()
    come_to_rest(robot)
    assert robot.gate.submit(robot.chunk(), robot.now).reason == "disarmed"
    assert robot.gate.status().state is State.DISARMED
    assert robot.gate.reset(robot.now) == ""


def test_an_arm_is_not_armed_while_its_joint_states_are_missing(make_bench):
    bench = make_bench()
    bench.arm()
    bench.gate.emergency_stop("test")
    bench.blind = True
    bench.tick(30)
    assert bench.gate.reset(bench.now).startswith("joint_state_stale")
    assert bench.gate.status().state is State.STOPPED
    bench.blind = False
    bench.tick(2)
    bench.arm()
