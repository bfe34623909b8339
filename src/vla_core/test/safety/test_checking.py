"""The checker alone: a proposal and a snapshot in, a motion or a refusal out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla_core.safety.checking import LONGEST_S, LOOK_BACK_S, REPAIRS, SHORTEST_S, Checker, Snapshot, _asked
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import PASSED, Decision, Verdict
from vla_core.safety.joining import SLOWEST, too_slow
from vla_core.safety.planning import plan_from, plan_of
from vla_core.safety.proposal import SOURCE_CHUNK, SOURCE_JOINT, Proposal, Trace
from vla_core.safety.stream import StreamConfig
from vla_core.safety.trajectory import Trajectory

NAMES = ("shoulder", "elbow", "wrist")


@pytest.fixture
def checker(limits, gripper):
    return Checker(GateConfig(limits, gripper))


def command(times, positions, **changes):
    return Proposal(Trace(SOURCE_JOINT), NAMES, np.array(times), np.array(positions), **changes)


def test_a_command_that_slowing_does_not_cure_is_refused_after_some_rounds(checker, limits):
    """The arm is already faster than its limit: no stretching in time helps."""
    reference = np.zeros((3, 3))
    reference[1, 0] = 1.05 * limits.velocity[0]
    rounds = []
    rule = checker.derivatives[0].check
    checker.derivatives[0].check = lambda motion: rounds.append(motion) or rule(motion)
    proposal = command([0.5, 1.0], [[0.9, 0.0, 0.0], [1.2, 0.0, 0.0]])
    prepared = checker.prepare(proposal, Snapshot(3, reference, 7.0, np.zeros(3), 1.0), 7.0)
    assert (prepared.verdict.decision, prepared.verdict.reason) == (Decision.HOLD, "velocity_limit")
    assert prepared.motion is None and prepared.epoch == 3 and len(rounds) == REPAIRS


ZERO = np.zeros((3, 3))
NOW = 7.0


def snapshot(reference=ZERO, start=NOW, measured=None, speed=1.0):
    return Snapshot(3, np.asarray(reference, dtype=float), start, measured, speed)


def says(prepared, decision, rule, reason):
    verdict = prepared.verdict
    return (verdict.decision, verdict.rule, verdict.reason) == (decision, rule, reason)


class TestSingle:
    """The shortest way: a point that needs no repair, and nothing else."""

    def test_it_is_the_quintic_from_the_reference_to_rest_at_the_point(self, checker):
        reference = [[0.1, -0.2, 0.3], [0.2, 0.1, -0.1], [0.5, -0.5, 0.2]]
        target = [0.12, -0.19, 0.29]
        motion = checker.single(command([0.2], [target]), snapshot(reference))
        np.testing.assert_array_equal(motion.times, [NOW, NOW + 0.2])
        np.testing.assert_array_equal(motion.states, [reference, [target, [0, 0, 0], [0, 0, 0]]])

    @pytest.mark.parametrize("duration", [SHORTEST_S, 0.1, 0.3])
    def test_the_ends_of_its_range_are_inside(self, checker, duration):
        assert checker.single(command([duration], ZERO[:1]), snapshot()) is not None

    @pytest.mark.parametrize(
        "changes",
        [
            {"times_s": np.array([0.99 * SHORTEST_S])},
            {"times_s": np.array([0.301])},
            {"times_s": np.array([0.0])},
            {"speed_scale": 0.5},
            {"speed_scale": 0.0},
            {"speed_scale": 2.0},
            {"t0_ns": 5},
            {"velocities": np.zeros((1, 3))},
            {"gripper_positions": np.zeros(1)},
            {"joint_names": ("elbow", "shoulder", "wrist")},
            {"joint_names": NAMES[:2], "positions": np.zeros((1, 2))},
            {"positions": np.zeros((1, 2))},
            {"positions": np.zeros((2, 3)), "times_s": np.array([0.1, 0.2])},
            {"positions": np.zeros((0, 3)), "times_s": np.zeros(0)},
            {"positions": np.array([[np.nan, 0.0, 0.0]])},
            {"positions": np.array([[0.0, np.inf, 0.0]])},
        ],
    )
    def test_anything_else_takes_the_long_way(self, checker, changes):
        assert checker.single(replace(command([0.2], ZERO[:1]), **changes), snapshot()) is None

    @pytest.mark.parametrize("joint", range(3))
    @pytest.mark.parametrize("sign", [-1, 1])
    def test_what_breaks_a_limit_takes_the_long_way(self, checker, limits, joint, sign):
        for row, bound in (
            (0, limits.upper if sign > 0 else -limits.lower),
            (1, limits.velocity),
            (2, limits.acceleration),
        ):
            for factor, good in ((0.3, True), (1.01, False)):
                reference = np.zeros((3, 3))
                reference[row, joint] = sign * factor * bound[joint]
                h = 0.3
                target = reference[0] + 0.4 * h * reference[1] + 0.05 * h * h * reference[2]
                motion = checker.single(command([h], [target]), snapshot(reference))
                assert (motion is not None) is good, (row, factor)

    @pytest.mark.parametrize(("promised", "horizon", "longest"), [(0.4, 0.3, 0.3), (0.4, 0.5, 0.39), (0.35, 0.5, 0.34)])
    def test_short_is_what_ends_by_itself_before_a_stop_or_the_horizon(self, limits, promised, horizon, longest):
        stream = StreamConfig(horizon_s=horizon)
        checker = Checker(GateConfig(limits, promised_stop_s=promised, stream=stream))
        for beside, there in ((-1e-3, True), (1e-3, False)):
            assert (checker.single(command([longest + beside], ZERO[:1]), snapshot()) is not None) is there


class TestShape:
    def test_the_column_of_the_gripper_becomes_the_grip(self, checker):
        proposal = Proposal(
            Trace(SOURCE_JOINT), ("finger", *NAMES), np.array([0.5, 1.0]), np.array([[0.01, 0, 0, 0], [0.02, 0, 0, 0]])
        )
        prepared = checker.prepare(proposal, snapshot(), NOW)
        assert prepared.verdict is PASSED
        np.testing.assert_allclose(prepared.grip, [[NOW + 0.5, NOW + 1.0], [0.01, 0.02]])
        wide = checker.prepare(replace(proposal, positions=proposal.positions * 5.0), snapshot(), NOW)
        assert says(wide, Decision.HOLD, "gripper", "gripper_range") and wide.motion is None and wide.epoch == 3

    def test_an_arm_without_gripper_refuses_one(self, limits):
        checker = Checker(GateConfig(limits))
        assert checker.prepare(command([1.0], ZERO[:1]), snapshot(), NOW).verdict is PASSED
        grip = {"gripper_joint": "finger", "gripper_positions": np.array([0.01])}
        assert says(
            checker.prepare(command([1.0], ZERO[:1], **grip), snapshot(), NOW), Decision.HOLD, "names", "joint_names"
        )
        column = Proposal(Trace(SOURCE_JOINT), ("finger", *NAMES), np.array([1.0]), np.zeros((1, 4)))
        assert says(checker.prepare(column, snapshot(), NOW), Decision.HOLD, "names", "joint_names")

    def test_a_plan_without_grip_and_a_refused_one_leave_the_gripper_alone(self, checker):
        assert checker.prepare(command([1.0], ZERO[:1]), snapshot(), NOW).grip is None
        grip = {"gripper_joint": "finger", "gripper_positions": np.array([0.01])}
        refused = checker.prepare(command([0.05], [[1.5, 0, 0]], **grip), snapshot(), NOW)
        assert refused.motion is None and refused.grip is None

    def test_the_grip_is_slowed_with_the_arm(self, checker):
        grip = {"gripper_joint": "finger", "gripper_positions": np.array([0.01, 0.02])}
        prepared = checker.prepare(command([0.5, 1.0], ZERO[:2], speed_scale=0.5, **grip), snapshot(), NOW)
        np.testing.assert_allclose(prepared.grip[0], [NOW + 1.0, NOW + 2.0])
        assert prepared.scale == 0.5

    def test_joints_go_by_name(self, checker):
        swapped = Proposal(
            Trace(SOURCE_JOINT), ("wrist", "elbow", "shoulder"), np.array([1.0]), np.array([[0.1, 0.2, 0.3]])
        )
        assert checker.prepare(swapped, snapshot(), NOW).motion.states[-1, 0].tolist() == [0.3, 0.2, 0.1]


class TestCommand:
    def test_it_goes_from_the_reference_through_its_points(self, checker):
        reference = [[0.1, 0.0, 0.0], [0.2, 0.0, 0.0], [0.0, 0.0, 0.0]]
        prepared = checker.prepare(command([0.5, 1.0], [[0.2, 0.1, 0.0], [0.3, 0.1, 0.1]]), snapshot(reference), NOW)
        assert prepared.verdict is PASSED and prepared.scale == 1.0 and prepared.epoch == 3
        np.testing.assert_allclose(prepared.motion.times, [NOW, NOW + 0.5, NOW + 1.0])
        np.testing.assert_array_equal(prepared.motion.states[0], reference)
        np.testing.assert_allclose(prepared.motion.states[1:, 0], [[0.2, 0.1, 0.0], [0.3, 0.1, 0.1]])

    @pytest.mark.parametrize("shift", [-0.2, 0.4])
    def test_a_stamp_of_its_own_moves_it_in_time(self, checker, shift):
        prepared = checker.prepare(command([0.5, 1.0], [[0.1, 0, 0], [0.2, 0, 0]]), snapshot(), NOW + shift)
        np.testing.assert_allclose(prepared.motion.times, [NOW, NOW + 0.5 + shift, NOW + 1.0 + shift])

    @pytest.mark.parametrize(("shift", "late"), [(-1.5, 0.5), (-1.0, 0.0), (-0.9995, -0.0005)])
    def test_one_that_is_over_is_refused_and_does_not_brake(self, checker, shift, late):
        prepared = checker.prepare(command([0.5, 1.0], [[0.1, 0, 0], [0.2, 0, 0]]), snapshot(), NOW + shift)
        assert says(prepared, Decision.HOLD, "times", "command_past") and prepared.motion is None
        assert prepared.verdict.value == pytest.approx(late) and prepared.verdict.limit == 0.0
        assert not prepared.verdict.brakes

    def test_the_last_point_may_still_be_a_moment_ahead(self, checker):
        prepared = checker.prepare(command([0.5, 1.0], [[0.0, 0, 0], [0.0, 0, 0]]), snapshot(), NOW - 0.9985)
        assert prepared.verdict is PASSED and prepared.motion.end == pytest.approx(NOW + 0.0015)

    def test_one_that_states_no_time_takes_as_long_as_the_limits_ask(self, checker):
        proposal = command([0.0], [[1.0, 0.5, 0.0]])
        prepared = checker.prepare(proposal, snapshot([[0.2, 0.4, 0.0], [0, 0, 0], [0, 0, 0]]), NOW)
        assert prepared.verdict is PASSED and proposal.times_s[0] == 0.0
        assert prepared.motion.end - NOW == pytest.approx(
            checker.soonest(np.array([0.2, 0.4, 0.0]), np.array([1.0, 0.5, 0.0]))
        )

    @pytest.mark.parametrize(("first", "soon"), [(1e-3, True), (1.1e-3, False), (2e-3, False)])
    def test_a_millisecond_is_no_time(self, checker, first, soon):
        prepared = checker.prepare(command([first], [[0.0, 0.0, 0.0]]), snapshot(), NOW)
        assert prepared.motion.end - NOW == pytest.approx(0.02 if soon else first)

    @pytest.mark.parametrize("way", [1e-6, 1e-3, 0.1, 1.5])
    @pytest.mark.parametrize("joint", range(3))
    def test_soonest_is_just_within_every_limit(self, checker, limits, way, joint):
        start, target = np.full(3, 0.25), np.full(3, 0.25)
        target[joint] -= way
        duration = checker.soonest(start, target)
        states = np.zeros((2, 3, 3))
        states[:, 0] = start, target
        bounds = Trajectory(np.array([0.0, duration]), states).bounds
        peaks = 1.875 * way / duration, 5.7735 * way / duration**2, 60.0 * way / duration**3
        used = [p / getattr(limits, n)[joint] for p, n in zip(peaks, ("velocity", "acceleration", "jerk"), strict=True)]
        assert max(used) <= 1.0 and bounds.jerk.max() <= limits.jerk[joint] * 1.01
        assert duration == pytest.approx(0.02) if way <= 1e-3 and max(used) < 0.95 else max(used) > 0.95

    def test_a_slower_command_takes_longer_and_says_who_asked(self, checker):
        prepared = checker.prepare(command([1.0], [[0.1, 0, 0]], speed_scale=0.5), snapshot(), NOW)
        assert says(prepared, Decision.SLOW, "speed", "speed_scale") and prepared.verdict.scale == 0.5
        assert (prepared.verdict.value, prepared.verdict.limit) == (0.5, 1.0) and "asks" in prepared.verdict.detail
        assert prepared.motion.end == pytest.approx(NOW + 2.0)

    def test_one_too_fast_is_slowed_and_keeps_its_first_cause(self, checker, limits):
        prepared = checker.prepare(command([0.5], [[1.5, 0, 0]]), snapshot(), NOW)
        first = max((rule.check(plan_from(command([0.5], [[1.5, 0, 0]]), np.array([0.5]), ZERO, 1.0, NOW))
                     for rule in checker.derivatives), key=lambda v: -1.0 if v is None else -v.scale)  # fmt: skip
        assert says(prepared, Decision.SLOW, first.rule, first.reason)
        assert (prepared.verdict.value, prepared.verdict.limit) == (first.value, first.limit)
        assert prepared.verdict.scale == prepared.scale < first.scale * (1 + 1e-9)
        assert all(rule.check(prepared.motion) is None for rule in checker.derivatives)
        assert prepared.motion.end == pytest.approx(NOW + 0.5 / prepared.scale)

    def test_slower_than_a_tenth_is_refused(self, checker):
        prepared = checker.prepare(command([0.02], [[1.5, 0, 0]]), snapshot(), NOW)
        assert prepared.verdict.decision is Decision.HOLD and prepared.motion is None
        asked = checker.prepare(command([1.0], [[0.1, 0, 0]], speed_scale=0.09), snapshot(), NOW)
        assert asked.verdict == too_slow(0.09) and asked.motion is None
        tenth = checker.prepare(command([1.0], [[0.1, 0, 0]], speed_scale=SLOWEST), snapshot(), NOW)
        assert tenth.verdict.decision is Decision.SLOW and tenth.motion.end == pytest.approx(NOW + 10.0)

    def test_one_that_would_last_too_long_is_refused(self, checker):
        longest = checker.prepare(command([120.0], [[0.1, 0, 0]], speed_scale=0.5), snapshot(start=0.0), 0.0)
        assert longest.verdict.decision is Decision.SLOW
        prepared = checker.prepare(command([120.0], [[0.1, 0, 0]], speed_scale=0.4), snapshot(), NOW)
        assert says(prepared, Decision.HOLD, "times", "times_order") and prepared.motion is None
        assert (prepared.verdict.value, prepared.verdict.limit) == (pytest.approx(300.0), LONGEST_S)
        later = checker.prepare(command([119.0], [[0.1, 0, 0]], speed_scale=0.5), snapshot(start=500.0), 500.0)
        assert later.verdict.decision is Decision.SLOW

    def test_a_place_that_is_forbidden_truncates_it(self, checker):
        prepared = checker.prepare(command([4.0, 8.0], [[1.9, 0, 0], [2.5, 0, 0]]), snapshot(), NOW)
        assert says(prepared, Decision.HOLD, "joint_position", "position_limit")
        assert prepared.motion.start == NOW and prepared.motion.end == pytest.approx(NOW + 4.0)
        at_once = checker.prepare(command([8.0], [[2.5, 0, 0]]), snapshot(), NOW)
        assert says(at_once, Decision.HOLD, "joint_position", "position_limit") and at_once.motion is None

    def test_where_it_could_not_be_stopped_it_is_truncated_unless_it_ends_by_itself_before(self, checker):
        """Along the wall at 1.0 of the wrist; a stop begun in the middle would go further than the motion itself."""
        reference = np.zeros((3, 3))
        reference[0, 2] = 0.9
        end = {"velocities": np.zeros((2, 3)), "accelerations": np.zeros((2, 3))}
        states = np.array([[0.0, 0.0, 0.95], [0.0, 0.0, 0.95]])
        asked = []
        checker._stopping.check = lambda motion: asked.append(motion) or HELD
        for times, judged in (([0.15, 0.3], False), ([0.15, 0.31], True)):
            prepared = checker.prepare(command(times, states, **end), snapshot(reference), NOW)
            assert bool(asked) is judged
            assert prepared.verdict is (HELD if judged else PASSED)
        assert prepared.motion.end == pytest.approx(HELD.until_s)
        asked.clear()
        moving = {"velocities": np.array([[0.0, 0, 0], [0.1, 0, 0]])}
        checker.prepare(command([0.15, 0.3], states, **moving), snapshot(reference), NOW)
        assert len(asked) == 1


HELD = Verdict(Decision.HOLD, "stopping", "stopping_distance", "x", until_s=NOW + 0.1)


class TestChunk:
    """A plan stamped by its observation: where it is joined, and how fast."""

    TIMES = 0.1 * np.arange(1.0, 9.0)

    def chunk(self, speed=0.5, **changes):
        """Along the shoulder at constant speed, at 0 at plan time 0."""
        positions, velocities = np.zeros((8, 3)), np.zeros((8, 3))
        positions[:, 0], velocities[:, 0] = speed * self.TIMES, speed
        fields = {"velocities": velocities, "accelerations": np.zeros((8, 3)), "t0_ns": 1, **changes}
        return Proposal(Trace(SOURCE_CHUNK, 1), NAMES, self.TIMES, positions, **fields)

    def at(self, place, speed=0.5):
        return np.array([[place, 0, 0], [speed, 0, 0], [0, 0, 0]], dtype=float)

    def origin(self, checker, reference, due, **changes):
        """Plan time at which it is joined."""
        prepared = checker.prepare(self.chunk(**changes), snapshot(reference), NOW - due)
        assert prepared.motion is not None, prepared.verdict
        return 0.8 - (prepared.motion.end - NOW) * prepared.scale

    def test_it_is_joined_where_it_is_due(self, checker):
        assert self.origin(checker, self.at(0.15), 0.3) == pytest.approx(0.3)
        assert checker.prepare(self.chunk(), snapshot(self.at(0.15)), NOW - 0.3).verdict is PASSED

    def test_a_stamp_without_a_chunk_is_a_command(self, checker):
        proposal = replace(self.chunk(), trace=Trace(SOURCE_JOINT), t0_ns=1)
        assert checker.prepare(proposal, snapshot(self.at(0.0)), NOW).motion.times[0] == NOW
        assert checker.prepare(proposal, snapshot(self.at(0.0)), NOW - 1.0).verdict.reason == "command_past"
        unstamped = replace(self.chunk(), t0_ns=None)
        assert checker.prepare(unstamped, snapshot(self.at(0.0)), NOW - 1.0).verdict.reason == "command_past"

    @pytest.mark.parametrize("behind_s", [0.1, 0.3, 0.5])
    def test_an_arm_that_lags_behind_goes_on_where_it_is(self, checker, behind_s):
        place = 0.5 * (0.7 - behind_s)
        assert self.origin(checker, self.at(place), 0.7) == pytest.approx(0.7 - behind_s, abs=0.03)

    def test_a_small_lag_is_made_up(self, checker):
        for lag in (0.01, 0.018):
            assert self.origin(checker, self.at(0.35 - lag), 0.7) == pytest.approx(0.7)
        assert self.origin(checker, self.at(0.35 - 0.022), 0.7) < 0.68

    @pytest.mark.parametrize(
        ("beside", "ahead", "back"),
        [(0.0, 0.1, True), (0.09, 0.2, True), (0.11, 0.2, False), (0.0, 0.021, True), (0.0, 0.019, False)],
    )
    @pytest.mark.parametrize("sign", [-1, 1])
    def test_it_goes_back_when_that_halves_a_gap_worth_speaking_of(self, checker, beside, ahead, back, sign):
        """beside: how far another joint is off all along; ahead: how far the plan is ahead of the arm."""
        chunk = self.chunk(speed=sign * 0.5)
        chunk = replace(chunk, positions=chunk.positions + 0.5)
        reference = np.zeros((3, 3))
        reference[0] = [0.5 + sign * (0.35 - ahead), 0.5 - sign * beside, 0.5]
        origin = checker._along(plan_of(chunk), 0.7, snapshot(reference))
        step = (0.7 - 0.1) / 15
        assert origin == pytest.approx(0.7 - ahead / 0.5, abs=step / 2 + beside / 0.5 + 1e-9) if back else origin == 0.7

    @pytest.mark.parametrize(("due", "first"), [(0.7, 0.1), (0.75, 0.15), (0.3, 0.1)])
    def test_it_looks_back_in_fifteen_steps_to_the_beginning_or_so_far(self, checker, due, first):
        seen = []

        class Spy(Trajectory):
            def sample(self, times):
                seen.append(times)
                return super().sample(times)

        plan = plan_of(self.chunk())
        checker._along(Spy(plan.times, plan.states), due, snapshot(self.at(0.0)))
        np.testing.assert_allclose(seen, [np.linspace(first, due, 16)])
        for outside in (0.05, 0.1, 0.8, 0.9):
            assert checker._along(Spy(plan.times, plan.states), outside, snapshot(self.at(0.0))) == outside
        assert len(seen) == 1

    def test_it_looks_back_only_so_far(self, checker):
        long = replace(self.chunk(), times_s=np.arange(1.0, 9.0) / 4.0)  # 2 s at a quarter of the length
        long = replace(long, positions=0.5 * long.times_s[:, None] * [1.0, 0.0, 0.0])
        joined = {}
        for lag in (0.5, 1.5):
            prepared = checker.prepare(long, snapshot(self.at(0.5 * (1.8 - lag), 0.2)), NOW - 1.8)
            joined[lag] = None if prepared.motion is None else 2.0 - (prepared.motion.end - NOW) * prepared.scale
        assert joined[0.5] == pytest.approx(1.3, abs=0.05)
        assert joined[1.5] is None or joined[1.5] >= 1.8 - LOOK_BACK_S - 1e-6

    def test_before_its_beginning_and_after_its_end_nothing_is_looked_for(self, checker):
        early = checker.prepare(self.chunk(), snapshot(self.at(0.05)), NOW - 0.05)
        assert early.verdict is PASSED and early.motion.end == pytest.approx(NOW + 0.75)
        late = checker.prepare(self.chunk(), snapshot(self.at(0.1)), NOW - 0.85)
        assert late.verdict.reason == "chunk_expired" and late.verdict.value == pytest.approx(0.05)

    def test_it_begins_where_the_arm_is_measured(self, checker):
        near = self.at(0.15)
        for off, good in ((0.24, True), (0.26, False), (-0.26, False)):
            measured = near[0] + [0.0, off, 0.0]
            prepared = checker.prepare(self.chunk(), snapshot(near, measured=measured), NOW - 0.3)
            assert (prepared.verdict is PASSED) is good
            assert good or (says(prepared, Decision.HOLD, "step", "step_limit") and prepared.motion is None)
        for due in (0.1, 0.8):  # at its ends too, but not outside
            there = snapshot(self.at(0.5 * due), start=due, measured=np.full(3, 0.9))
            far = checker.prepare(self.chunk(), there, 0.0)
            assert far.verdict.reason == "step_limit"
        outside = checker.prepare(self.chunk(), snapshot(self.at(0.0), measured=np.full(3, 0.9)), NOW - 0.05)
        assert outside.verdict.reason != "step_limit"

    @pytest.mark.parametrize(
        ("asked", "allowed", "scale", "reason"),
        [(0.5, 1.0, 0.5, "speed_scale"), (1.0, 0.5, 0.5, "speed_recovery"), (0.6, 0.5, 0.5, "speed_recovery"),
         (0.5, 0.5, 0.5, "speed_scale"), (0.4, 0.9, 0.4, "speed_scale"), (1.0, 1.0, 1.0, "")],
    )  # fmt: skip
    def test_the_slower_of_asked_and_allowed_counts_and_says_which(self, checker, asked, allowed, scale, reason):
        reference = self.at(0.15, 0.5 * scale)
        prepared = checker.prepare(self.chunk(speed_scale=asked), snapshot(reference, speed=allowed), NOW - 0.3)
        assert prepared.scale == pytest.approx(scale)
        if not reason:
            assert prepared.verdict is PASSED
            return
        assert says(prepared, Decision.SLOW, "speed", reason)
        verdict = prepared.verdict
        assert (verdict.scale, verdict.value, verdict.limit) == (pytest.approx(scale), pytest.approx(scale), 1.0)
        assert ("asks" in verdict.detail) is (reason == "speed_scale")
        assert prepared.motion.end == pytest.approx(NOW + 0.5 / scale)

    def test_a_plan_slowed_by_a_rule_names_the_rule(self, checker, limits):
        prepared = checker.prepare(self.chunk(speed=2.2), snapshot(self.at(0.22, 1.9)), NOW - 0.1)
        assert prepared.verdict.reason in ("velocity_limit", "acceleration_limit")
        assert prepared.verdict.decision is Decision.SLOW and prepared.scale < 0.95

    def test_its_grip_is_joined_with_it(self, checker):
        grip = {"gripper_joint": "finger", "gripper_positions": np.full(8, 0.03)}
        prepared = checker.prepare(self.chunk(speed_scale=0.5, **grip), snapshot(self.at(0.15, 0.25)), NOW - 0.3)
        np.testing.assert_allclose(prepared.grip[0], NOW + (self.TIMES - 0.3) / 0.5)
        np.testing.assert_array_equal(prepared.grip[1], grip["gripper_positions"])


class Room:
    """A collision rule that says what it is told."""

    def __init__(self, surely, answer):
        self.surely, self.answer, self.asked = surely, answer, []

    def surely_clear(self, motion):
        return self.surely

    name = "collision"

    def check(self, motion):
        self.asked.append(motion)
        return self.answer


BLOCKED = Verdict(Decision.HOLD, "collision", "keep_out", "x", until_s=NOW + 0.05)


class TestRoom:
    """The room about the arm is looked at last."""

    @pytest.mark.parametrize("surely", [False, True])
    @pytest.mark.parametrize("clear", [False, True])
    def test_a_single_point_goes_where_it_is_clear(self, checker, surely, clear):
        checker.collision = Room(surely, None if clear else BLOCKED)
        motion = checker.single(command([0.2], ZERO[:1]), snapshot())
        assert (motion is not None) is (surely or clear)
        assert bool(checker.collision.asked) is not surely

    def test_a_command_is_cut_where_it_is_not_clear(self, checker):
        checker.collision = Room(False, BLOCKED)
        prepared = checker.prepare(command([0.1, 0.2], ZERO[:2]), snapshot(), NOW)
        assert prepared.verdict is BLOCKED and prepared.motion.end == pytest.approx(NOW + 0.05)
        checker.collision = Room(False, None)
        assert checker.prepare(command([0.1, 0.2], ZERO[:2]), snapshot(), NOW).verdict is PASSED
        assert len(checker.collision.asked) == 1

    def test_where_it_could_not_be_stopped_is_said_first(self, checker):
        checker.collision = Room(False, BLOCKED)
        checker._stopping.check = lambda motion: HELD
        prepared = checker.prepare(command([0.5, 1.0], ZERO[:2]), snapshot(), NOW)
        assert prepared.verdict is HELD and prepared.motion.end == pytest.approx(BLOCKED.until_s)
        (left,) = checker.collision.asked
        assert left.end == pytest.approx(HELD.until_s)

    @pytest.mark.parametrize("answer, end", [(None, NOW + 0.1), (replace(BLOCKED, until_s=-np.inf), None)])
    def test_what_could_be_stopped_is_kept_as_far_as_it_is_clear(self, checker, answer, end):
        checker.collision = Room(False, answer)
        checker._stopping.check = lambda motion: HELD
        motion = checker.prepare(command([0.5, 1.0], ZERO[:2]), snapshot(), NOW).motion
        assert (motion is None) if end is None else motion.end == pytest.approx(end)


class TestExactness:
    @pytest.mark.parametrize("joint", range(3))
    def test_soonest_by_jerk_alone(self, limits, joint):
        one = np.ones(3)
        slow = replace(limits, jerk=one, velocity=100 * one, acceleration=100 * one)
        target = np.zeros(3)
        target[joint] = -0.2
        checker = Checker(GateConfig(slow, promised_stop_s=1e4))
        assert checker.soonest(np.zeros(3), target) == pytest.approx(1.01 * (60.0 * 0.2) ** (1 / 3))

    def test_a_command_of_several_points_at_once_goes_to_the_last(self, checker):
        start = [[0.3, 0.0, 0.0], [0, 0, 0], [0, 0, 0]]
        proposal = command([0.0, 0.001], [[0.3, 0.0, 0.0], [1.0, 0.0, 0.0]])
        prepared = checker.prepare(proposal, snapshot(start), NOW)
        expected = checker.soonest(np.array([0.3, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
        assert prepared.motion.end - NOW == pytest.approx(expected)

    def test_a_motion_may_last_as_long_as_the_longest(self, checker):
        """At scale 0.5 exactly twice 120 s."""
        prepared = checker.prepare(command([120.0], ZERO[:1], speed_scale=0.5), snapshot(start=0.0), 0.0)
        assert prepared.motion.end == LONGEST_S == 240.0

    @pytest.mark.parametrize(
        ("beyond", "reason"), [(0.0, "speed_scale"), (0.9e-9, "speed_scale"), (1.5e-9, "speed_recovery")]
    )
    def test_who_asked_is_forgiven_rounding(self, beyond, reason):
        assert _asked(replace(command([1.0], ZERO[:1]), speed_scale=0.5 + beyond), 0.5).reason == reason

    def test_the_step_is_of_the_place_not_of_its_derivatives(self, checker):
        chunk = TestChunk().chunk()
        accelerated = replace(chunk, accelerations=np.full((8, 3), 0.2))
        measured = np.array([0.15, 0.2, 0.0])
        prepared = checker.prepare(accelerated, snapshot(TestChunk().at(0.15), measured=measured), NOW - 0.3)
        assert prepared.verdict.reason != "step_limit"
        far = np.array([0.15, 0.4, 0.2])
        assert (
            checker.prepare(accelerated, snapshot(TestChunk().at(0.15), measured=far), NOW - 0.3).verdict.reason
            == "step_limit"
        )

    def test_the_grip_of_a_cut_command_still_counts_from_its_beginning(self, checker):
        checker.collision = Room(False, BLOCKED)
        grip = {"gripper_joint": "finger", "gripper_positions": np.array([0.01, 0.02])}
        prepared = checker.prepare(command([0.1, 0.2], ZERO[:2], **grip), snapshot(), NOW)
        np.testing.assert_allclose(prepared.grip[0], [NOW + 0.1, NOW + 0.2])
