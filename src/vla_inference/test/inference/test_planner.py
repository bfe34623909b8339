"""Planners: a plan goes on from what was executed, and from the measured state when that is something else."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.chunking import TwistLimits
from vla_core.errors import ActionError
from vla_core.limits import JointLimits
from vla_core.testing import HOME_RAD, make_base_twist_example, make_contract_example
from vla_core.types import ActionChunk, JointPlan, Observation, TwistPlan, read_only
from vla_inference.inference.planner import JointPlanner, TwistPlanner
from vla_inference.inference.samples import JointSample

SECOND = 1_000_000_000
ARM = tuple(f"joint{index}" for index in range(1, 8))
HOME = np.array(HOME_RAD)


def _limits(names: tuple[str, ...], lower: float, upper: float) -> JointLimits:
    ones = np.ones(len(names))
    return JointLimits(names, ("rad",) * len(names), lower * ones, upper * ones, 2 * ones, 10 * ones, 5000 * ones, ones)


class Arm:
    """An arm whose measured state the test sets."""

    def __init__(self) -> None:
        self.contract = make_contract_example()
        self.newest: JointSample | None = None
        gripper = _limits(("finger_joint1",), -0.001, 0.041)
        self.planner = JointPlanner(self.contract, _limits(ARM, -4.0, 4.0), lambda: self.newest, gripper)

    def plan(self, at_ns: int, measured: np.ndarray, step: float = 0.0, late_ns: int = 0) -> JointPlan | None:
        """A chunk that wants every joint ``step`` further at once."""
        state = read_only([*measured, 0.04])
        observation = Observation({}, {"front": at_ns}, state, at_ns, "pick")
        actions = np.tile([step] * 7 + [0.0], (8, 1))
        plan = self.planner.plan(observation, ActionChunk(actions), at_ns + late_ns)
        assert plan is None or isinstance(plan, JointPlan)
        return plan


def test_the_first_plan_begins_at_the_measured_state_and_ends_at_the_wanted_one() -> None:
    plan = Arm().plan(10 * SECOND, HOME, step=0.1, late_ns=SECOND // 20)
    assert plan is not None and plan.joint_names == ARM
    assert plan.positions[0] == pytest.approx(HOME, abs=1e-3)
    assert plan.positions[-1] == pytest.approx(HOME + 0.1, abs=5e-3)
    assert plan.gripper_joint == "finger_joint1"


def test_the_next_plan_goes_on_with_what_was_sent_and_not_with_what_lags_behind() -> None:
    arm = Arm()
    first = arm.plan(10 * SECOND, HOME, step=0.1)
    second = arm.plan(10 * SECOND + SECOND // 5, HOME + 0.02, step=0.1)
    assert first is not None and second is not None
    at = second.t0_ns + round(second.times_s[0] * 1e9)
    sent = np.interp((at - first.t0_ns) * 1e-9, first.times_s, first.positions[:, 0])
    assert second.positions[0, 0] == pytest.approx(sent, abs=1e-3)


def test_after_a_restart_the_plan_begins_at_the_measured_state() -> None:
    arm = Arm()
    arm.plan(10 * SECOND, HOME, step=0.1)
    arm.planner.restart()
    plan = arm.plan(11 * SECOND, HOME + 0.05)
    assert plan is not None and plan.positions[0] == pytest.approx(HOME + 0.05, abs=1e-3)


def test_after_a_restart_a_moving_arm_is_not_thought_to_rest() -> None:
    arm = Arm()
    arm.plan(10 * SECOND, HOME)
    arm.planner.restart()
    arm.newest = JointSample(11 * SECOND, 0, ARM, list(HOME), [0.5] * 7)
    plan = arm.plan(11 * SECOND, HOME)
    assert plan is not None and plan.velocities is not None
    assert plan.velocities[0] == pytest.approx([0.5] * 7, abs=0.1)


def test_an_arm_whose_velocities_are_not_measured_is_planned_for_as_if_they_were_not_sent() -> None:
    arm = Arm()
    arm.newest = JointSample(10 * SECOND, 0, ARM, list(HOME), [np.nan] * 7)
    plan = arm.plan(10 * SECOND, HOME, step=0.1)
    assert plan is not None and plan.positions[-1] == pytest.approx(HOME + 0.1, abs=5e-3)


def test_an_arm_that_somebody_else_moved_is_planned_from_where_it_is() -> None:
    arm = Arm()
    arm.plan(10 * SECOND, HOME)
    arm.planner.start_task()
    plan = arm.plan(20 * SECOND, HOME + 0.5)
    assert plan is not None and plan.positions[0] == pytest.approx(HOME + 0.5, abs=1e-3)


def test_a_chunk_whose_time_is_over_is_no_plan() -> None:
    assert Arm().plan(10 * SECOND, HOME, late_ns=5 * SECOND) is None


def test_a_clock_that_went_back_is_survived() -> None:
    arm = Arm()
    arm.plan(100 * SECOND, HOME)
    arm.plan(10 * SECOND, HOME)
    assert arm.plan(11 * SECOND, HOME) is not None


def test_actions_that_are_not_finite_are_refused() -> None:
    arm = Arm()
    observation = Observation({}, {"front": SECOND}, read_only([*HOME, 0.04]), SECOND, "pick")
    actions = np.zeros((8, 8))
    actions[3, 2] = np.nan
    with pytest.raises(ActionError, match="joint3"):
        arm.planner.plan(observation, ActionChunk(actions), SECOND)


def test_a_base_ramps_up_and_ends_at_zero() -> None:
    velocity, acceleration = np.array([0.5, 0, 0, 0, 0, 1.5]), np.array([1.0, 0, 0, 0, 0, 3.0])
    planner = TwistPlanner(make_base_twist_example(), TwistLimits(velocity, acceleration))
    observation = Observation({}, {"front": SECOND}, read_only([]), SECOND, "go")
    plan = planner.plan(observation, ActionChunk(np.tile([0.2, 0.3], (8, 1))), SECOND)
    assert isinstance(plan, TwistPlan) and plan.frame_id == "base_link"
    assert plan.twists[:, 0].max() == pytest.approx(0.2) and not plan.twists[-1].any()
