"""A clock that freezes, steps back, jumps or trembles is noticed in every state of both gates."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.clock import ClockConfig, Now
from vla_core.safety.decision import Decision, Limit
from vla_core.safety.proposal import SOURCE_TWIST, Trace
from vla_core.safety.rules.twist import TwistProposal
from vla_core.safety.status import State
from vla_core.safety.twist_config import TwistConfig
from vla_core.safety.twist_gate import TwistGate

TICKS = {"frozen": 31, "trembling": 62, "back": 1, "ahead": 1}  # command periods until it must be known
REASONS = {"frozen": "clock_stalled", "trembling": "clock_stalled", "back": "clock_back", "ahead": "clock_jump"}
CLOCK = ClockConfig(simulated=True, min_rate=0.5)


class Arm:
    def __init__(self, make_bench):
        self.bench = make_bench(clock=CLOCK)
        self.gate = self.bench.gate
        self.bench.tick(50)

    @property
    def now(self):
        return self.bench.now

    def tick(self, ros_ns=10_000_000):
        self.bench.ros_ns += ros_ns
        self.bench.tick(clock=0.0)

    def move(self):
        return self.gate.submit(self.bench.goto(self.bench.measured() + 0.5, 3.0), self.now)


class Base:
    def __init__(self, make_bench):
        limits = ((0.5, "m/s"), (1.5, "rad/s"), (2.0, "m/s^2"), (6.0, "rad/s^2"), (40.0, "m/s^3"), (120.0, "rad/s^3"))
        self.gate = TwistGate(TwistConfig(*(Limit(v, u, "x") for v, u in limits), clock=CLOCK, timeout_s=5.0))
        self.steady_ns = self.ros_ns = 10**9
        for _ in range(50):
            self.tick()

    @property
    def now(self):
        return Now(self.steady_ns, self.ros_ns)

    def tick(self, ros_ns=10_000_000):
        self.steady_ns += 10_000_000
        self.ros_ns += ros_ns
        self.gate.tick(self.now)

    def move(self):
        twist = np.array([[0.3, 0.0, 0.0, 0.0, 0.0, 0.5]])
        return self.gate.submit(TwistProposal(Trace(SOURCE_TWIST), "", np.zeros(1), twist), self.now)


def disturb(robot, fault):
    for k in range(TICKS[fault]):
        robot.tick({"frozen": 0, "trembling": 900_000 * (-1) ** k, "back": -2_000_000, "ahead": 700_000_000}[fault])


@pytest.fixture(params=[Arm, Base], ids=["arm", "base"])
def robot(request, make_bench):
    return request.param(make_bench)


@pytest.mark.parametrize("fault", REASONS)
def test_disarmed_it_holds_the_reset_back(robot, fault):
    disturb(robot, fault)
    assert robot.gate.reset(robot.now).startswith(REASONS[fault])
    for _ in range(40):
        robot.tick()
    assert robot.gate.reset(robot.now) == ""


@pytest.mark.parametrize("fault", REASONS)
@pytest.mark.parametrize("moving", [False, True], ids=["at rest", "moving"])
def test_armed_it_is_told_and_brings_the_robot_to_rest(robot, fault, moving):
    assert robot.gate.reset(robot.now) == ""
    if moving:
        assert robot.move().decision is Decision.PASS
        for _ in range(30):
            robot.tick()
        assert robot.gate.status().state is State.EXECUTING
    disturb(robot, fault)
    status = robot.gate.status()
    assert status.verdict.reason == REASONS[fault]
    if moving and fault != "trembling":  # which was noticed earlier
        assert status.state is State.STOPPING
    else:
        assert status.state in (State.HOLDING, State.STOPPED)
    begun = robot.now.steady_ns
    while robot.gate.moving(robot.now):
        robot.tick(0)  # it stays broken
        assert robot.now.steady_ns - begun <= 410_000_000
    assert robot.gate.status().state is (State.STOPPED if fault == "back" else State.HOLDING)


@pytest.mark.parametrize("fault", ["frozen", "trembling"])
def test_while_it_lasts_nothing_moves_and_afterwards_it_does(robot, fault):
    robot.gate.reset(robot.now)
    disturb(robot, fault)
    answer = robot.move()
    assert (answer.decision, answer.reason) == (Decision.HOLD, "clock_stalled")
    for _ in range(40):
        robot.tick()
    assert robot.move().decision is Decision.PASS
