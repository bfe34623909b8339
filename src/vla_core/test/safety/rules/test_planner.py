"""Rules about the planner, each by the clock that it names: the steady and the ROS clock are 9000 s apart here."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision, Limit
from vla_core.safety.proposal import CameraEvidence, Evidence
from vla_core.safety.rules.ages import CommandAgeRule
from vla_core.safety.rules.dead_man import AGAIN, PROOF, DeadManRule
from vla_core.safety.rules.evidence import EvidenceConfig, EvidenceRule

NS = 1_000_000_000
STEADY, ROS = 100 * NS, 9100 * NS
HALF, QUARTER = NS // 2, NS // 4
AGE, STALL, MOTION = Limit(1.0, "s", "x"), Limit(0.25, "s", "x"), Limit(0.5, "rad", "x")


def now(after_ns=0):
    return Now(STEADY + after_ns, ROS + after_ns)


def camera(stamp_ns, name="front", picture=1):
    return CameraEvidence(name, ROS + stamp_ns, picture)


class Watched:
    """The rule and a robot whose place is what was last said."""

    def __init__(self, **config):
        self.rule = EvidenceRule(EvidenceConfig(**{"age": AGE, "stall": STALL, "motion": MOTION, **config}))
        self.place = np.zeros(2)

    def check(self, *cameras, at_ns=0, joints_ns=0):
        return self.rule.check(Evidence(tuple(cameras), joints_ns), lambda stamp: self.place, now(at_ns))


def answers(verdict, *fields):
    got = (verdict.decision, verdict.rule, verdict.reason, verdict.value, verdict.limit, verdict.brakes)
    return got == (Decision.HOLD, "evidence", fields[0], pytest.approx(fields[1], nan_ok=True), fields[2], True)


def test_pictures_are_as_old_as_their_ros_stamps():
    watched = Watched()
    assert watched.check(camera(-NS)) is None
    assert answers(Watched().check(camera(-NS - HALF)), "camera_stale", 1.5, 1.0)
    assert Watched().check(camera(NS // 10)) is None
    assert answers(Watched().check(camera(HALF)), "camera_future", -0.5, 0.1)


def test_joint_states_are_as_old_as_their_ros_stamps_and_may_be_unstated():
    for age_ns, good in ((0, True), (NS, True), (-NS // 10, True), (NS + HALF, False), (-HALF, False)):
        verdict = Watched().check(camera(0), joints_ns=ROS - age_ns)
        assert verdict is None if good else answers(verdict, "chunk_joint_state_stale", age_ns * 1e-9, 1.0)
    assert Watched().check(camera(0), joints_ns=0) is None


def test_a_camera_stalls_by_the_steady_clock_from_its_newest_stamp():
    watched = Watched()
    assert watched.check(camera(0)) is None
    assert watched.check(camera(0), at_ns=QUARTER) is None
    assert answers(watched.check(camera(0), at_ns=HALF), "camera_stalled", 0.5, 0.25)
    assert watched.check(camera(1), at_ns=HALF) is None  # it advances
    assert watched.check(camera(0), at_ns=HALF + 1) is None
    assert answers(watched.check(camera(1), at_ns=NS), "camera_stalled", 0.5, 0.25)  # a stamp from before is no advance


def test_a_camera_that_is_not_named_any_more_is_forgotten():
    watched = Watched()
    watched.check(camera(0), camera(0, "wrist"))
    watched.check(camera(1), at_ns=1)
    assert watched.check(camera(2), camera(0, "wrist"), at_ns=HALF) is None
    watched.rule.forget()
    assert watched.check(camera(0), at_ns=NS - 1) is None


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("joint", [0, 1])
def test_a_picture_is_frozen_when_the_robot_has_moved_further_than_the_limit_either_way(sign, joint):
    watched = Watched()
    assert watched.check(camera(0)) is None
    watched.place = np.zeros(2)
    watched.place[joint] = 0.5 * sign
    assert watched.check(camera(1), at_ns=1) is None
    watched.place = watched.place * 1.5
    assert answers(watched.check(camera(2), at_ns=2), "camera_frozen", 0.75, 0.5)
    assert watched.check(camera(3, picture=2), at_ns=3) is None
    assert watched.check(camera(4, picture=2), at_ns=4) is None  # from here on it counts anew


def test_where_the_robot_was_is_not_always_known():
    watched = Watched()
    watched.place = None
    assert watched.check(camera(0)) is None
    watched.place = np.ones(2)
    assert watched.check(camera(1), at_ns=1) is None
    watched.place = None
    assert watched.check(camera(2), at_ns=2) is None
    watched.place = np.zeros(2)
    assert watched.check(camera(3), at_ns=3).reason == "camera_frozen"
    unhashed = Watched()
    unhashed.check(camera(0, picture=0))
    unhashed.place = np.ones(2)
    assert unhashed.check(camera(1, picture=0), at_ns=1) is None


def test_the_first_camera_with_a_fault_is_named_and_all_are_remembered():
    watched = Watched(required=("front", "wrist"), still=("front",))
    missing = watched.check(camera(0))
    assert answers(missing, "camera_missing", float("nan"), missing.limit) and "wrist" in missing.detail
    watched.check(camera(0), camera(0, "wrist"))
    watched.place = np.ones(2)
    moved = watched.check(camera(1), camera(1, "wrist"), at_ns=1)
    assert moved.reason == "camera_frozen" and "'wrist'" in moved.detail  # front may be still
    both = watched.check(camera(1), camera(1, "wrist"), at_ns=HALF)
    assert both.reason == "camera_stalled" and "'front'" in both.detail


def test_a_command_of_its_own_is_refused_and_never_brakes():
    rule = CommandAgeRule(Limit(0.5, "s", "x"), Limit(0.25, "s", "x"))
    assert rule.check(ROS - HALF, ROS) is None and rule.check(ROS + QUARTER, ROS) is None
    for stamp, reason, value in ((ROS - NS, "command_stale", 1.0), (ROS + HALF, "command_future", -0.5)):
        verdict = rule.check(stamp, ROS)
        assert (verdict.decision, verdict.reason, verdict.brakes) == (Decision.HOLD, reason, False)
        assert abs(verdict.value) == pytest.approx(abs(value))


class TestDeadMan:
    """Times are binary fractions, so that ages are exact."""

    def rule(self):
        return DeadManRule(Limit(0.25, "s", "x"), 1.0)

    def at(self, seconds):
        return round(seconds * NS), seconds

    def yes(self):
        return True

    def fail(self, rule, seconds):
        rule.feed(*self.at(seconds - 0.5))
        verdict = rule.check(self.yes, *self.at(seconds))
        assert verdict is not None
        return verdict

    def test_patience_itself_is_kept(self):
        rule = self.rule()
        rule.feed(*self.at(1.0))
        assert rule.check(self.yes, *self.at(1.25)) is None
        verdict = rule.check(self.yes, *self.at(1.5))
        assert (verdict.decision, verdict.value, verdict.limit, verdict.brakes) == (Decision.HOLD, 0.5, 0.25, True)
        assert rule.check(self.yes, *self.at(2.0)) is None  # once

    def test_two_failures_within_a_second_ask_for_proof(self):
        for apart, asked in ((AGAIN.value, True), (AGAIN.value + 0.25, False)):
            rule = self.rule()
            self.fail(rule, 1.0)
            self.fail(rule, 1.0 + apart)
            assert (rule.admit(1, *self.at(1.0 + apart)) is not None) is asked

    def test_proof_is_five_chunks_in_time(self):
        rule = self.rule()
        for k in range(4):
            rule.admit(k, *self.at(0.25 * k))
        self.fail(rule, 0.5)
        self.fail(rule, 1.0)
        for k in range(1, 5):
            verdict = rule.admit(10 + k, *self.at(0.75 + 0.25 * k))
            assert (verdict.decision, verdict.reason, verdict.brakes) == (Decision.HOLD, "plan_unsteady", False)
            assert (verdict.value, verdict.limit) == (k, PROOF.value == 5.0 and 5.0)
            assert rule.admit(10 + k, *self.at(0.75 + 0.25 * k)).value == k  # the same chunk again proves nothing
        assert rule.admit(15, *self.at(2.0)) is None
        assert rule.admit(16, *self.at(2.5)) is None  # nothing more is asked, though it comes late

    def test_a_chunk_that_comes_too_late_begins_the_proof_anew(self):
        rule = self.rule()
        self.fail(rule, 0.5)
        self.fail(rule, 1.0)
        assert [rule.admit(k, *self.at(1.0 + 0.25 * k)).value for k in range(3)] == [1.0, 2.0, 3.0]
        assert rule.admit(7, *self.at(1.5 + 0.375)).value == 1.0

    def test_silence_for_longer_than_a_second_was_an_end(self):
        for silence, asked in ((AGAIN.value, True), (AGAIN.value + 0.25, False)):
            rule = self.rule()
            self.fail(rule, 0.5)
            self.fail(rule, 1.0)
            rule.admit(1, *self.at(1.0))
            assert (rule.admit(2, *self.at(1.0 + silence)) is not None) is asked

    def test_a_new_beginning_forgets_everything(self):
        rule = self.rule()
        rule.feed(*self.at(1.0))
        rule.forget()
        assert rule.check(self.yes, *self.at(3.0)) is None
        self.fail(rule, 4.0)
        rule.forget()
        self.fail(rule, 4.5)
        assert rule.admit(1, *self.at(4.5)) is None
        self.fail(rule, 5.0)
        assert rule.admit(2, *self.at(5.0)) is not None
        rule.forget()
        assert rule.admit(3, *self.at(5.0)) is None

    def test_after_a_new_beginning_the_last_chunk_seen_does_not_count_as_in_time(self):
        rule = self.rule()
        rule.admit(3, *self.at(5.0))
        rule.forget()
        self.fail(rule, 5.0)
        self.fail(rule, 5.125)
        assert rule.admit(3, *self.at(5.125)).value == 1.0
