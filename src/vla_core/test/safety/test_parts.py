"""The small parts: verdicts, latch, sources, grip, configuration, planning."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from vla_core.errors import LimitsError
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import PASSED, Decision, Verdict, worst
from vla_core.safety.grip import Grip
from vla_core.safety.planning import SPACING_S, plan_of, thinned
from vla_core.safety.proposal import SOURCE_CHUNK, Proposal, Trace
from vla_core.safety.sources import SourceRule
from vla_core.safety.trajectory import Trajectory


def test_the_most_restrictive_verdict_wins():
    slow, slower = (Verdict(Decision.SLOW, scale=s) for s in (0.8, 0.5))
    short, long = (Verdict(Decision.HOLD, until_s=t) for t in (0.1, 0.5))
    gentle = Verdict(Decision.HOLD, brakes=False)
    stop = Verdict(Decision.STOP)
    assert worst([]) is PASSED and worst([None, PASSED]) is PASSED
    assert worst([slow, slower, slow]) is slower
    assert worst([long, slower, short]) is short
    assert worst([gentle, long]) is long
    assert worst([short, stop, slow]) is stop


def test_one_source_at_a_time():
    rule = SourceRule(0.2)
    assert rule.check("a", 0.0) is None
    rule.take("a", 1.0)
    assert rule.check("a", 0.5) is None
    busy = rule.check("b", 1.19)
    assert (busy.decision, busy.rule, busy.reason, busy.brakes) == (Decision.HOLD, "source", "source_busy", False)
    assert busy.detail.startswith("a has the gate")
    assert rule.check("b", 1.2) is None
    rule.shorten(0.5)
    assert rule.check("b", 0.69) is not None
    assert rule.check("b", 0.7) is None
    rule.shorten(0.9)
    assert rule.check("b", 0.7) is None
    rule.take("a", 1.0)
    rule.release()
    assert rule.check("b", 0.0) is None


def test_the_gripper_follows_its_plan_at_its_own_speed(gripper):
    grip = Grip(gripper)
    assert grip.advance(0.0, 0.01) is None
    grip.install(np.array([0.0, 0.1]), np.array([0.0, 0.0]), 0.02)
    assert grip.value == 0.02
    values = [grip.advance(0.01 * k, 0.01) for k in range(1, 16)]
    assert values[:2] == pytest.approx([0.018, 0.016]) and values[-1] == 0.0
    grip.freeze()
    assert grip.advance(1.0, 0.01) == 0.0
    grip.install(np.array([0.0]), np.array([0.05]), 0.03)
    assert grip.advance(1.0, 0.05) == pytest.approx(0.01)  # from its own set-point, not from what is measured now
    assert grip.advance(1.0, 10.0) == pytest.approx(0.04)
    assert grip.advance(1.0, -1.0) == pytest.approx(0.04)


def test_a_gripper_plan_that_is_given_up_is_not_followed_any_further(gripper):
    grip = Grip(gripper)
    grip.install(np.array([0.0, 1.0]), np.array([0.0, 0.04]), None)
    assert grip.advance(0.5, 10.0) == pytest.approx(0.02)
    grip.freeze()
    assert grip.advance(1.0, 10.0) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("measured", "first"), [(None, 0.01), (0.03, 0.03), (-0.2, 0.0), (0.2, 0.04), (0.0, 0.0), (0.04, 0.04)]
)
def test_a_gripper_starts_where_it_is_measured_or_at_its_first_set_point(gripper, measured, first):
    grip = Grip(gripper)
    grip.install(np.array([0.0, 0.1, 0.2]), np.array([0.01, 0.02, 0.035]), measured)
    assert grip.value == first


def test_the_way_left_is_the_furthest_that_the_plan_still_goes(gripper):
    grip = Grip(gripper)
    assert grip.way_left(0.0) == 0.0
    grip.install(np.array([1.0, 2.0, 3.0]), np.array([0.01, 0.04, 0.02]), 0.015)
    assert grip.way_left(0.0) == pytest.approx(0.025)
    assert grip.way_left(2.0) == pytest.approx(0.005)  # the point at 2 s is not ahead any more
    assert grip.way_left(3.0) == 0.0
    grip.freeze()
    assert grip.way_left(0.0) == 0.0
    grip.install(np.array([1.0]), np.array([0.005]), None)
    assert grip.way_left(0.0) == pytest.approx(0.01)


def test_a_grip_is_of_one_joint(limits):
    with pytest.raises(ValueError, match="too many"):
        Grip(limits)


@pytest.mark.parametrize("share", [0.0, -1.0, 1.1])
def test_a_brake_share_is_a_share(limits, share):
    with pytest.raises(LimitsError, match="brake_share"):
        GateConfig(limits, brake_share=share)


@pytest.mark.parametrize("share", [0.0, -1.0, 1.1])
def test_an_effort_share_is_a_share(limits, share):
    with pytest.raises(LimitsError, match="effort_share"):
        GateConfig(limits, effort_share=share)


def test_a_promise_that_cannot_be_kept_is_refused(limits):
    with pytest.raises(LimitsError, match="cannot be kept by 'shoulder'"):
        GateConfig(limits, promised_stop_s=0.1)


@pytest.mark.parametrize("names", [("elbow", "shoulder", "wrist"), ("shoulder", "elbow")])
def test_the_collision_model_is_of_the_same_joints(limits, names):
    with pytest.raises(LimitsError, match="collision model has the joints"):
        GateConfig(limits, collision=SimpleNamespace(joint_names=names))
    assert GateConfig(limits, collision=SimpleNamespace(joint_names=limits.joint_names)).limits is limits


def test_a_gripper_has_one_joint(limits):
    with pytest.raises(LimitsError, match="one joint"):
        GateConfig(limits, limits)


def chunk(times, positions, velocities=None):
    return Proposal(Trace(SOURCE_CHUNK, 1), ("a",), np.array(times), np.array(positions), velocities)


def test_dense_plans_are_thinned_when_that_changes_nothing():
    times = np.arange(0.02, 1.0, 0.02)
    states = np.stack([np.sin(times), np.cos(times), -np.sin(times)], axis=1)[:, :, None]
    dense = Trajectory(times, states)
    sparse = thinned(dense)
    assert np.diff(sparse.times).min() >= SPACING_S - 1e-6
    assert (sparse.start, sparse.end) == (dense.start, dense.end)
    np.testing.assert_allclose(sparse.sample(times)[:, 0], states[:, 0], atol=1e-4)


def test_a_rough_plan_keeps_its_points():
    times = np.arange(0.02, 0.4, 0.02)
    states = np.zeros((len(times), 3, 1))
    states[1::2, 0, 0] = 0.01
    assert len(thinned(Trajectory(times, states)).times) == len(times)


def test_a_plan_of_one_point():
    plan = plan_of(chunk([0.5], [[1.0]]))
    assert (plan.start, plan.end) == (0.5, 0.5) and plan.ends_at_rest
    moving = plan_of(chunk([0.5], [[1.0]], np.array([[0.3]])))
    assert not moving.ends_at_rest


def test_a_plan_of_positions_is_a_spline_to_rest():
    plan = plan_of(chunk([0.1, 0.3, 0.5], [[0.0], [0.1], [0.2]]))
    assert plan.ends_at_rest
    assert plan.states[0, 1, 0] == pytest.approx(0.5)
