"""Whatever is proposed, and whatever happens: each message ends at rest, inside limits, from where the last one is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vla_core.chunking import ChunkScheduler
from vla_core.safety.decision import Decision
from vla_core.types import JointPlan

HOME = np.array([0.1, -0.4, 0.2])
EVENTS = st.sampled_from(
    ["wave", "wave", "wave", "fast", "jump", "nan", "goto", "servo", "stop", "reset", "clock", "blind", "late"]
)


def proposal(bench, event, number, draw, phase):
    amplitude, rate = draw
    if event == "goto":
        return bench.goto(HOME + amplitude * np.array([1.0, -1.0, 0.5]), 0.2 + rate)
    if event == "servo":
        return bench.goto(bench.measured() + 0.02 * amplitude, 0.1)
    chunk = bench.wave(number, phase, amplitude=amplitude, rate=3.0 * rate if event == "fast" else rate)
    if event == "jump":
        return replace(chunk, positions=chunk.positions + amplitude)
    if event == "nan":
        return replace(chunk, velocities=chunk.velocities * np.nan)
    if event == "late":
        return replace(chunk, t0_ns=bench.ros_ns - 400_000_000)
    return chunk


def disturb(bench, event):
    if event == "stop":
        bench.gate.emergency_stop("test")
    elif event == "reset":
        bench.gate.reset(bench.now)
    elif event == "clock":
        bench.ros_ns += 700_000_000
    elif event == "blind":
        bench.blind = not bench.blind


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(EVENTS, st.integers(1, 40), st.floats(-1.2, 1.2), st.floats(0.3, 3.0)), min_size=3, max_size=14)
)
def test_nothing_that_happens_breaks_a_limit(make_bench, story):
    bench = make_bench(refusals_to_stop=4)
    bench.arm()
    phase = bench.ros_ns
    for number, (event, ticks, amplitude, rate) in enumerate(story, 1):
        if event in ("stop", "reset", "clock", "blind"):
            disturb(bench, event)
        else:
            bench.gate.submit(proposal(bench, event, number, (amplitude, rate), phase), bench.now)
        bench.tick(ticks)
    bench.blind = False
    bench.settle(2000)
    if bench.controller.messages:
        bench.assert_limits_kept()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(-0.9, 0.9), st.floats(0.3, 8.0), st.integers(1, 60))
def test_a_stop_keeps_its_promise_at_any_moment(make_bench, amplitude, rate, moment):
    bench = make_bench()
    bench.arm()
    phase = bench.ros_ns
    for number in range(1, 4):
        bench.gate.submit(bench.wave(number, phase, amplitude=amplitude, rate=rate), bench.now)
        bench.tick(moment)
    bench.gate.emergency_stop("test")
    begun = bench.time
    if bench.gate.moving(bench.now):
        bench.settle()
    assert bench.time - begun <= bench.config.promised_stop_s + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_what_the_scheduler_plans_passes_unrepaired(make_bench, limits, seed):
    """The planner clamps, the gate rejects: written separately, they agree on what is allowed."""
    bench = make_bench()
    bench.arm()
    rng = np.random.default_rng(seed)
    scheduler = ChunkScheduler(limits)
    scheduler.reset(bench.measured(), bench.ros_ns)
    names = limits.joint_names
    decisions = []
    goal = HOME
    for number in range(1, 31):
        if number % 6 == 1:
            goal = rng.uniform(0.7 * limits.lower, 0.7 * limits.upper)
        here, t0 = bench.measured(), bench.ros_ns
        times = 0.1 * np.arange(1.0, 9.0)
        step = np.clip(goal - here, -0.5, 0.5)
        wish = JointPlan(names, t0, times, here + step * times[:, None] + rng.normal(0.0, 0.002, (8, 3)))
        bench.tick(int(rng.integers(4, 12)))  # inference
        plan = scheduler.add(wish, bench.ros_ns)
        assert isinstance(plan, JointPlan)
        chunk = bench.wave(
            number, t0, times_s=plan.times_s, positions=plan.positions, velocities=plan.velocities,
            accelerations=plan.accelerations, t0_ns=t0,
        )  # fmt: skip
        prepared = bench.gate.check(chunk, bench.now, 0.01)
        answer = bench.gate.install(prepared, bench.now)
        decisions.append(answer.decision)
        bench.tick(int(rng.integers(10, 25)))
    bench.settle()
    bench.assert_limits_kept()
    assert decisions.count(Decision.PASS) == len(decisions), bench.gate.status()
