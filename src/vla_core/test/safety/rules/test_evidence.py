"""Evidence of the inputs: cameras that are missing, old, stand still, or show the same while the robot moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision, Limit
from vla_core.safety.places import Places
from vla_core.safety.proposal import SOURCE_CHUNK, CameraEvidence, Evidence
from vla_core.safety.rules.evidence import EvidenceConfig, EvidenceRule
from vla_core.safety.status import State
from vla_core.safety.upstream import UpstreamConfig

NS = 1_000_000_000
CONFIG = EvidenceConfig(("front",), (), Limit(1.0, "s", "x"), Limit(0.31, "s", "x"), Limit(0.02, "rad", "x"))


class Robot:
    """A rule, clocks that step by 50 ms, and two cameras that see where the robot is."""

    def __init__(self, config=CONFIG):
        self.rule = EvidenceRule(config)
        self.ns = 100 * NS
        self.where = 0.0
        self.stamps, self.hashes = {}, {}
        self.frozen, self.stalled = set(), set()
        self.places = Places(2.0)

    def chunk(self, moved=0.0, cameras=("front", "wrist"), late_s=0.0, joints_ns=0):
        self.ns += 50_000_000
        self.where += moved
        self.places.add(self.ns, np.array([0.0, self.where]))
        for name in cameras:
            if name not in self.stalled:
                self.stamps[name] = self.ns - round(late_s * NS)
            if name not in self.frozen | self.stalled:
                self.hashes[name] = 1 + round(self.where * 1e6)
        evidence = Evidence(
            tuple(CameraEvidence(name, self.stamps[name], self.hashes[name]) for name in cameras), joints_ns
        )
        verdict = self.rule.check(evidence, self.places.at, Now(self.ns, self.ns))
        if verdict is not None:
            assert verdict.decision is Decision.HOLD and verdict.brakes
        return verdict

    def reasons(self, count, **chunk):
        answers = [self.chunk(**chunk) for _ in range(count)]
        return [answer.reason if answer else None for answer in answers]


def test_cameras_that_live_pass_moving_and_at_rest():
    robot = Robot()
    assert set(robot.reasons(40, moved=0.01) + robot.reasons(200)) == {None}


@pytest.mark.parametrize("cameras", [(), ("wrist",)])
def test_a_required_camera_that_is_missing_is_named(cameras):
    verdict = Robot().chunk(cameras=cameras)
    assert verdict.reason == "camera_missing" and "front" in verdict.detail


def test_without_required_cameras_a_plan_may_state_nothing():
    assert Robot(replace(CONFIG, required=())).reasons(50, cameras=(), moved=0.1) == [None] * 50


@pytest.mark.parametrize("name", ["front", "wrist"])
def test_a_picture_that_does_not_change_in_motion_is_frozen(name):
    robot = Robot()
    robot.reasons(10, moved=0.01)
    robot.frozen = {name}
    reasons = robot.reasons(4, moved=0.0099)
    assert reasons == [None, None, "camera_frozen", "camera_frozen"]
    verdict = robot.chunk()
    assert repr(name) in verdict.detail and verdict.value == pytest.approx(4 * 0.0099) and verdict.limit == 0.02
    robot.frozen = set()
    assert robot.chunk(moved=0.01) is None


def test_a_frozen_picture_of_a_robot_at_rest_is_no_fault_until_it_moves():
    robot = Robot()
    robot.frozen = {"front"}
    robot.hashes["front"] = 7
    assert robot.reasons(300) == [None] * 300
    assert robot.reasons(3, moved=0.011) == [None, "camera_frozen", "camera_frozen"]


def test_a_motion_after_the_picture_was_taken_is_not_held_against_it():
    """Both pictures were taken at rest; the arm has begun to move while the policy thought."""
    robot = Robot()
    robot.reasons(10, late_s=0.2)
    robot.frozen = {"front", "wrist"}  # as they are for as long as pictures from before the motion come
    assert robot.reasons(4, moved=0.05, late_s=0.2) == [None] * 4
    assert robot.chunk(moved=0.05, late_s=0.1).reason == "camera_frozen"


def test_a_motion_back_to_where_the_picture_was_taken_shows_the_same():
    robot = Robot()
    robot.frozen = {"front"}
    robot.hashes["front"] = 7
    robot.chunk()
    robot.where = 0.3
    robot.places.add(robot.ns + 1, np.array([0.0, 0.3]))
    robot.where = 0.0
    assert robot.chunk() is None


def test_a_still_camera_may_show_the_same_but_not_stall():
    robot = Robot(replace(CONFIG, still=("front",)))
    robot.frozen = {"front"}
    robot.hashes["front"] = 7
    assert robot.reasons(20, moved=0.1) == [None] * 20
    robot.stalled = {"front"}
    assert robot.reasons(8, moved=0.1)[-1] == "camera_stalled"


def test_a_hash_that_is_not_stated_is_not_judged():
    robot = Robot()
    robot.frozen = {"front"}
    robot.hashes["front"] = 0
    assert robot.reasons(20, moved=0.1) == [None] * 20


@pytest.mark.parametrize("step_back", [0, 1])
def test_stamps_must_advance_in_time(step_back):
    robot = Robot()
    robot.chunk()
    robot.stalled = {"wrist"}
    robot.stamps["wrist"] -= step_back
    assert robot.reasons(8) == [None] * 6 + ["camera_stalled"] * 2
    assert "wrist" in robot.chunk().detail
    robot.stalled = set()
    assert robot.chunk() is None


@pytest.mark.parametrize(
    ("late_s", "reason"), [(1.0, None), (1.001, "camera_stale"), (-0.1, None), (-0.101, "camera_future")]
)
def test_stamps_have_an_age(late_s, reason):
    verdict = Robot().chunk(late_s=late_s)
    assert (verdict and verdict.reason) == reason


@pytest.mark.parametrize(("age_s", "good"), [(0.0, True), (1.0, True), (1.001, False), (-0.1, True), (-0.101, False)])
def test_the_joint_state_has_an_age(age_s, good):
    robot = Robot()
    verdict = robot.chunk(joints_ns=robot.ns + 50_000_000 - round(age_s * NS))
    assert (verdict is None) is good
    assert good or verdict.reason == "chunk_joint_state_stale"


def test_a_new_beginning_forgets():
    robot = Robot()
    robot.frozen = {"front"}
    robot.hashes["front"] = 7
    robot.reasons(5, moved=0.1)
    robot.rule.forget()
    assert robot.chunk() is None


def test_the_same_chunk_judged_twice_is_judged_alike():
    robot = Robot()
    robot.reasons(10, moved=0.01)
    camera = CameraEvidence("front", robot.ns, 9)
    for _ in range(4):
        assert robot.rule.check(Evidence((camera,)), robot.places.at, Now(robot.ns, robot.ns)) is None


def test_places_are_those_of_their_time():
    places = Places(1.0)
    for k in range(30):
        places.add(k * 100_000_000, np.array([float(k)]))
    assert places.at(2_950_000_000)[0] == 29.0 and places.at(2_000_000_000)[0] == 20.0
    assert places.at(1_000_000_000) is None  # forgotten
    places.add(50_000_000, np.array([-1.0]))  # the clock stepped back
    assert places.at(60_000_000)[0] == -1.0 and places.at(40_000_000) is None


# --- in the gate


def drive(bench, chunks, amplitude, frozen, first=1):
    phase = bench.ros_ns - 200_000_000
    for number in range(first, first + chunks):
        value = 7 if frozen else 1 + hash(bench.measured().tobytes()) % 2**60
        evidence = Evidence((CameraEvidence("front", bench.ros_ns, value),), bench.ros_ns)
        chunk = bench.wave(number, phase, amplitude=amplitude, evidence=evidence)
        assert chunk.trace.source == SOURCE_CHUNK
        yield bench.gate.submit(chunk, bench.now).reason
        bench.tick(5)


@pytest.fixture
def seeing(make_bench):
    bench = make_bench(upstream=UpstreamConfig(evidence=CONFIG), refusals_to_stop=1000)
    bench.arm()
    return bench


def test_a_frozen_camera_brakes_the_arm(seeing):
    assert "camera_frozen" not in set(drive(seeing, 10, 0.3, False))
    reasons = list(drive(seeing, 10, 0.3, True, first=20))
    assert reasons[-1] == "camera_frozen"
    seeing.settle()
    assert seeing.gate.status().state is State.HOLDING
    seeing.assert_limits_kept()


def test_an_arm_at_rest_before_a_still_picture_holds_no_plan_back(seeing):
    assert set(drive(seeing, 40, 1e-6, True)) == {""}


def test_a_chunk_without_the_evidence_asked_for_is_refused(seeing):
    answer = seeing.gate.submit(seeing.wave(1, seeing.ros_ns), seeing.now)
    assert (answer.decision, answer.reason) == (Decision.HOLD, "camera_missing")


def test_a_command_needs_no_evidence(seeing):
    assert seeing.gate.submit(seeing.goto(seeing.measured() + 0.1, 1.0), seeing.now).decision is Decision.PASS
