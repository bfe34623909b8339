"""The stopping rule against stops that are tried one by one."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.limits import JointLimits
from vla_core.safety.braking import Brake
from vla_core.safety.decision import Decision
from vla_core.safety.quintic import extremes
from vla_core.safety.rules.derivative import TOLERANCE
from vla_core.safety.rules.position import PositionRule
from vla_core.safety.rules.stopping import GRID, StoppingRule
from vla_core.safety.trajectory import Trajectory

LIMITS = JointLimits(
    ("a", "b", "c"), ("rad", "rad", "rad"), np.array([-1.0, -0.5, -np.inf]), np.array([0.5, 2.0, np.inf]),
    np.array([2.0, 1.0, 3.0]), np.array([10.0, 5.0, 20.0]), np.array([5e3, 5e3, 1e4]), np.ones(3),
)  # fmt: skip


def excess_of(state, start, ramp):
    """(J,): by how much one stop from one state exceeds position (of the range) or velocity (of the limit)."""
    times, knots = Brake(LIMITS).tails(np.zeros(1), state[None], ramp)
    bounds = extremes(times[0], knots[0], fine=False)
    lower, upper = PositionRule(LIMITS).bounds(start)
    out = []
    for j in range(3):
        over = max(float((lower[j] - bounds.lower[:, j]).max()), float((bounds.upper[:, j] - upper[j]).max()))
        over = over / float(upper[j] - lower[j]) if np.isfinite(upper[j]) else -np.inf
        fast = float(bounds.velocity[:, j].max()) / float(LIMITS.velocity[j])
        out.append(max(over - TOLERANCE, fast - 1.0 - TOLERANCE))
    return np.array(out)


def best_of(state, start):
    tried = [excess_of(state, start, ramp) for ramp in Brake(LIMITS).ramps]
    return tried[0] if tried[0].max() <= 0.0 else min(tried, key=lambda excess: excess.max())


def wander(seed):
    rng = np.random.default_rng(seed)
    times = np.cumsum(np.concatenate([[3.0], rng.uniform(0.05, 0.4, 5)]))
    states = (
        (0.1 + 0.3 * (seed % 4))
        * rng.normal(size=(6, 3, 3))
        * np.array([0.4, 0.9, 4.0])[:, None]
        * np.array([0.6, 0.5, 1.4])
    )
    return Trajectory(times, states)


def test_the_arm_has_two_ramps_to_try():
    assert len(Brake(LIMITS).ramps) == 2


@pytest.mark.parametrize("seed", range(40))
def test_it_finds_the_first_instant_from_which_no_stop_is_good(seed):
    motion = wander(seed)
    count = int(np.ceil((motion.end - motion.start) / GRID.value))
    grid = np.linspace(motion.start, motion.end, count + 1)
    start = motion.states[0, 0]
    excess = np.array([best_of(state, start) for state in motion.sample(grid)])
    bad = np.flatnonzero(excess.max(axis=1) > 0.0)
    verdict = StoppingRule(LIMITS, Brake(LIMITS)).check(motion)
    if not len(bad):
        assert verdict is None
        return
    first, joint = bad[0], int(np.argmax(excess[bad[0]]))
    assert (verdict.decision, verdict.rule, verdict.reason, verdict.limit) == (
        Decision.HOLD, "stopping", "stopping_distance", 0.0,
    )  # fmt: skip
    assert verdict.value == pytest.approx(excess[first, joint])
    assert verdict.until_s == (pytest.approx(grid[first - 1]) if first else -np.inf)
    assert f"begun at {grid[first]:.3f} s would take {LIMITS.joint_names[joint]} over" in verdict.detail


def test_the_wanderings_meet_every_outcome():
    """So that the sweep above shows something."""
    verdicts = [StoppingRule(LIMITS, Brake(LIMITS)).check(wander(seed)) for seed in range(40)]
    assert any(v is None for v in verdicts)
    assert any(v is not None and v.until_s == -np.inf for v in verdicts)
    assert any(v is not None and v.until_s > 3.1 for v in verdicts)
    for name in LIMITS.joint_names:
        assert any(v is not None and f"take {name} over" in v.detail for v in verdicts), name


@pytest.mark.parametrize("duration", [1e-3, 0.02, 0.021, 0.039, 0.041, 0.5])
def test_no_two_checked_instants_lie_further_apart_than_the_grid(duration):
    """A motion of 0.039 s is checked between its ends too."""
    seen = []

    class Spy(Brake):
        __slots__ = ()

        def tails(self, start, states, ramp):
            seen.append(states)
            return super().tails(start, states, ramp)

    states = np.zeros((2, 3, 3))
    states[1, 0] = 1e-4
    motion = Trajectory(np.array([5.0, 5.0 + duration]), states)
    assert StoppingRule(LIMITS, Spy(LIMITS)).check(motion) is None
    (checked,) = seen
    count = len(checked) - 1
    assert duration / count <= GRID.value * (1 + 1e-9)
    assert count == 1 or duration / count > GRID.value / 2
    np.testing.assert_allclose(checked, motion.sample(np.linspace(5.0, 5.0 + duration, count + 1)), atol=1e-12)


def test_a_motion_of_one_knot_is_judged_there():
    fast = np.zeros((1, 3, 3))
    fast[0, 0, 0], fast[0, 1, 0] = 0.49, 1.9
    rule = StoppingRule(LIMITS, Brake(LIMITS))
    assert rule.check(Trajectory(np.array([1.0]), fast)).until_s == -np.inf
    assert rule.check(Trajectory(np.array([1.0]), 0.0 * fast)) is None


def test_an_arm_that_starts_a_little_outside_may_be_led_back():
    states = np.zeros((2, 3, 3))
    states[:, 0, 0] = [0.55, 0.45]
    motion = Trajectory(np.array([0.0, 1.0]), states)
    rule = StoppingRule(LIMITS, Brake(LIMITS))
    assert rule.check(motion) is None
    assert rule.check(Trajectory(motion.times, states[::-1].copy())) is not None


def test_one_ramp_must_do_for_all_joints():
    """Joint a is stopped in time only by the one ramp, joint b only by the other: that is no stop."""

    class Rule(StoppingRule):
        def _tail_excess(self, states, start, ramp):
            gentle = ramp == self._brake.ramps[0]
            return np.tile([[0.3, -1.0, -1.0]] if gentle else [[-1.0, 0.2, -1.0]], (len(states), 1))

    verdict = Rule(LIMITS, Brake(LIMITS)).check(Trajectory.at_rest(0.0, np.zeros(3)))
    assert verdict.value == 0.2 and "take b over" in verdict.detail


@pytest.mark.parametrize(("shorter", "value"), [(0.5, 0.3), (0.1, 0.1), (0.3, 0.3)])
def test_the_better_of_two_stops_is_reported(shorter, value):
    class Rule(StoppingRule):
        def _tail_excess(self, states, start, ramp):
            gentle = ramp == self._brake.ramps[0]
            return np.tile([[0.3, -1.0, -1.0]] if gentle else [[-1.0, shorter, -1.0]], (len(states), 1))

    verdict = Rule(LIMITS, Brake(LIMITS)).check(Trajectory.at_rest(0.0, np.zeros(3)))
    assert verdict.value == value and f"take {'b' if shorter < 0.3 else 'a'} over" in verdict.detail


@pytest.mark.parametrize("ramp", [0, 1])
def test_the_excess_of_every_joint_of_every_stop_is_exact(ramp):
    """Slow motions beside both ends of the ranges, so that places decide, and fast ones, so that speeds do."""
    rng = np.random.default_rng(5)
    states = rng.normal(size=(24, 3, 3)) * np.array([0.02, 0.3, 1.0])[:, None]
    states[:8, 0] += [-0.98, -0.48, 7.0]
    states[8:16, 0] += [0.48, 1.98, -7.0]
    states[16:, 1] *= 6.0
    for start in (np.zeros(3), np.array([-1.05, 2.05, 0.0])):
        got = StoppingRule(LIMITS, Brake(LIMITS))._tail_excess(states, start, Brake(LIMITS).ramps[ramp])
        np.testing.assert_allclose(got, [excess_of(state, start, Brake(LIMITS).ramps[ramp]) for state in states])
        assert (got[:16] > 0.0).any() and (got[:16] < 0.0).any()


def test_the_stops_of_one_state_are_not_compared_with_those_of_another():
    class Rule(StoppingRule):
        def _tail_excess(self, states, start, ramp):
            gentle = ramp == self._brake.ramps[0]
            worst = [0.3, 0.5] if gentle else [0.35, 0.4]
            return np.array([[value, -1.0, -1.0] for value in worst])

    states = np.zeros((2, 3, 3))
    verdict = Rule(LIMITS, Brake(LIMITS)).check(Trajectory(np.array([0.0, 0.02]), states))
    assert verdict.value == 0.3
