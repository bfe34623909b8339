"""The two threads, driven by fakes: no ROS, no physics, no GL."""

from __future__ import annotations

import threading

import pytest

from vla_sim.ros.pacing import Pacer
from vla_sim.ros.physics_loop import PhysicsLoop
from vla_sim.ros.render_loop import RenderLoop

MS = 1_000_000
DEADLINE_S = 60.0


class FakeRobot:
    """Steps of 2 ms."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.fail = False

    def advance(self, until_ns: int) -> None:
        if self.fail:
            raise RuntimeError("the simulation blew up")
        while self.now_ns < until_ns:
            self.now_ns += 2 * MS


def physics(robot: FakeRobot, **kwargs) -> PhysicsLoop:
    options = {"on_tick": lambda now_ns: None, "on_error": lambda error: None, "steady_ns": lambda: robot.now_ns}
    return PhysicsLoop(robot, Pacer(), 5 * MS, **{**options, **kwargs})


def test_a_round_does_what_was_posted_then_physics_then_the_tick() -> None:
    robot, order = FakeRobot(), []
    loop = physics(robot, on_tick=lambda now_ns: order.append(("tick", now_ns)))
    loop.post(lambda: order.append(("posted", robot.now_ns)))
    loop.tick()
    loop.tick()
    assert order == [("posted", 0), ("tick", 6 * MS), ("tick", 10 * MS)], "2 ms steps batched into 5 ms rounds"


def test_call_hands_back_the_result_or_the_exception() -> None:
    loop = physics(FakeRobot())
    result, failure = loop.call(lambda: 42), loop.call(lambda: 1 / 0)
    loop.tick()
    assert result.result(0) == 42
    with pytest.raises(ZeroDivisionError):
        failure.result(0)


def test_the_thread_runs_and_stops() -> None:
    ticked = threading.Event()
    loop = physics(FakeRobot(), on_tick=lambda now_ns: ticked.set())
    loop.start()
    assert ticked.wait(DEADLINE_S)
    loop.stop()
    loop.stop()


def test_a_failure_of_the_simulation_is_reported() -> None:
    robot, errors, failed = FakeRobot(), [], threading.Event()
    robot.fail = True
    loop = physics(robot, on_error=lambda error: (errors.append(error), failed.set()))
    loop.start()
    assert failed.wait(DEADLINE_S)
    assert "blew up" in str(errors[0])


class FakeRenderer:
    """Draws when it is let."""

    def __init__(self) -> None:
        self.drawn: list[int] = []
        self.drawing = threading.Event()
        self.go_on = threading.Event()
        self.closed_by: int | None = None
        self.made_by = threading.get_ident()

    def render(self, snapshot: int) -> None:
        self.drawing.set()
        assert self.go_on.wait(DEADLINE_S)
        self.drawn.append(snapshot)

    def close(self) -> None:
        self.closed_by = threading.get_ident()


def test_a_slow_renderer_gets_the_newest_snapshot_and_never_blocks() -> None:
    made: list[FakeRenderer] = []
    loop: RenderLoop[int] = RenderLoop(lambda: made.append(FakeRenderer()) or made[0], lambda error: None)
    loop.start()
    loop.submit(1)
    assert made[0].drawing.wait(DEADLINE_S)
    for number in (2, 3, 4):
        loop.submit(number)
    made[0].go_on.set()
    while loop.rendered < 2:
        threading.Event().wait(0.01)
    loop.stop()
    assert made[0].drawn == [1, 4]
    assert loop.dropped == 2
    assert made[0].closed_by == made[0].made_by != threading.get_ident()


def test_a_renderer_that_cannot_be_made_is_reported_and_start_returns() -> None:
    errors: list[BaseException] = []

    def make() -> FakeRenderer:
        raise RuntimeError("no GL")

    loop: RenderLoop[int] = RenderLoop(make, errors.append)
    loop.start()
    assert "no GL" in str(errors[0])
    loop.stop()
