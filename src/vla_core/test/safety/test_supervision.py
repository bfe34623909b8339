"""What an arm reports about itself: what counts as received, and which fault is said first."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.clock import ClockConfig, Now
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import Decision, Limit, Verdict
from vla_core.safety.supervision import SILENT_NS, STILL, Supervision
from vla_core.safety.upstream import UpstreamConfig

NS = 1_000_000_000
HERE = np.array([0.1, -0.4, 0.2])
STILL_ARM, NO_EFFORT = np.zeros(3), np.zeros(3)
CLOCK_FAULT = Verdict(Decision.HOLD, reason="clock_stalled")


def now(after_s=0.0):
    return Now(50 * NS + round(after_s * NS), 9000 * NS + round(after_s * NS))


@pytest.fixture
def make(limits):
    def made(**changes):
        return Supervision(GateConfig(limits=limits, **changes))

    return made


@pytest.fixture
def robot(make):
    return make()


def measure(robot, position=HERE, velocity=STILL_ARM, grip=0.02, effort=None, after_s=0.0):
    robot.measure(np.asarray(position, dtype=float), velocity, grip, effort, now(after_s))


def reason(verdict):
    return None if verdict is None else verdict.reason


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("joint", range(3))
@pytest.mark.parametrize("field", ["position", "effort", "grip"])
def test_what_is_not_finite_counts_as_none_received(robot, bad, joint, field):
    measure(robot, effort=NO_EFFORT)
    value = bad if field == "grip" else np.where(np.arange(3) == joint, bad, HERE + 1.0)
    measure(robot, **{"position": HERE + 1.0, "grip": 0.03, "effort": NO_EFFORT, field: value, "after_s": 0.05})
    assert robot.position.tolist() == HERE.tolist() and robot.grip == 0.02
    assert robot.places.at(now(0.05).ros_ns).tolist() == HERE.tolist()
    assert robot.judge(None, None, now(0.1)) is None
    verdict = robot.judge(None, None, now(0.101))  # by the receipt of the first
    assert verdict.reason == "joint_state_nonfinite" and verdict.decision is Decision.HOLD
    assert verdict.detail.startswith("joint states are not finite: no joint_state for 0.101 s")
    measure(robot, effort=NO_EFFORT, after_s=0.11)
    assert robot.judge(None, None, now(0.12)) is None
    assert reason(robot.judge(None, None, now(0.25))) == "joint_state_stale"


def test_a_driver_without_force_sensing_says_nan(robot):
    nothing = np.full(3, np.nan)
    for after in (0.0, 0.05):
        measure(robot, effort=nothing, after_s=after)
    assert robot.judge(None, None, now(0.12)) is None
    measure(robot, effort=np.array([np.nan, 0.0, np.nan]), after_s=0.1)  # some, but not all
    assert reason(robot.judge(None, None, now(0.2))) == "joint_state_nonfinite"
    measure(robot, effort=NO_EFFORT, after_s=0.2)
    measure(robot, effort=None, after_s=0.21)
    measure(robot, effort=nothing, after_s=0.25)  # it did feel before
    assert reason(robot.judge(None, None, now(0.32))) == "joint_state_nonfinite"


def test_what_nobody_measures_is_kept(robot):
    assert robot.position is None and robot.grip is None
    measure(robot)
    measure(robot, grip=None)
    assert robot.grip == 0.02
    with pytest.raises(ValueError, match="read-only"):
        robot.position[0] = 1.0


@pytest.mark.parametrize("joint", range(3))
@pytest.mark.parametrize(("speed", "moves"), [(STILL, False), (1.001 * STILL, True), (-1.001 * STILL, True)])
def test_one_joint_that_moves_is_enough(robot, joint, speed, moves):
    assert not robot.moves
    velocity = np.array([np.nan, np.nan, np.nan])
    velocity[joint] = speed
    measure(robot, velocity=velocity)
    assert robot.moves is moves
    measure(robot, velocity=None)
    assert not robot.moves


def test_a_moment_without_joint_states(robot):
    assert not robot.silent(now(99.0))  # there never were any
    measure(robot)
    at = now()
    assert not robot.silent(Now(at.steady_ns + SILENT_NS, 0)) and robot.silent(Now(at.steady_ns + SILENT_NS + 1, 0))
    assert SILENT_NS == 25_000_000 and STILL == 0.05


@pytest.mark.parametrize(("rate", "after", "fit"), [(1.0, 0.1, True), (1.0, 0.11, False), (0.5, 0.19, True)])
def test_no_plan_runs_on_old_joint_states(make, rate, after, fit):
    robot = make(clock=ClockConfig(simulated=True, min_rate=rate))
    assert reason(robot.unfit(now())) == "joint_state_stale"
    measure(robot)
    assert (robot.unfit(now(after)) is None) is fit


def test_places_are_remembered_half_as_long_again_as_pictures_are_good(make):
    robot = make(upstream=UpstreamConfig(content_age=Limit(1.0, "s", "x")))
    for after in (0.0, 0.5, 1.5):
        measure(robot, HERE + after, after_s=after)
    assert robot.places.at(now(0.0).ros_ns) is not None
    measure(robot, after_s=1.51)
    assert robot.places.at(now(0.4).ros_ns) is None and robot.places.at(now(0.5).ros_ns) is not None


def test_before_the_first_joint_state_nothing_is_wrong_with_the_arm_yet(robot):
    assert reason(robot.judge(None, None, now())) == "joint_state_stale" and robot.fault is None
    assert robot.judge(CLOCK_FAULT, HERE, now()) is CLOCK_FAULT and robot.fault is CLOCK_FAULT
    measure(robot)
    assert robot.unfit(now()) is CLOCK_FAULT
    assert robot.judge(None, HERE, now()) is None and robot.unfit(now()) is None


def test_the_clock_is_blamed_before_the_joint_states_and_these_before_the_effort(make):
    robot = make(effort_patience=Limit(0.01, "s", "x"))
    measure(robot, effort=np.array([0.0, 81.0, 0.0]))
    assert robot.judge(None, None, now()) is None
    assert robot.judge(CLOCK_FAULT, HERE, now(0.2)) is CLOCK_FAULT and robot.fault is CLOCK_FAULT
    assert reason(robot.judge(None, HERE, now(0.2))) == "joint_state_stale" == reason(robot.fault)
    assert reason(robot.judge(None, HERE, now(0.05))) == "effort_limit" == reason(robot.fault)
    measure(robot, after_s=0.05)  # efforts are not reported any more
    assert robot.judge(None, HERE, now(0.06)) is None and robot.fault is None


@pytest.mark.parametrize(("share", "joint"), [(1.0, None), (0.5, "elbow")])
def test_efforts_may_reach_a_share_of_the_limits(make, share, joint):
    robot = make(effort_share=share, effort_patience=Limit(0.05, "s", "x"))
    measure(robot, effort=np.array([0.0, -41.0, 0.0]))
    assert robot.judge(None, None, now()) is None and robot.judge(None, None, now(0.05)) is None
    verdict = robot.judge(None, None, now(0.06))
    assert (verdict is None) is (joint is None)
    assert verdict is None or (joint in verdict.detail and verdict.decision is Decision.STOP)


def test_the_arm_follows_what_is_sent_within_the_tracking_limit(make):
    robot = make(tracking=Limit(0.1, "rad", "x"), tracking_patience=Limit(0.05, "s", "x"))
    away = HERE + [0.0, 0.0, 0.11]
    assert robot.judge(None, away, now()) is not None  # of the joint states: nothing to compare with
    measure(robot)
    for after, sent in ((0.0, away), (0.04, away), (0.05, None), (0.06, HERE), (0.08, away), (0.12, away)):
        measure(robot, HERE + 1e-9 * after, after_s=after)
        assert robot.judge(None, sent, now(after)) is None, after
    measure(robot, after_s=0.13)
    verdict = robot.judge(None, away, now(0.13))
    assert (verdict.reason, verdict.decision) == ("tracking_error", Decision.STOP) and "wrist" in verdict.detail
    assert robot.fault is None  # the stop is latched instead


def test_joint_states_that_repeat_themselves_are_noticed_before_the_tracking_error(robot):
    measure(robot)
    assert robot.judge(None, HERE, now()) is None
    for step in range(1, 6):
        measure(robot, after_s=0.01 * step)
    assert reason(robot.judge(None, HERE + 0.1, now(0.05))) == "joint_state_frozen"
    assert reason(robot.judge(None, HERE + 0.5, now(0.05))) == "joint_state_frozen"
