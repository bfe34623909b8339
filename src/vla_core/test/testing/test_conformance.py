"""The suites pass on what they are made for, and catch what they are made to catch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from vla_core.errors import ActionError
from vla_core.policies import MockPolicy, make_mock_policy
from vla_core.policy import Policy
from vla_core.robot import Robot
from vla_core.testing import HOME_RAD, MockRobot, make_contract_example
from vla_core.testing.policy_conformance import PolicyConformance
from vla_core.testing.robot_conformance import RobotConformance
from vla_core.types import ActionChunk, JointPlan, Observation, read_only


class TestMockRobot(RobotConformance):
    def make_object_under_test(self) -> Robot:
        return MockRobot(make_contract_example(), read_only([*HOME_RAD, 0.04]))


class _Lenient(MockPolicy):
    """Takes every observation, by answering for another one."""

    def infer(self, observation: Observation) -> ActionChunk:
        try:
            return super().infer(observation)
        except Exception:
            return ActionChunk(read_only(np.zeros((8, 8))), done=0.0)


class _Aliasing(MockPolicy):
    """Gives out its own buffer."""

    _buffer = np.zeros((8, 8))

    def infer(self, observation: Observation) -> ActionChunk:
        self._buffer[:] = super().infer(observation).actions + observation.t0_ns * 1e-9
        return ActionChunk(self._buffer, done=0.0)


class _Forgetless(MockPolicy):
    def reset(self) -> None:
        pass


def _suite(policy_type: type[MockPolicy], **spec: object) -> PolicyConformance:
    class Suite(PolicyConformance):
        def make_object_under_test(self) -> Policy:
            contract = make_contract_example()
            assert contract.mock is not None
            return policy_type(contract, dataclasses.replace(contract.mock, **spec))

    return Suite()


@pytest.mark.parametrize(
    ("suite", "test"),
    [
        (_suite(_Lenient), PolicyConformance.test_a_missing_camera_is_refused),
        (_suite(_Lenient), PolicyConformance.test_a_state_that_is_not_finite_is_refused),
        (_suite(_Lenient), PolicyConformance.test_an_image_of_another_type_is_refused),
        (_suite(_Lenient), PolicyConformance.test_a_state_of_another_length_is_refused),
        (_suite(_Aliasing), PolicyConformance.test_a_chunk_that_was_given_does_not_change_later),
        (_suite(_Forgetless, done_after_chunks=2), PolicyConformance.test_a_reset_starts_the_episode_anew),
        (_suite(MockPolicy, behaviour="nan"), PolicyConformance.test_its_chunks_are_what_the_contract_says),
        (_suite(MockPolicy, behaviour="wrong_shape"), PolicyConformance.test_its_chunks_are_what_the_contract_says),
    ],
)
def test_a_faulty_policy_fails(suite: PolicyConformance, test: Callable[[PolicyConformance], None]) -> None:
    with pytest.raises((AssertionError, ActionError, pytest.fail.Exception)):
        test(suite)


class _Runaway(MockRobot):
    def stop(self) -> None:
        pass


class _Trusting(MockRobot):
    def execute(self, plan: JointPlan) -> None:
        self._plan = plan


@pytest.mark.parametrize(
    ("robot_type", "run"),
    [
        (_Runaway, lambda suite: suite.test_stop_brings_it_to_rest()),
        (_Trusting, lambda suite: suite.test_a_wrong_plan_is_refused_and_changes_nothing("nan")),
    ],
)
def test_a_faulty_robot_fails(robot_type: type[MockRobot], run: Callable[[RobotConformance], None]) -> None:
    class Suite(RobotConformance):
        def make_object_under_test(self) -> Robot:
            return robot_type(make_contract_example(), read_only([*HOME_RAD, 0.04]))

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run(Suite())


def test_the_good_policy_passes_where_the_faulty_ones_fail() -> None:
    suite = _suite(MockPolicy, done_after_chunks=2)
    suite.test_a_reset_starts_the_episode_anew()
    suite.test_a_missing_camera_is_refused()
    assert make_mock_policy(make_contract_example()).contract.policy_id == "tabletop_example@0.1.0"
