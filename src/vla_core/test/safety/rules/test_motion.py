"""Rules about a motion: position, velocity, acceleration, jerk, stopping; swept across their limits."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.braking import Brake
from vla_core.safety.decision import Decision
from vla_core.safety.rules.acceleration import AccelerationRule
from vla_core.safety.rules.jerk import JerkRule
from vla_core.safety.rules.position import RECOVERY, PositionRule
from vla_core.safety.rules.stopping import StoppingRule
from vla_core.safety.rules.velocity import VelocityRule
from vla_core.safety.trajectory import Trajectory

RULES = {"velocity": VelocityRule, "acceleration": AccelerationRule, "jerk": JerkRule}


def move(start, end, duration):
    """From rest to rest; the quintic's peaks are 15/8, 10/sqrt(3) and 60 over the powers of its duration."""
    rest = np.zeros(len(start))
    states = np.array([[start, rest, rest], [end, rest, rest]])
    return Trajectory(np.array([0.0, duration]), states)


PEAKS = {"velocity": 15 / 8, "acceleration": 10 / np.sqrt(3), "jerk": 60.0}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("joint", range(3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_swept_across_the_limit(limits, name, joint, sign):
    order = list(PEAKS).index(name) + 1
    limit = getattr(limits, name)[joint]
    rule = RULES[name](limits.joint_names, getattr(limits, name))
    for factor in (0.5, 0.95, 1.0001, 1.02, 1.5, 3.0):
        duration = 0.5
        step = np.zeros(3)
        step[joint] = sign * factor * limit * duration**order / PEAKS[name]
        verdict = rule.check(move(np.zeros(3), step, duration))
        if factor < 0.99:
            assert verdict is None
            continue
        assert verdict is not None and verdict.decision is Decision.SLOW
        assert verdict.reason == f"{name}_limit" and limits.joint_names[joint] in verdict.detail
        assert verdict.value == pytest.approx(factor * limit, rel=0.04) and verdict.limit == limit
        slower = move(np.zeros(3), step, duration / verdict.scale)
        assert rule.check(slower) is None
        assert verdict.scale == pytest.approx(factor ** (-1 / order), rel=0.03)


@pytest.mark.parametrize("joint", range(3))
@pytest.mark.parametrize("side", ["lower", "upper"])
def test_position_swept_across_the_limit(limits, joint, side):
    bound = getattr(limits, side)[joint]
    rule = PositionRule(limits)
    for over, good in ((-1e-3, True), (0.0, True), (1e-4, False), (1.0, False)):
        target = np.zeros(3)
        target[joint] = bound + np.sign(bound) * over
        verdict = rule.check(move(np.zeros(3), target, 2.0))
        assert (verdict is None) is good
        if not good:
            assert (verdict.decision, verdict.reason, verdict.limit) == (Decision.HOLD, "position_limit", bound)


def test_between_the_samples_counts_too(limits):
    """Both knots lie inside; the quintic between them does not."""
    states = np.zeros((2, 3, 3))
    states[0, 0, 2], states[1, 0, 2] = 0.95, 0.95
    states[0, 1, 2], states[1, 1, 2] = 1.0, -1.0
    assert PositionRule(limits).check(Trajectory(np.array([0.0, 0.5]), states)).reason == "position_limit"


def test_what_comes_before_a_violation_is_good(limits):
    states = np.zeros((4, 3, 3))
    states[:, 0, 2] = [0.0, 0.3, 0.6, 1.4]
    verdict = PositionRule(limits).check(Trajectory(np.arange(4.0), states))
    assert verdict.until_s == 2.0


def test_an_arm_just_outside_may_come_back_but_not_leave(limits):
    outside = np.array([0.0, 0.0, 1.0 + 0.5 * RECOVERY.value])
    rule = PositionRule(limits)
    assert rule.check(move(outside, np.zeros(3), 2.0)) is None
    assert rule.check(move(outside, outside + np.array([0.0, 0.0, 0.01]), 2.0)) is not None
    assert rule.check(move(np.array([0.0, 0.0, 1.0 + 2 * RECOVERY.value]), np.zeros(3), 2.0)) is not None


def test_a_motion_of_one_knot_breaks_nothing(limits):
    still = Trajectory.at_rest(0.0, np.zeros(3))
    assert PositionRule(limits).check(still) is None
    assert all(rule(limits.joint_names, limits.velocity).check(still) is None for rule in RULES.values())


def ramp_toward_limit(speed, until):
    """Joint 2 at constant speed; at ``until`` it is where it is."""
    times = np.array([0.0, until])
    states = np.zeros((2, 3, 3))
    states[:, 0, 2], states[:, 1, 2] = [0.0, speed * until], speed
    return Trajectory(times, states)


def test_a_motion_that_could_not_be_stopped_in_time_is_good_until_then(limits):
    rule = StoppingRule(limits, Brake(limits))
    speed = 2.0
    distance = speed**2 / (2 * 20.0) + 0.5 * speed * 0.03  # braking at 20 rad/s^2, and half of each ramp
    assert rule.check(ramp_toward_limit(speed, (1.0 - 1.5 * distance) / speed)) is None
    verdict = rule.check(ramp_toward_limit(speed, 0.5))
    assert (verdict.decision, verdict.reason) == (Decision.HOLD, "stopping_distance")
    assert (1.0 - 1.6 * distance) / speed < verdict.until_s < (1.0 - 0.7 * distance) / speed


def test_nothing_is_good_when_it_starts_too_late_to_stop(limits):
    motion = ramp_toward_limit(2.4, 0.1)
    states = np.array(motion.states)
    states[:, 0, 2] += 0.95
    verdict = StoppingRule(limits, Brake(limits)).check(Trajectory(motion.times, states))
    assert verdict.until_s == -np.inf
