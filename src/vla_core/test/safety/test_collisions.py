"""The gate of an arm among zones: whatever is proposed, nothing that is published comes near one, nor its stops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vla_core.errors import LimitsError
from vla_core.limits import JointLimits
from vla_core.safety.decision import Decision
from vla_core.safety.workspace.description import LEAST_M, load_workspace
from vla_core.safety.workspace.model import CollisionModel
from vla_core.testing.collision import CollisionJudge, Shape, pose_of

NAMES = ("shoulder", "elbow", "wrist")
HOME = np.array([0.1, -0.4, 0.2])
MARGIN_M = 0.012


def link(name: str, text: str, xyz: str) -> str:
    return f'<link name="{name}"><collision><origin xyz="{xyz}"/><geometry><{text}/></geometry></collision></link>'


def joint(name: str, parent: str, child: str, xyz: str, axis: str) -> str:
    return (
        f'<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/><origin xyz="{xyz}"/>'
        f'<axis xyz="{axis}"/><limit lower="-3" upper="3" velocity="3" effort="9"/></joint>'
    )


URDF = (
    '<robot name="three"><link name="base_link"/>'
    + link("column", 'box size="0.08 0.08 0.2"', "0 0 0.1")
    + link("arm", 'box size="0.3 0.05 0.05"', "0.15 0 0")
    + link("hand", 'sphere radius="0.03"', "0.2 0 0")
    + joint("shoulder", "base_link", "column", "0 0 0.1", "0 0 1")
    + joint("elbow", "column", "arm", "0 0 0.2", "0 1 0")
    + joint("wrist", "arm", "hand", "0.3 0 0", "0 1 0")
    + "</robot>"
)
# A thin plate beside the arm at home, and a table below it.
ZONES = {"plate": ([0.5, 0.004, 0.5], [0.4, 0.28, 0.4]), "table": ([0.5, 2.0, 0.1], [0.4, 0.0, 0.13])}
SHAPES = [Shape("box", tuple(size), pose_of(xyz, [0.0, 0.0, 0.0])) for size, xyz in ZONES.values()]
JUDGE = CollisionJudge(URDF, NAMES, pitch=0.02)
EVENTS = st.sampled_from(["wave", "wave", "wave", "fast", "goto", "servo", "brake", "stop", "reset"])


@pytest.fixture(scope="module")
def collision() -> CollisionModel:
    content = {
        "margin": {"distance_m": MARGIN_M, "reason": "test"},
        "keep_out": [{"name": name, "box_m": size, "xyz_m": xyz} for name, (size, xyz) in ZONES.items()],
    }
    return CollisionModel(URDF, NAMES, load_workspace(content))


def nearest(q: np.ndarray) -> float:
    return min(JUDGE.zone_distance(q, link, zone) for link in ("arm", "hand") for zone in SHAPES)


def watched(bench, seen):
    """Notes every tenth of what the controller was ever told to do."""
    receive = bench.controller.receive

    def noting(time, times, states):
        receive(time, times, states)
        if bench.controller.messages % 4 == 0:
            seen.extend(bench.controller.state(time + t)[0] for t in np.arange(0.0, times[-1], 0.03))

    bench.controller.receive = noting


def proposal(bench, event, number, amplitude, rate, phase):
    if event == "goto":
        return bench.goto(HOME + amplitude * np.array([1.0, 1.0, 0.5]), 0.2 + rate)
    if event == "servo":
        return bench.goto(bench.measured() + 0.05 * amplitude * np.array([1.0, 1.0, 1.0]), 0.1)
    return bench.wave(number, phase, amplitude=amplitude, rate=3.0 * rate if event == "fast" else rate)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(EVENTS, st.integers(3, 30), st.floats(-0.8, 0.8), st.floats(0.3, 3.0)), min_size=4, max_size=12)
)
def test_nothing_that_is_published_comes_near_a_zone(make_bench, collision, story):
    bench = make_bench(collision=collision, refusals_to_stop=1000)
    bench.arm()
    seen: list[np.ndarray] = []
    watched(bench, seen)
    phase = bench.ros_ns
    for number, (event, ticks, amplitude, rate) in enumerate(story, 1):
        if event == "stop":
            bench.gate.emergency_stop("test")
        elif event == "reset":
            bench.gate.reset(bench.now)
        elif event == "brake":
            bench.gate.submit(bench.goto(np.full(3, np.nan), 0.5), bench.now)
        else:
            bench.gate.submit(proposal(bench, event, number, amplitude, rate, phase), bench.now)
        bench.tick(ticks)
    bench.settle(2000)
    if seen:
        assert min(nearest(q) for q in seen) > MARGIN_M - LEAST_M


def test_a_plan_into_a_zone_is_followed_as_far_as_it_is_clear(make_bench, collision):
    bench = make_bench(collision=collision)
    bench.arm()
    verdict = bench.gate.submit(bench.goto(HOME + np.array([1.2, 0.0, 0.0]), 2.0), bench.now)
    assert (verdict.decision, verdict.rule, verdict.reason) == (Decision.HOLD, "collision", "keep_out")
    assert "'plate'" in verdict.detail
    bench.settle()
    assert bench.measured()[0] > HOME[0] + 0.1, "the good beginning is executed"
    assert nearest(bench.measured()) > MARGIN_M - LEAST_M
    away = bench.gate.submit(bench.goto(HOME, 2.0), bench.now)
    assert away.decision is Decision.PASS, away
    bench.settle()
    np.testing.assert_allclose(bench.measured(), HOME, atol=1e-6)


@pytest.mark.parametrize("kind", ["chunk", "command", "single"])
def test_every_kind_of_plan_is_looked_at(make_bench, collision, kind):
    bench = make_bench(collision=collision)
    bench.arm()
    down = np.array([0.1, 0.9, 0.2])
    if kind == "single":
        for step in range(400):  # a servo loop: each step short enough for the shortest way
            verdict = bench.gate.submit(bench.goto(HOME + [0.0, 0.005 * step, 0.0], 0.2), bench.now)
            bench.tick()
            if verdict.decision is Decision.HOLD:
                break
        assert step > 50, "it was never on its way"
    else:
        times = np.arange(1.0, 11.0) * 0.2
        points = HOME + (down - HOME) * (0.5 - 0.5 * np.cos(np.pi * times / 2.0))[:, None]
        plan = replace(bench.goto(down, 1.0), times_s=times, positions=points)
        if kind == "chunk":
            plan = replace(plan, trace=replace(plan.trace, chunk_id=1), t0_ns=bench.ros_ns)
        verdict = bench.gate.submit(plan, bench.now)
    assert (verdict.decision, verdict.reason) == (Decision.HOLD, "keep_out"), verdict
    assert "'table'" in verdict.detail
    bench.settle()
    assert nearest(bench.measured()) > MARGIN_M - LEAST_M


def test_what_another_rule_leaves_of_a_plan_is_looked_at_too(make_bench, collision):
    """Through the plate and on beyond a limit: the limit is found first, the plate comes first."""
    bench = make_bench(collision=collision)
    bench.arm()
    seen: list[np.ndarray] = []
    watched(bench, seen)
    times = np.arange(1.0, 11.0) * 0.2
    along = 2.5 * np.array([1.0, 0.0, 0.0])
    positions, velocities = HOME + np.outer((times / 2.0) ** 2, along), np.outer(times / 2.0, along)
    plan = replace(bench.goto(HOME, 1.0), times_s=times, positions=positions, velocities=velocities)
    verdict = bench.gate.submit(plan, bench.now)
    assert (verdict.decision, verdict.reason) == (Decision.HOLD, "position_limit"), verdict
    bench.settle()
    assert bench.measured()[0] > HOME[0] + 0.05, "the good beginning is executed"
    assert min(nearest(q) for q in [*seen, bench.measured()]) > MARGIN_M - LEAST_M


def test_no_controller_is_led_through_a_zone_to_where_the_arm_seems_to_be(make_bench, collision):
    bench = make_bench(collision=collision)
    bench.arm()
    bench.gate.submit(bench.goto(HOME + 0.02, 0.3), bench.now)
    bench.settle()
    bench.tick(80)
    sent = len(bench.commands)
    bench.stuck = HOME + [1.3, 0.0, 0.0]  # beyond the plate
    bench.tick(5)
    for _ in range(3):
        assert bench.gate.submit(bench.goto(HOME, 1.0), bench.now).reason == "arm_elsewhere"
        bench.tick(20)
    assert len(bench.commands) == sent
    bench.stuck = HOME - [0.2, 0.0, 0.0]  # on this side of it
    bench.tick(5)
    assert bench.gate.submit(bench.goto(HOME, 1.0), bench.now).reason == "arm_elsewhere"
    bench.tick(100)
    assert len(bench.commands) > sent
    assert bench.gate.submit(bench.goto(HOME, 1.0), bench.now).decision is Decision.PASS


def test_a_plan_that_no_rule_leaves_anything_of_is_refused(make_bench, collision):
    bench = make_bench(collision=collision)
    bench.arm()
    beside = bench.gate.submit(bench.goto(HOME + [1.2, 0.0, 0.0], 2.0), bench.now)
    assert beside.reason == "keep_out"
    bench.settle()
    bench.tick(80)
    sent = len(bench.commands)
    verdict = bench.gate.submit(bench.goto(bench.measured() + [2.5, 0.0, 0.0], 2.0), bench.now)
    assert verdict.reason == "position_limit"
    bench.tick(20)
    assert len(bench.commands) == sent


def test_a_servo_loop_in_the_open_takes_the_shortest_way(make_bench, collision):
    bench = make_bench(collision=collision)
    bench.arm()
    proven: list[object] = []
    rule = bench.gate._checker.collision
    check = rule.check
    rule.check = lambda *arguments: proven.append(arguments) or check(*arguments)  # type: ignore[method-assign]
    for step in range(60):
        target = HOME + 0.003 * np.sin(0.1 * step + np.arange(3.0))
        assert bench.gate.submit(bench.goto(target, 0.1), bench.now).decision is Decision.PASS
        bench.tick()
    assert not proven


def test_without_a_workspace_nothing_changes(bench):
    verdict = bench.gate.submit(bench.goto(HOME + np.array([1.2, 0.0, 0.0]), 2.0), bench.now)
    assert verdict.decision is Decision.PASS


def test_a_model_of_other_joints_is_refused(make_bench, collision, limits: JointLimits):
    reordered = limits.select(["elbow", "shoulder", "wrist"])
    with pytest.raises(LimitsError, match="shoulder"):
        replace(make_bench(collision=collision).config, limits=reordered)
