"""The stream: what is committed keeps every limit, ends at rest, and reaches no further than it must."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.limits import JointLimits
from vla_core.safety.braking import Brake
from vla_core.safety.decision import PASSED, Decision, Verdict
from vla_core.safety.quintic import extremes
from vla_core.safety.rules.acceleration import AccelerationRule
from vla_core.safety.rules.jerk import JerkRule
from vla_core.safety.rules.position import PositionRule
from vla_core.safety.rules.velocity import VelocityRule
from vla_core.safety.stream import KNOT_GAP_S, NEAREST_S, SHARES, Stream, StreamConfig, _less
from vla_core.safety.trajectory import Trajectory

ONE = np.ones(2)
NAMES = ("a", "b")
WIDE = {"lower": -50 * ONE, "upper": 50 * ONE, "velocity": 1e3 * ONE, "acceleration": 1e4 * ONE, "jerk": 1e7 * ONE}
T0 = 20.0


def make(config=None, collision=None, **limits):
    fields = {"lower": -2 * ONE, "upper": 2 * ONE, "velocity": 2 * ONE, "acceleration": 10 * ONE, "jerk": 5e3 * ONE}
    lim = JointLimits(NAMES, ("rad", "rad"), effort=ONE, **{**fields, **limits})
    rules = (
        VelocityRule(NAMES, lim.velocity),
        AccelerationRule(NAMES, lim.acceleration),
        JerkRule(NAMES, lim.jerk),
    )
    stream = Stream(lim, Brake(lim), PositionRule(lim), rules, config or StreamConfig(), collision)
    stream.settle(T0, np.zeros(2))
    return stream


def move(start, end, duration, at=T0):
    """From rest to rest."""
    states = np.zeros((2, 3, 2))
    states[0, 0], states[1, 0] = start, end
    return Trajectory(np.array([at, at + duration]), states)


def cruise(speed=0.5, duration=2.0, gap=0.1, ramp=0.2):
    """From rest up to ``speed``, knots every ``gap``; it ends in motion."""
    times = np.concatenate([[0.0], np.arange(ramp, duration + 1e-9, gap)])
    states = np.zeros((len(times), 3, 2))
    states[1:, 0] = (speed * (times[1:] - 0.5 * ramp))[:, None]
    states[1:, 1] = speed
    return Trajectory(T0 + times, states)


def follow(stream, until, step=0.01):
    """Tick to ``until`` as the gate does."""
    for time in np.arange(T0, until + 1e-9, step):
        stream.advance(float(time))
        stream.message(float(time))


def test_it_begins_at_rest_with_nothing_to_do():
    limits = JointLimits(NAMES, ("rad", "rad"), effort=ONE, **WIDE)
    stream = Stream(limits, Brake(limits), PositionRule(limits), (), StreamConfig())
    assert stream.plan is None and not stream.following and not stream.moving(-1.0) and not stream.moving(1.0)
    assert stream.committed.times.tolist() == [0.0] and not stream.committed.states.any()
    stream.give_up()
    stream.advance(1.0)
    assert stream.committed.times.tolist() == [0.0]


def test_settling_forgets_the_plan():
    stream = make()
    stream.install(cruise(), T0)
    follow(stream, T0 + 0.5)
    stream.settle(T0 + 1.0, np.array([0.3, -0.3]))
    assert stream.plan is None and not stream.moving(T0 + 1.0) and not stream.following
    np.testing.assert_array_equal(stream.committed.states, [[[0.3, -0.3], [0, 0], [0, 0]]])
    assert stream.committed.start == T0 + 1.0


def test_it_moves_while_there_is_a_plan_or_something_committed_is_not_over():
    stream = make()
    motion = move(0.0, 0.1, 0.3)
    stream.install_whole(motion)
    assert stream.moving(T0 - 1.0) and stream.following
    stream.advance(T0)
    assert stream.moving(T0) and stream.moving(T0 + 5.0)  # until the plan is let go
    stream.advance(T0 + 0.3)
    assert stream.plan is None and not stream.following
    assert stream.moving(np.nextafter(T0 + 0.3, 0.0)) and not stream.moving(T0 + 0.3)


def test_a_short_motion_is_sent_as_it_is():
    stream = make()
    motion = move(0.0, 0.1, 0.3)
    stream.install_whole(motion)
    stream.advance(T0)
    assert stream.committed is motion and stream.plan is motion
    message = stream.message(T0)
    np.testing.assert_allclose(message.times, [0.3], atol=1e-12)
    np.testing.assert_array_equal(message.states, motion.states[1:])
    stream.advance(T0 + 0.01)
    assert stream.committed is motion  # needs no extension
    after = stream.message(T0 + 0.02)
    np.testing.assert_allclose(after.times, [0.28], atol=1e-12)
    assert stream.committed.start == T0 + 0.02 and stream.plan is stream.committed
    stream.advance(T0 + 0.29)
    assert stream.plan is not None
    stream.advance(T0 + 0.3)
    assert stream.plan is None


def test_a_short_motion_that_was_not_sent_at_its_start_is_extended_from_where_the_arm_is():
    stream = make()
    motion = move(0.0, 0.1, 0.3)
    stream.install_whole(motion)
    stream.advance(T0 + 0.05)
    assert stream.committed is not motion
    np.testing.assert_array_equal(stream.committed.states[0], 0.0)
    np.testing.assert_allclose(stream.committed.states[-1, 0], 0.1, atol=1e-12)


def test_a_plan_installed_at_its_own_start_is_followed_by_the_horizon_alone():
    stream = make()
    plan = move(0.0, 1.5, 2.0)
    stream.install(plan, T0)
    stream.advance(T0)
    assert stream.committed is not plan
    assert T0 + 0.3 < stream.committed.end < T0 + 0.3 + Brake(stream._limits).longest()[0]
    for t in np.linspace(0.0, 0.3, 7):
        np.testing.assert_allclose(stream.committed.state(T0 + t)[0], plan.state(T0 + t)[0], atol=2e-3)
    assert stream.committed.ends_at_rest and np.abs(plan.state(T0 + 0.3)[1]).min() > 0.1


def test_a_plan_that_begins_later_is_led_up_to_by_what_is_committed():
    stream = make()
    stream.install(cruise(), T0)
    follow(stream, T0 + 0.5)
    now, before = T0 + 0.5, stream.committed
    later = Trajectory(
        np.array([now + 0.1, now + 0.6]), np.stack([before.state(now + 0.1), [[0.6, 0.6], [0, 0], [0, 0]]])
    )
    stream.install(later, now)
    assert stream.plan.start == now
    np.testing.assert_allclose(stream.plan.state(now + 0.05), before.state(now + 0.05), atol=1e-9)
    np.testing.assert_array_equal(stream.plan.state(now + 0.6), later.state(now + 0.6))
    assert stream.plan.durations.min() > 1e-3


@pytest.mark.parametrize("beside_s", [-1e-3, -1e-9, 0.0, 1e-9, 5e-7])
def test_a_plan_that_begins_beside_now_gets_no_lead(beside_s):
    stream = make()
    plan = move(0.0, 0.5, 1.0, at=T0 + 1.0 + beside_s)
    stream.install(plan, T0 + 1.0)
    np.testing.assert_array_equal(stream.plan.times, plan.times)


def test_a_plan_that_ends_in_motion_is_followed_to_its_end_and_then_braked():
    stream = make()
    plan = cruise(duration=0.6)
    stream.install(plan, T0)
    follow(stream, T0 + 0.5)
    assert stream.committed.ends_at_rest and stream.committed.end > plan.end
    np.testing.assert_allclose(stream.committed.state(plan.end)[1], 0.5, atol=0.02)
    for time in [*np.arange(T0 + 0.51, plan.end - 0.005, 0.01), plan.end, plan.end + 0.01, plan.end + 0.1]:
        stream.advance(float(time))
        stream.message(float(time))
        assert (stream.plan is None) is bool(time >= plan.end)
    assert stream.committed.end < plan.end + 0.2


def test_a_plan_that_nobody_can_follow_is_given_up_after_the_horizon():
    """Twice the speed that is allowed: nothing of it is ever committed, and waiting for it ends."""
    stream = make()
    plan = cruise(speed=4.0, ramp=0.01)
    stream.install(plan, T0)
    for time, there in ((0.0, True), (0.1, True), (0.299, True), (0.3, False)):
        stream.advance(T0 + time)
        assert (stream.plan is not None) is there
    assert not stream.committed.states.any()


def test_what_cannot_be_followed_any_further_is_given_up_when_what_is_committed_ends():
    stream = make()
    times = T0 + np.arange(0.0, 2.0, 0.1)
    states = np.zeros((len(times), 3, 2))
    states[5:, 0] = 1.0  # a jump at 0.5 s
    stream.install(Trajectory(times, states), T0)
    follow(stream, T0 + 0.45)
    assert stream.plan is not None
    end = stream.committed.end
    follow(stream, end + 0.02)
    assert stream.plan is None and np.abs(stream.committed.states[-1, 0]).max() < 0.05


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_what_is_not_finite_is_never_committed(broken):
    stream = make()
    motion = move(0.0, 0.1, 0.5)
    stream.install(motion, T0)
    stream.judge = lambda motion: PASSED
    assert stream._keeps_limits(motion)
    for index in [(0, 0, 1), (0, 1, 0), (0, 2, 1), (1, 0, 0)]:
        states = np.array(motion.states)
        states[index] = broken
        assert stream._keeps_limits(Trajectory(motion.times, states)) is False


def test_what_ends_in_motion_is_never_committed():
    stream = make()
    stream.install(cruise(), T0)
    assert not stream._keeps_limits(cruise())
    for row in (1, 2):
        states = np.zeros((2, 3, 2))
        states[1, row, 1] = 1e-3
        assert not stream._keeps_limits(Trajectory(np.array([T0, T0 + 1.0]), states))


@pytest.mark.parametrize("joint", [0, 1])
@pytest.mark.parametrize("name", ["lower", "upper", "velocity", "acceleration", "jerk"])
def test_the_coarse_bounds_suffice_only_when_every_joint_is_inside_every_limit(name, joint):
    """The tight bounds refuse here, so that what passes has passed the coarse ones."""
    way = np.zeros(2)
    way[joint] = -1.0 if name == "lower" else 1.0
    for start, end in ((np.zeros(2), way), (way, way)) if name in ("lower", "upper") else ((np.zeros(2), way),):
        motion = move(start, end, 1.0)
        reach = np.abs(getattr(extremes(motion.times, motion.states, fine=False), name)).max()
        for factor, good in ((0.99, False), (1.0, True), (1.2, True)):
            bound = np.array(WIDE[name])
            bound[joint] = np.sign(bound[joint]) * factor * reach
            stream = make(**{**WIDE, name: bound})
            stream.install(motion, T0)
            stream.judge = lambda _: Verdict(Decision.HOLD)
            stream._origin = np.zeros(2)
            assert stream._keeps_limits(motion) is good, (name, factor)


def test_what_the_coarse_bounds_leave_open_the_tight_ones_decide():
    motion = move(0.0, 0.1, 0.5)
    asked = []
    tight = make(velocity=0.1 * ONE)
    tight.install(motion, T0)
    for verdict, good in ((PASSED, True), (Verdict(Decision.SLOW), False), (Verdict(Decision.HOLD), False)):
        tight.judge = lambda m, verdict=verdict: asked.append(m) or verdict
        assert tight._keeps_limits(motion) is good
    assert asked == [motion] * 3


def test_the_first_knot_of_a_message_lies_far_enough_ahead():
    stream = make()
    stream.install(cruise(gap=0.02), T0)
    for time in np.arange(T0, T0 + 1.0, 0.01):
        stream.advance(float(time))
        message = stream.message(float(time))
        assert message.times[0] > StreamConfig().first_point_s
        assert np.diff(message.times).min() > KNOT_GAP_S * 0.99
        assert stream.committed.start == time
        assert stream.plan.end == pytest.approx(T0 + 2.0)  # the plan itself is not cut


def test_where_limits_do_not_allow_a_far_first_knot_a_nearer_one_is_used():
    stream = make()
    stream.install(cruise(gap=0.02), T0)
    follow(stream, T0 + 0.5)
    now = T0 + 0.51
    real = stream._keeps_limits
    stream._keeps_limits = lambda motion: motion.durations[0] < 0.05 and real(motion)
    stream.advance(now)
    assert NEAREST_S < stream.committed.durations[0] < 0.05
    assert NEAREST_S < stream.message(now + 0.003).times[0] < 0.05


def test_a_message_that_would_break_a_limit_is_not_sent_and_what_was_sent_stands():
    stream = make()
    stream.install(cruise(), T0)
    follow(stream, T0 + 0.3)
    before = stream.committed
    stream._keeps_limits = lambda motion: False
    assert stream.message(T0 + 0.31) is None
    assert stream.committed is before


def test_at_rest_the_message_is_where_it_rests():
    stream = make()
    times = T0 + np.array([0.0, 0.15, 0.3])
    states = np.zeros((3, 3, 2))
    states[:, 0] = [[0.0, 0.0], [0.04, -0.1], [0.1, -0.2]]
    states[1, 1] = [0.4, -1.0]
    stream.install_whole(Trajectory(times, states))
    stream.advance(T0)
    for time in (T0 + 0.3, T0 + 0.4):
        message = stream.message(time)
        np.testing.assert_array_equal(message.times, [0.08])
        np.testing.assert_allclose(message.states, [[[0.1, -0.2], [0, 0], [0, 0]]], atol=1e-12)


def test_giving_up_comes_to_rest_as_soon_as_limits_allow():
    stream = make()
    stream.install(cruise(speed=1.0), T0)
    follow(stream, T0 + 0.6)
    speed = float(stream.committed.state(T0 + 0.6)[1].max())
    stream.give_up()
    assert not stream.following and stream.moving(T0 + 0.6)
    stream.advance(T0 + 0.6)
    assert stream.plan is None and stream.committed.start == T0 + 0.6
    least = speed / 10.0 + 0.03
    assert least * 0.95 < stream.committed.end - (T0 + 0.6) < least * 1.1
    at = stream.committed
    stream.give_up()
    stream.advance(T0 + 0.61)
    assert stream.committed is at


def test_giving_up_a_stop_that_is_already_the_shortest_leaves_it_alone():
    stream = make()
    motion = move(0.0, 0.1, 0.3)
    stream.install_whole(motion)
    stream.advance(T0)
    stream.give_up()
    stream.advance(T0 + 0.29)
    assert stream.committed is motion and stream.plan is None


def test_a_stop_that_would_break_a_limit_now_begins_later():
    stream = make()
    stream.install(cruise(speed=1.0), T0)
    follow(stream, T0 + 0.5)
    now = T0 + 0.5
    real = stream._keeps_limits
    stream._keeps_limits = lambda motion: motion.times[-4] > now + 0.03 and real(motion)
    stream.give_up()
    stream.advance(now)
    begun = stream.committed.times[-4]
    assert begun == pytest.approx(now + 0.04, abs=1e-9)


def test_giving_up_before_anything_was_committed_does_nothing():
    stream = make()
    stream.install(cruise(), T0)
    stream.give_up()
    stream.advance(T0)
    assert stream.plan is None and len(stream.committed.times) == 1


def test_a_new_plan_takes_the_giving_up_back():
    stream = make()
    stream.install(cruise(), T0)
    stream.give_up()
    stream.install(cruise(), T0)
    assert stream.following
    stream.install_whole(move(0.0, 0.1, 0.3))
    stream.install(cruise(), T0)
    stream.advance(T0)
    assert stream.committed is not stream.plan  # nor is it sent whole


def test_the_furthest_share_of_the_horizon_that_can_be_stopped_after_is_committed():
    stream = make()
    plan = cruise()
    stream.install(plan, T0)
    real, tried = stream._keeps_limits, []

    def keeps(motion):
        tried.append(motion.times[-4] - T0)
        return motion.times[-4] < T0 + 0.2 and real(motion)

    stream._keeps_limits = keeps
    stream.advance(T0)
    assert stream.committed.times[-4] == pytest.approx(T0 + 0.15)
    assert sorted({round(t, 6) for t in tried}, reverse=True) == pytest.approx([0.3 * s for s in SHARES[:3]])
    assert stream._hopeless == stream.committed.end


def test_an_arm_that_starts_a_little_outside_may_be_led_back():
    stream = make()
    stream.settle(T0, np.array([2.05, 0.0]))
    motion = move([2.05, 0.0], [1.5, 0.0], 1.5)
    stream.install(motion, T0)
    stream.advance(T0)
    assert stream.committed.end > T0 + 0.3
    stream.settle(T0, np.array([1.9, 0.0]))
    stream.install(move([1.9, 0.0], [2.05, 0.0], 1.5), T0)
    for time in np.arange(T0, T0 + 1.5, 0.01):
        stream.advance(float(time))
        stream.message(float(time))
    assert stream.committed.states[-1, 0, 0] <= 2.0


def test_after_being_led_back_inside_it_stays_inside():
    stream = make()
    stream.settle(T0, np.array([2.05, 0.0]))
    stream.install(move([2.05, 0.0], [1.8, 0.0], 0.8), T0)
    follow(stream, T0 + 0.9)
    assert stream.plan is None and stream.committed.states[-1, 0, 0] == pytest.approx(1.8)
    stream.install(move([1.8, 0.0], [2.04, 0.0], 0.8, at=T0 + 0.9), T0 + 0.9)
    for time in np.arange(T0 + 0.9, T0 + 1.8, 0.02):
        stream.advance(float(time))
        stream.message(float(time))
        assert stream.committed.bounds.upper.max(initial=0.0) <= 2.0 + 1e-6


def test_settling_may_give_the_controller_time_to_come_there():
    stream = make()
    stream.settle(T0, np.array([0.3, -0.3]), 0.5)
    assert stream.committed.times.tolist() == [T0, T0 + 0.5]
    for state in stream.committed.states:
        np.testing.assert_array_equal(state, [[0.3, -0.3], [0, 0], [0, 0]])
    assert stream.moving(T0 + 0.4) and not stream.moving(T0 + 0.5)
    message = stream.message(T0 + 0.1)
    np.testing.assert_allclose(message.times, [0.4])
    np.testing.assert_array_equal(message.states, [[[0.3, -0.3], [0, 0], [0, 0]]])
    outside = make()
    outside.settle(T0, np.array([2.05, 0.0]), 0.5)  # a little outside its limits, where it may stand
    assert outside.message(T0 + 0.1) is not None


def test_the_way_left_is_the_furthest_that_the_plan_still_goes():
    stream = make()
    assert stream.way_left(T0) == 0.0
    times = T0 + np.array([0.0, 1.0, 2.0, 3.0])
    states = np.zeros((4, 3, 2))
    states[:, 0] = [[0.0, 0.0], [0.1, -0.4], [0.1, 0.1], [0.2, 0.0]]
    stream.install(Trajectory(times, states), T0)
    assert stream.way_left(T0) == pytest.approx(0.4)
    assert stream.way_left(T0 + 1.0) == pytest.approx(0.5)
    assert stream.way_left(T0 + 2.0) == pytest.approx(0.1)
    assert stream.way_left(T0 + 3.0) == stream.way_left(T0 + 9.0) == 0.0
    stream.give_up()
    assert stream.way_left(T0) == 0.0


def test_less_than_a_hair_of_a_plan_is_not_worth_a_new_message():
    stream = make()
    plan = move(0.0, 0.5, 1.0)
    stream.install(plan, T0)
    follow(stream, T0 + 0.98)
    before = stream.committed
    stream.advance(plan.end - 0.5 * NEAREST_S)
    assert stream.committed is before and stream.plan is not None


def test_knots_keep_their_distance_to_both_ends():
    stream = make()
    stream.settle(0.0, np.zeros(2))
    knots = np.array([0.0, 0.08, 0.1, 0.5 - KNOT_GAP_S, 0.5, 1.0])
    motion = Trajectory(knots, np.zeros((6, 3, 2)))
    assert stream._follow(motion, 0.0, 0.5, 0.08).times.tolist() == [0.0, 0.1, 0.5]
    assert stream._follow(motion, 0.0, NEAREST_S, 0.08).times.tolist() == [0.0, NEAREST_S]
    assert stream._follow(motion, 0.0, 0.99 * NEAREST_S, 0.08) is None


def test_how_far_outside_it_may_be_counts_from_where_the_plan_begins():
    stream = make(**{**WIDE, "lower": -2 * ONE, "upper": 2 * ONE})
    back = move([2.05, 0.0], [1.5, 0.0], 1.5)
    stream.install(back, T0)
    assert stream._keeps_limits(back)
    stream.settle(T0, np.array([2.05, 0.0]))
    out = move([1.0, 0.0], [2.05, 0.0], 1.5)  # begins inside, ends where the arm once was
    stream.install(out, T0)
    assert not stream._keeps_limits(out)
    states = np.array(out.states)
    states[0, 1:, 0] = 2.05  # neither a speed nor an acceleration is a place
    fast = Trajectory(out.times, states)
    stream.install(fast, T0)
    assert not stream._keeps_limits(fast)


class Room:
    """A collision rule that says what it is told, and remembers what it was asked."""

    def __init__(self, near, surely, clear):
        self.answers = near, surely, clear
        self.asked = []

    def near(self, candidate, plan):
        self.asked.append(("near", candidate, plan))
        return self.answers[0]

    def surely_clear(self, motion):
        self.asked.append(("surely", motion, None))
        return self.answers[1]

    def check(self, motion):
        self.asked.append(("check", motion, None))
        return None if self.answers[2] else Verdict(Decision.HOLD)


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("surely", [False, True])
@pytest.mark.parametrize("clear", [False, True])
def test_what_leaves_the_proven_plan_is_proven_itself_up_to_its_second_knot(near, surely, clear):
    room = Room(near, surely, clear)
    stream = make(collision=room)
    plan = cruise()
    stream.install(plan, T0)
    stream.advance(T0)
    assert (len(stream.committed.times) > 1) is (near or surely or clear)
    asked = [name for name, _, _ in room.asked]
    assert asked[:3] == ["near", "surely", "check"][: 1 if near else 2 if surely else 3]
    _, candidate, along = room.asked[0]
    assert along is plan
    for name, head, _ in room.asked[1:3] if not near else []:
        if name != "near":
            np.testing.assert_array_equal(head.times, candidate.times[:2])
            np.testing.assert_array_equal(head.states, candidate.states[:2])


def test_the_lesser_room_is_that_of_both_and_unknown_when_one_is():
    one, other = np.array([0.1, 0.5]), np.array([0.2, 0.3])
    np.testing.assert_array_equal(_less(one, other), [0.1, 0.3])
    assert _less(None, other) is None and _less(one, None) is None and _less(None, None) is None
