"""A simulation that stands still for a moment, with everything in it, and then goes on."""

from __future__ import annotations

import pytest

from vla_core.safety.clock import ClockConfig


class Stalling:
    """Leaves a Bench's controller behind: its time stands still, and it takes the newest command when it goes on."""

    def __init__(self, bench) -> None:
        self.bench = bench
        self.behind_ns = 0

    def tick(self, count: int) -> None:
        bench = self.bench
        for _ in range(count):
            bench.steady_ns += 10_000_000
            bench.ros_ns += 10_000_000
            robot_s = (bench.steady_ns - self.behind_ns) * 1e-9
            position, velocity, _ = bench.controller.state(robot_s)
            bench.gate.measure(position, velocity, bench.grip, bench.now)
            self.obey(bench.gate.tick(bench.now))

    def stall(self, count: int) -> None:
        newest = None
        for _ in range(count):
            self.bench.steady_ns += 10_000_000
            self.behind_ns += 10_000_000
            newest = self.bench.gate.tick(self.bench.now) or newest
        self.obey(newest)

    def obey(self, command) -> None:
        if command is not None:
            robot_s = (self.bench.steady_ns - self.behind_ns) * 1e-9
            self.bench.controller.receive(robot_s, command.message.times, command.message.states)


@pytest.mark.parametrize("periods", range(1, 30, 4))
def test_the_arm_need_not_hurry_after_it(make_bench, periods: int) -> None:
    bench = make_bench(clock=ClockConfig(simulated=True, min_rate=0.5))
    bench.arm()
    begin = bench.ros_ns
    stalling = Stalling(bench)
    for number in range(1, 9):
        bench.gate.submit(bench.wave(number, begin, 0.3, 3.0), bench.now)
        stalling.tick(5)
    assert bench.gate.moving(bench.now)
    stalling.stall(periods)
    stalling.tick(60)
    assert bench.controller.worst["velocity"] < 1e-4, bench.controller.worst
    assert bench.controller.worst["position"] < 1e-6
