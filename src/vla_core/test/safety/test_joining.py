"""Joining a plan: without a jump, at the pace it allows, and only the part that is good."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.limits import JointLimits
from vla_core.safety.braking import Brake
from vla_core.safety.decision import PASSED, Decision, Verdict
from vla_core.safety.joining import EASINGS, JOINS_S, KNOT_GAP_S, SHORTEST_S, SLOWEST, Joiner
from vla_core.safety.rules.acceleration import AccelerationRule
from vla_core.safety.rules.jerk import JerkRule
from vla_core.safety.rules.position import PositionRule
from vla_core.safety.rules.stopping import StoppingRule
from vla_core.safety.rules.velocity import VelocityRule
from vla_core.safety.trajectory import Trajectory

ONE = np.ones(1)
LIMITS = JointLimits(("a",), ("rad",), -2 * ONE, 2 * ONE, 2 * ONE, 10 * ONE, 5000 * ONE, ONE)
START = 50.0


class Always:
    """A rule with a fixed answer per motion, by its first join."""

    name = "collision"

    def __init__(self, answer):
        self.answer = answer

    def check(self, motion, tails=True):
        return self.answer(motion)


class Room(Always):
    """A collision rule: ``answer`` for a motion with its stops, ``way`` for it alone."""

    def __init__(self, answer, way=None):
        super().__init__(answer)
        self.way = way

    def check(self, motion, tails=True):
        return self.answer(motion) if tails else self.way


def joiner(position=None, derivatives=None, stopping=None, collision=None):
    rules = (
        VelocityRule(("a",), LIMITS.velocity),
        AccelerationRule(("a",), LIMITS.acceleration),
        JerkRule(("a",), LIMITS.jerk),
    )
    return Joiner(
        position or PositionRule(LIMITS),
        rules if derivatives is None else derivatives,
        stopping or StoppingRule(LIMITS, Brake(LIMITS)),
        collision,
    )


def line(speed=0.5, first=0.0, until=0.8, gap=0.1, start=0.0):
    """A plan at constant speed with a knot every ``gap``."""
    times = np.arange(first, until + 1e-9, gap)
    states = np.zeros((len(times), 3, 1))
    states[:, 0, 0], states[:, 1, 0] = start + speed * (times - first), speed
    return Trajectory(times, states)


def answer(verdict):
    return verdict.decision.name, verdict.rule, verdict.reason, verdict.brakes


def test_a_plan_that_the_arm_already_follows_goes_on_as_it_is():
    plan = line()
    joined = joiner().join(plan.state(0.25), START, plan, 0.25, 1.0)
    assert joined.verdict is PASSED
    assert (joined.origin_s, joined.start_s, joined.scale) == (0.25, START, 1.0)
    assert joined.motion.start == START and joined.motion.end == pytest.approx(START + 0.55)
    for t in np.linspace(0.25, 0.8, 12):
        np.testing.assert_allclose(joined.motion.state(START + t - 0.25), plan.state(t), atol=1e-9)
    # the shortest join suffices, and the plan's own knots follow
    np.testing.assert_allclose(joined.motion.times - START, [0.0, JOINS_S[0], 0.15, 0.25, 0.35, 0.45, 0.55], atol=1e-9)


def test_a_plan_asked_to_go_slower_is_stretched_about_the_instant_of_joining():
    plan = line()
    reference = np.array([[0.125], [0.25], [0.0]])  # at half the speed
    joined = joiner().join(reference, START, plan, 0.25, 0.5)
    assert joined.verdict is PASSED and joined.scale == 0.5
    assert joined.motion.end == pytest.approx(START + 1.1)
    np.testing.assert_allclose(joined.motion.state(START + 0.5), [[0.25], [0.25], [0.0]], atol=1e-9)


def test_what_lies_behind_is_not_judged():
    """The plan was outside before the instant of joining, and too fast."""
    times = np.array([0.0, 0.1, 0.2, 0.4, 0.6])
    states = np.zeros((5, 3, 1))
    states[:, 0, 0] = [2.5, 0.1, 0.1, 0.15, 0.15]
    plan = Trajectory(times, states)
    assert joiner().join(plan.state(0.1), START, plan, 0.1, 1.0).verdict is PASSED
    assert joiner().join(plan.state(0.0), START, plan, 0.0, 1.0).verdict.reason == "position_limit"


def test_a_plan_that_begins_later_is_waited_for():
    plan = line(speed=0.0, first=0.3, start=0.2)
    joined = joiner().join(plan.states[0], START, plan, 0.1, 1.0)
    assert joined.verdict is PASSED
    np.testing.assert_allclose(joined.motion.times[:2] - START, [0.0, 0.2], atol=1e-9)
    assert joined.motion.end == pytest.approx(START + 0.7)


def test_a_plan_that_begins_at_once_gets_a_join_of_the_shortest_length():
    plan = line(speed=0.0, first=0.02, start=0.2)
    joined = joiner().join(plan.states[0], START, plan, 0.0, 1.0)
    np.testing.assert_allclose(joined.motion.times[1] - START, JOINS_S[0], atol=1e-9)


@pytest.mark.parametrize(("first", "lengths"), [(0.0, JOINS_S), (0.2, (0.2, *(0.2 + join for join in JOINS_S))),
                                                (0.02, (0.06, *(0.02 + join for join in JOINS_S)))])  # fmt: skip
def test_joins_are_tried_from_the_shortest_and_none_outlasts_the_plan(first, lengths):
    seen = []
    slow = Verdict(Decision.SLOW, scale=0.5)
    rule = Always(lambda motion: seen.append(motion) or slow if motion.start == START else None)
    plan = line(speed=0.0, first=first, until=first + 0.3, start=0.2)
    joined = joiner(derivatives=[rule]).join(plan.states[0], START, plan, 0.0, 1.0)
    assert joined.motion is None and joined.verdict.decision is Decision.HOLD
    expected = []
    for easing in EASINGS:
        stretched = first / easing
        wanted = [stretched + join for join in JOINS_S]
        if first:
            wanted.insert(0, max(stretched, JOINS_S[0]))
        expected += dict.fromkeys(min(length, (first + 0.3) / easing) for length in wanted)
    np.testing.assert_allclose([motion.times[1] - START for motion in seen], expected, atol=1e-6)
    assert tuple(expected[: len(lengths)]) == pytest.approx(
        [min(length, first + 0.3) for length in lengths][: len(lengths)]
    )
    for easing, motion in zip((EASINGS[0], EASINGS[-1]), (seen[0], seen[-1]), strict=True):
        assert motion.end == pytest.approx(START + (first + 0.3) / easing)


def test_knots_of_the_plan_just_behind_the_join_are_dropped():
    near = JOINS_S[0] + 0.9 * KNOT_GAP_S
    times = np.array([0.0, near, JOINS_S[0] + 1.5 * KNOT_GAP_S, 0.3, 0.5])
    plan = Trajectory(times, np.zeros((5, 3, 1)))
    joined = joiner().join(np.zeros((3, 1)), START, plan, 0.0, 1.0)
    np.testing.assert_allclose(joined.motion.times - START, [0.0, JOINS_S[0], times[2], 0.3, 0.5], atol=1e-9)
    assert KNOT_GAP_S == 5e-3


@pytest.mark.parametrize("left_s", [0.0, 1e-4, 5e-4, SHORTEST_S * 0.999])
def test_a_plan_of_which_nothing_is_left_is_expired_and_does_not_brake(left_s):
    """A plan may arrive within its last millisecond; it is answered, not an error of the gate."""
    plan = line()
    joined = joiner().join(plan.state(plan.end - left_s), START, plan, plan.end - left_s, 1.0)
    assert joined.motion is None
    assert answer(joined.verdict) == ("HOLD", "content_age", "chunk_expired", False)
    assert "0.000 s ago" in joined.verdict.detail
    assert (joined.verdict.value, joined.verdict.limit) == (pytest.approx(-left_s), 0.0)


def test_a_plan_that_ended_says_how_long_ago():
    verdict = joiner().join(np.zeros((3, 1)), START, line(until=0.5), 0.75, 1.0).verdict
    assert verdict.value == pytest.approx(0.25) and "0.250 s ago" in verdict.detail


def test_a_little_more_than_nothing_is_still_joined():
    plan = line(speed=0.0)
    joined = joiner().join(plan.states[0], START, plan, plan.end - 2 * SHORTEST_S, 1.0)
    assert joined.verdict is PASSED and joined.motion.end == pytest.approx(START + 2 * SHORTEST_S)


def test_a_violation_at_once_is_named_though_nothing_of_the_plan_is_left():
    plan = Trajectory(np.array([0.0, 0.5]), np.array([[[1.9], [0.0], [0.0]], [[2.5], [0.0], [0.0]]]))
    joined = joiner().join(plan.states[0], START, plan, 0.0, 1.0)
    assert joined.motion is None
    assert answer(joined.verdict) == ("HOLD", "joint_position", "position_limit", True)


def test_a_violation_later_leaves_the_plan_until_then():
    plan = line(speed=0.0, start=1.9)
    states = np.array(plan.states)
    states[6:, 0] = 2.5
    joined = joiner().join(states[0], START, Trajectory(plan.times, states), 0.0, 1.0)
    assert answer(joined.verdict)[:3] == ("HOLD", "joint_position", "position_limit")
    assert joined.motion.end == pytest.approx(START + 0.5)
    assert joined.verdict.until_s == pytest.approx(0.5)


def test_a_plan_too_fast_is_slowed_to_what_the_worst_rule_needs():
    plan = line(speed=4.0, until=0.3)
    reference = plan.state(0.0) * np.array([1.0, 0.5, 0.25])[:, None]
    joined = joiner().join(reference, START, plan, 0.0, 1.0)
    assert answer(joined.verdict)[:3] == ("SLOW", "joint_velocity", "velocity_limit")
    assert joined.verdict.scale == pytest.approx(0.5) and joined.scale == pytest.approx(0.5)
    slower = joiner().join(plan.state(0.0) * np.array([1.0, 0.25, 0.0])[:, None], START, plan, 0.0, 0.25)
    assert slower.scale == 0.25


@pytest.mark.parametrize(("needs", "refused"), [(SLOWEST, False), (np.nextafter(SLOWEST, 0.0), True)])
def test_a_plan_is_slowed_to_a_tenth_and_no_further(needs, refused):
    whole = line(speed=0.0)
    rule = Always(lambda motion: Verdict(Decision.SLOW, "r", "s", "too fast", 7.0, 3.0, scale=needs)
                  if motion.start == 0.0 else None)  # fmt: skip
    joined = joiner(derivatives=[rule, Always(lambda _: None)]).join(whole.states[0], START, whole, 0.0, 1.0)
    assert joined.verdict.decision is (Decision.HOLD if refused else Decision.SLOW)
    assert (joined.verdict.rule, joined.verdict.reason, joined.verdict.value, joined.verdict.limit) == (
        "r",
        "s",
        7.0,
        3.0,
    )
    if refused:
        assert joined.motion is None and "0.100 of its speed" in joined.verdict.detail
    else:
        assert joined.scale == needs


def test_a_join_that_fits_only_at_a_gentler_pace_says_why_it_is_slowed():
    plan = line(speed=0.0)
    cause = Verdict(Decision.SLOW, "r", "s", "d", 7.0, 3.0, scale=0.9)
    rule = Always(lambda motion: cause if motion.start == START and motion.end < START + 1.2 else None)
    joined = joiner(derivatives=[rule]).join(plan.states[0], START, plan, 0.0, 1.0)
    assert joined.scale == 0.6
    assert joined.verdict == Verdict(Decision.SLOW, "r", "s", "d", 7.0, 3.0, scale=0.6)
    assert joined.motion.end == pytest.approx(START + 0.8 / 0.6)


def test_a_longer_join_at_full_pace_is_not_called_slower():
    plan = line(speed=0.0)
    rule = Always(lambda motion: Verdict(Decision.SLOW, scale=0.9)
                  if motion.start == START and motion.times[1] < START + 0.2 else None)  # fmt: skip
    joined = joiner(derivatives=[rule]).join(plan.states[0], START, plan, 0.0, 1.0)
    assert joined.verdict is PASSED and joined.motion.times[1] == pytest.approx(START + 0.25)


def test_when_no_join_fits_the_longest_good_beginning_is_kept():
    plan = line(speed=0.0)
    good = {0.06: 0.2, 0.1: 0.5, 0.16: 0.5, 0.25: 0.3, 0.4: -np.inf}

    def until(motion):
        join = round(float(motion.times[1] - START), 2)
        left = good.get(join, 0.1) if motion.end < START + 0.9 else 0.1
        return Verdict(Decision.HOLD, "stopping", "stopping_distance", "x", until_s=START + left)

    joined = joiner(stopping=Always(until)).join(plan.states[0], START, plan, 0.0, 1.0)
    assert answer(joined.verdict)[:3] == ("HOLD", "stopping", "stopping_distance")
    assert joined.motion.end == pytest.approx(START + 0.5) and joined.motion.times[1] == pytest.approx(START + 0.1)
    assert (joined.origin_s, joined.start_s, joined.scale) == (0.0, START, 1.0)


def test_when_no_join_fits_and_none_leaves_anything_the_plan_is_refused_with_the_first_cause():
    plan = line(speed=0.0)
    answers = iter(range(100))
    rule = Always(lambda motion: Verdict(Decision.SLOW, "r", f"s{next(answers)}", "too fast", 7.0, 3.0, scale=0.9)
                  if motion.start == START else None)  # fmt: skip
    joined = joiner(derivatives=[rule]).join(plan.states[0], START, plan, 0.0, 1.0)
    assert joined.motion is None
    assert joined.verdict == Verdict(Decision.HOLD, "r", "s0", "no way onto the plan: too fast", 7.0, 3.0)


def test_a_join_that_breaks_a_derivative_is_never_asked_where_it_leads():
    plan = line(speed=0.0)
    asked = []
    rule = Always(lambda motion: Verdict(Decision.SLOW, scale=0.9) if motion.start == START else None)
    joiner(derivatives=[rule], stopping=Always(asked.append)).join(plan.states[0], START, plan, 0.0, 1.0)
    assert asked == []


def test_the_join_itself_must_stay_inside():
    plan = line(speed=0.0, start=1.99)
    reference = np.array([[1.99], [3.0], [0.0]])  # on its way out, and every join overshoots
    joined = joiner(derivatives=(), stopping=Always(lambda _: None)).join(reference, START, plan, 0.0, 1.0)
    assert answer(joined.verdict)[:3] == ("HOLD", "joint_position", "position_limit") and joined.motion is None


def test_the_way_must_be_clear_and_is_asked_about_once():
    plan = line(speed=0.0)
    asked = []
    clear = joiner(collision=Always(asked.append)).join(plan.states[0], START, plan, 0.0, 1.0)
    assert clear.verdict is PASSED and asked == [clear.motion]
    hold = Verdict(Decision.HOLD, "collision", "keep_out", "x", until_s=START + 0.3)
    blocked = Room(lambda motion: asked.append(motion) or hold, way=hold)
    asked.clear()
    joined = joiner(collision=blocked).join(plan.states[0], START, plan, 0.0, 1.0)
    assert joined.verdict is hold and joined.motion.end == pytest.approx(START + 0.3) and len(asked) == 1
    assert (joined.origin_s, joined.start_s, joined.scale) == (0.0, START, 1.0)
    none = Verdict(Decision.HOLD, "collision", "keep_out", "x")
    nothing = Room(lambda motion: none, way=none)
    assert joiner(collision=nothing).join(plan.states[0], START, plan, 0.0, 1.0).motion is None


def test_a_plan_whose_stops_alone_come_too_near_is_slowed():
    plan, asked = line(speed=0.0), []
    near = Verdict(Decision.HOLD, "collision", "keep_out", "a stop", 0.001, 0.002, until_s=START + 0.3)
    room = Room(lambda motion: asked.append(motion) or (near if motion.end < START + 1.2 else None))
    joined = joiner(collision=room).join(plan.states[0], START, plan, 0.0, 1.0)
    assert joined.verdict == Verdict(Decision.SLOW, "collision", "keep_out", "a stop", 0.001, 0.002, scale=0.6)
    assert joined.scale == 0.6 and joined.motion is asked[-1]
    assert [round(motion.end - START, 3) for motion in asked] == [0.8, 1.0, round(0.8 / 0.6, 3)], "once at each pace"


@pytest.mark.parametrize("left_s, scale, decision", [(0.39, 0.8, "SLOW"), (0.41, 1.0, "HOLD")])
def test_a_stop_that_comes_too_near_only_later_costs_no_speed_now(left_s, scale, decision):
    plan = line(speed=0.0)
    near = Verdict(Decision.HOLD, "collision", "keep_out", "a stop", until_s=START + left_s)
    room = Room(lambda motion: near if motion.end < START + 0.9 else None)
    joined = joiner(collision=room).join(plan.states[0], START, plan, 0.0, 1.0)
    assert (joined.verdict.decision.name, joined.scale) == (decision, scale)
    assert joined.motion.end == pytest.approx(START + (left_s if decision == "HOLD" else 1.0))


def test_a_plan_whose_stops_come_too_near_at_any_pace_is_followed_as_far_as_it_is_clear():
    plan = line(speed=0.0)
    left = {0.8: 0.3, 1.0: 0.38, 1.333: 0.35, 2.0: 0.2}

    def near(motion):
        until = left.get(round(motion.end - START, 3))
        return None if until is None else Verdict(Decision.HOLD, "collision", "keep_out", "x", until_s=START + until)

    joined = joiner(collision=Room(near)).join(plan.states[0], START, plan, 0.0, 1.0)
    assert answer(joined.verdict)[:3] == ("HOLD", "collision", "keep_out")
    assert joined.motion.end == pytest.approx(START + 0.38) and joined.scale == 0.8


@pytest.mark.parametrize("near_s, left_s", [(None, 0.3), (0.1, 0.1), (-np.inf, None)])
def test_what_another_rule_leaves_of_a_plan_is_asked_about_too(near_s, left_s):
    plan, asked = line(speed=0.0), []
    held = Verdict(Decision.HOLD, "stopping", "stopping_distance", "x", until_s=START + 0.3)
    near = None if near_s is None else Verdict(Decision.HOLD, "collision", "keep_out", "x", until_s=START + near_s)
    room = Always(lambda motion: asked.append(motion) or near)
    made = joiner(stopping=Always(lambda motion: held), collision=room)
    joined = made.join(plan.states[0], START, plan, 0.0, 1.0)
    assert joined.verdict is held and [motion.end for motion in asked] == [pytest.approx(START + 0.3)]
    assert (joined.motion is None) if left_s is None else joined.motion.end == pytest.approx(START + left_s)


def test_a_way_that_breaks_a_limit_is_not_asked_about():
    plan = line(speed=0.0)
    asked = []
    rule = Always(lambda motion: Verdict(Decision.SLOW, scale=0.9) if motion.start == START else None)
    joiner(derivatives=[rule], collision=Always(asked.append)).join(plan.states[0], START, plan, 0.0, 1.0)
    assert asked == []


def test_a_tenth_of_the_speed_may_be_asked_for():
    plan = line(speed=0.0)
    assert joiner().join(plan.states[0], START, plan, 0.0, SLOWEST).scale == SLOWEST
    less = joiner().join(plan.states[0], START, plan, 0.0, np.nextafter(SLOWEST, 0.0))
    assert answer(less.verdict)[:3] == ("HOLD", "speed", "speed_scale") and less.motion is None
