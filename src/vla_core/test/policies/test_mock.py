"""Mock policies do what their section says, in every action space."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest

from vla_core.checks import check_chunk
from vla_core.contract import Contract
from vla_core.errors import ActionError, ContractError
from vla_core.policies import MockPolicy, make_mock_policy, neutral_action
from vla_core.policy import Policy
from vla_core.testing import (
    make_base_twist_example,
    make_contract_example,
    make_contract_mapping,
    make_ee_delta_example,
    make_observation_example,
)
from vla_core.testing.policy_conformance import PolicyConformance

VELOCITY_ACTION = {
    "space": "joint_velocity",
    "kind": "absolute",
    "dimensions": [{"name": f"joint{i}", "unit": "rad/s"} for i in range(1, 8)],
    "gripper": {"name": "finger_joint1", "unit": "m", "kind": "absolute", "open": 0.04, "closed": 0.0},
    "period_s": 0.1,
    "horizon": 8,
}


def absolute() -> dict[str, object]:
    action = make_contract_mapping()["action"]
    assert isinstance(action, dict)
    return action | {"kind": "absolute"}


def with_mock(contract: Contract, **spec: object) -> MockPolicy:
    assert contract.mock is not None
    return MockPolicy(contract, dataclasses.replace(contract.mock, **spec))


class TestHold(PolicyConformance):
    def make_object_under_test(self) -> Policy:
        return make_mock_policy(make_contract_example())


class TestAbsoluteHold(PolicyConformance):
    def make_object_under_test(self) -> Policy:
        return make_mock_policy(make_contract_example(action=absolute()))


class TestSinusoid(PolicyConformance):
    def make_object_under_test(self) -> Policy:
        mock = {"behaviour": "sinusoid", "values": [0.1] * 7 + [0.0], "done_after_chunks": 2}
        return make_mock_policy(make_contract_example(mock=mock))


class TestBaseTwist(PolicyConformance):
    def make_object_under_test(self) -> Policy:
        return make_mock_policy(make_base_twist_example())


class TestEndEffectorHold(PolicyConformance):
    def make_object_under_test(self) -> Policy:
        return make_mock_policy(make_ee_delta_example("rotation_6d"))


@pytest.mark.parametrize(
    ("contract", "arm"),
    [
        (make_contract_example(), [0.0] * 7),
        (make_contract_example(action=VELOCITY_ACTION), [0.0] * 7),
        (make_ee_delta_example("rotation_vector"), [0.0] * 6),
        (make_ee_delta_example("quaternion_xyzw"), [0.0] * 6 + [1.0]),
        (make_ee_delta_example("rotation_6d"), [0, 0, 0, 1, 0, 0, 0, 1, 0]),
    ],
    ids=["chunk_relative", "velocity", "rotation_vector", "quaternion", "6d"],
)
def test_holding_moves_nothing_and_keeps_the_grip(contract: Contract, arm: list[float]) -> None:
    state = make_observation_example(contract).state
    np.testing.assert_array_equal(neutral_action(contract, state), [*arm, state[-1]])


def test_holding_an_absolute_joint_repeats_the_state() -> None:
    contract = make_contract_example(action=absolute())
    state = make_observation_example(contract).state
    np.testing.assert_array_equal(neutral_action(contract, state), state)


def test_what_is_not_in_the_state_cannot_be_held() -> None:
    contract = dataclasses.replace(make_contract_example(), state=make_contract_example().state[:-1])
    with pytest.raises(ContractError, match="cannot hold 'finger_joint1'"):
        neutral_action(contract, np.zeros(7))


def test_constant_is_its_values_in_every_row() -> None:
    policy = make_mock_policy(make_base_twist_example())
    chunk = policy.infer(make_observation_example(policy.contract))
    np.testing.assert_array_equal(chunk.actions, np.tile([0.2, 0.3], (8, 1)))
    assert chunk.done is None


@pytest.mark.parametrize("kind", ["absolute", "chunk_relative", "step_relative"])
def test_the_sinusoid_is_one_curve_whatever_the_kind_of_action(kind: str) -> None:
    mock = {"behaviour": "sinusoid", "values": [0.1, 0, 0, 0, 0, 0, 0, 0.01], "frequency_hz": 0.5}
    policy = make_mock_policy(make_contract_example(action=absolute() | {"kind": kind}, mock=mock))
    start = make_observation_example(policy.contract)
    policy.infer(start)
    t0_ns = start.t0_ns + 700_000_000
    times_s = 0.7 + 0.1 * np.arange(8)
    wanted = start.state[0] + 0.1 * np.sin(2 * np.pi * 0.5 * times_s)
    here = start.state.copy()
    here[0] = wanted[0]
    chunk = policy.infer(
        dataclasses.replace(start, image_stamps_ns=dict.fromkeys(start.images, t0_ns), state=here)
    ).actions
    got = {
        "absolute": chunk[:, 0],
        "chunk_relative": here[0] + chunk[:, 0],
        "step_relative": here[0] + chunk[:, 0].cumsum(),
    }
    np.testing.assert_allclose(got[kind], wanted, atol=1e-12)
    np.testing.assert_allclose(chunk[:, -1], 0.02 + 0.01 * np.sin(np.pi * times_s), atol=1e-12)


def test_the_gripper_s_sinusoid_stays_between_open_and_closed() -> None:
    mock = {"behaviour": "sinusoid", "values": [0.0] * 7 + [5.0], "frequency_hz": 1.0}
    policy = make_mock_policy(make_contract_example(mock=mock))
    column = policy.infer(make_observation_example(policy.contract)).actions[:, -1]
    assert column.min() == 0.0 and column.max() == 0.04


def test_a_sinusoid_of_a_quaternion_is_refused() -> None:
    contract = make_ee_delta_example("quaternion_xyzw", mock={"behaviour": "sinusoid", "values": [0.1] * 8})
    with pytest.raises(ContractError, match="a sum is no rotation"):
        make_mock_policy(contract)


@pytest.mark.parametrize(("behaviour", "message"), [("nan", "nan for joint1 at step 7"), ("wrong_shape", r"\(8, 7\)")])
def test_faulty_chunks_are_refused_by_the_check(behaviour: str, message: str) -> None:
    policy = with_mock(make_contract_example(), behaviour=behaviour)
    with pytest.raises(ActionError, match=message):
        check_chunk(policy.infer(make_observation_example(policy.contract)), policy.contract)


def test_slow_takes_its_delay_by_the_given_clock() -> None:
    contract = make_contract_example(mock={"behaviour": "slow", "delay_s": 300.0})
    assert contract.mock is not None
    slept: list[float] = []
    MockPolicy(contract, contract.mock, sleep=slept.append).infer(make_observation_example(contract))
    assert slept == [300.0]


def test_hanging_ends_only_by_release() -> None:
    policy = with_mock(make_contract_example(), behaviour="hang")
    observation = make_observation_example(policy.contract)
    answered = threading.Event()
    thread = threading.Thread(target=lambda: (policy.infer(observation), answered.set()), daemon=True)
    thread.start()
    assert not answered.wait(0.05)
    policy.release()
    assert answered.wait(30.0)
    thread.join(30.0)


def test_done_comes_after_the_stated_chunks_and_again_after_a_reset() -> None:
    policy = with_mock(make_contract_example(), done_after_chunks=2)
    observation = make_observation_example(policy.contract)
    assert [policy.infer(observation).done for _ in range(3)] == [0.0, 1.0, 1.0]
    policy.reset()
    assert policy.infer(observation).done == 0.0


def test_another_runtime_is_refused() -> None:
    contract = make_contract_example(runtime="remote", mock=None, url="ws://host")
    with pytest.raises(ContractError, match="is remote, not mock"):
        make_mock_policy(contract)


def test_values_of_another_length_are_a_bug() -> None:
    with pytest.raises(ValueError, match="2 values for 8 columns"):
        with_mock(make_contract_example(), values=(1.0, 2.0))
