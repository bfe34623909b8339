from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vla_core.contract import Contract, load_contract
from vla_core.errors import ActionError
from vla_core.kinematics import DifferentialIk, EndEffector, RobotKinematics
from vla_core.limits import load_joint_limits
from vla_core.resolve import resolve
from vla_core.testing import chain
from vla_core.testing.examples import make_contract_mapping, make_ee_delta_mapping
from vla_core.types import ActionChunk, FloatArray, JointPlan, TwistPlan

T0 = 12_345_678_901
STATE = np.array([*chain.HOME, 0.03])
RNG = np.random.default_rng(5)


def contract(**changes: str) -> Contract:
    base = load_contract(make_contract_mapping())
    return replace(base, action=replace(base.action, **changes))  # type: ignore[arg-type]


def joint_plan(actions: FloatArray, of: Contract, state: FloatArray = STATE) -> JointPlan:
    plan = resolve(ActionChunk(actions), of, state, T0)
    assert isinstance(plan, JointPlan)
    return plan


def test_action_k_is_due_k_periods_after_t0() -> None:
    plan = joint_plan(RNG.standard_normal((8, 8)), contract())
    assert plan.t0_ns == T0
    assert plan.joint_names == chain.JOINTS
    np.testing.assert_allclose(plan.times_s, np.arange(8) * 0.1)
    assert not plan.positions.flags.writeable


@pytest.mark.parametrize("kind", ["absolute", "chunk_relative", "step_relative"])
def test_joint_positions_of_every_kind(kind: str) -> None:
    actions = RNG.standard_normal((8, 8))
    expected = {
        "absolute": actions[:, :7],
        "chunk_relative": chain.HOME + actions[:, :7],
        "step_relative": chain.HOME + np.cumsum(actions[:, :7], axis=0),
    }[kind]
    np.testing.assert_allclose(joint_plan(actions, contract(kind=kind)).positions, expected)


def test_the_gripper_has_its_own_kind() -> None:
    actions = RNG.standard_normal((8, 8))
    plan = joint_plan(actions, contract())
    assert plan.gripper_joint == "finger_joint1"
    np.testing.assert_array_equal(plan.gripper_positions, actions[:, 7])
    relative = contract()
    assert relative.action.gripper is not None
    gripper = replace(relative.action.gripper, kind="chunk_relative")
    relative = replace(relative, action=replace(relative.action, gripper=gripper))
    np.testing.assert_allclose(joint_plan(actions, relative).gripper_positions, 0.03 + actions[:, 7])  # type: ignore[arg-type]


def test_without_a_gripper_none_is_commanded() -> None:
    plan = joint_plan(np.zeros((8, 7)), contract(gripper=None))  # type: ignore[arg-type]
    assert plan.gripper_joint is None
    assert plan.gripper_positions is None


def test_state_is_taken_by_name_and_not_by_place() -> None:
    base = contract()
    shuffled = replace(base, state=base.state[::-1])
    plan = joint_plan(np.zeros((8, 8)), shuffled, STATE[::-1])
    np.testing.assert_allclose(plan.positions, np.tile(chain.HOME, (8, 1)))


def test_velocities_are_integrated_from_the_state() -> None:
    speeds = RNG.standard_normal((8, 8))
    plan = joint_plan(speeds, contract(space="joint_velocity", kind="absolute"))
    np.testing.assert_allclose(plan.times_s, np.arange(9) * 0.1)
    np.testing.assert_allclose(plan.positions[0], chain.HOME)
    np.testing.assert_allclose(np.diff(plan.positions, axis=0) / 0.1, speeds[:, :7])
    assert plan.gripper_positions is not None
    np.testing.assert_array_equal(plan.gripper_positions, [*speeds[:, 7], speeds[-1, 7]])


@pytest.mark.parametrize("kind", ["chunk_relative", "step_relative"])
def test_end_effector_deltas_become_joints(kind: str) -> None:
    base = load_contract(make_ee_delta_mapping())
    base = replace(base, action=replace(base.action, kind=kind))
    limits = load_joint_limits(chain.urdf(), chain.LIMITS_YAML, chain.JOINTS)
    tip = EndEffector(DifferentialIk(RobotKinematics(chain.urdf(), chain.JOINTS), limits))
    actions = np.zeros((base.action.horizon, base.action.size))
    actions[:, 2] = -0.01
    state = np.array([dict(zip((*chain.JOINTS, "finger_joint1"), STATE, strict=True))[n] for n in base.state_names])
    plan = resolve(ActionChunk(actions), base, state, T0, tip)
    assert isinstance(plan, JointPlan)
    down = chain.forward(plan.positions[-1])[2, 3] - chain.forward(chain.HOME)[2, 3]
    assert down == pytest.approx(-0.01 * (len(actions) if kind == "step_relative" else 1), abs=1e-4)
    with pytest.raises(ActionError, match="needs the arm's kinematics"):
        resolve(ActionChunk(actions), base, state, T0)


def test_twists_go_by_name() -> None:
    action = {
        "space": "base_twist",
        "kind": "absolute",
        "frame": "base_link",
        "dimensions": [{"name": "angular_z", "unit": "rad/s"}, {"name": "linear_x", "unit": "m/s"}],
        "period_s": 0.1,
        "horizon": 4,
    }
    none = {"method": "none"}
    changes = {"action": action, "normalization": {"state": none, "action": none}, "tokenizer": None}
    mapping = {k: v for k, v in make_contract_mapping(**changes).items() if v is not None}
    plan = resolve(ActionChunk(np.tile([0.3, 0.5], (4, 1))), load_contract(mapping), STATE, T0)
    assert isinstance(plan, TwistPlan)
    assert plan.frame_id == "base_link"
    np.testing.assert_array_equal(plan.twists, np.tile([0.5, 0, 0, 0, 0, 0.3], (4, 1)))


@pytest.mark.parametrize("shape", [(8, 7), (7, 8), (0, 8), (8,), (1, 8, 8)])
def test_a_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ActionError, match=r"the contract says \(8, 8\) \(horizon, joint1"):
        resolve(ActionChunk(np.zeros(shape)), contract(), STATE, T0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named(value: float) -> None:
    actions = np.zeros((8, 8))
    actions[3, 7] = value
    with pytest.raises(ActionError, match=r"actions\[3\].*finger_joint1 is -?(nan|inf)"):
        resolve(ActionChunk(actions), contract(), STATE, T0)


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.5, float("nan")])
def test_a_speed_scale_outside_its_range_is_refused(scale: float) -> None:
    with pytest.raises(ActionError, match="speed_scale"):
        resolve(ActionChunk(np.zeros((8, 8)), speed_scale=scale), contract(), STATE, T0)


def test_a_state_of_another_size_or_not_finite_is_refused() -> None:
    for state in (STATE[:7], np.where(np.arange(8) == 2, np.nan, STATE)):
        with pytest.raises(ActionError, match="state must be 8 finite numbers"):
            resolve(ActionChunk(np.zeros((8, 8))), contract(), state, T0)


def test_a_relative_action_of_a_joint_that_is_not_in_the_state_is_refused() -> None:
    base = contract()
    without = replace(base, state=base.state[1:])
    with pytest.raises(ActionError, match="no joint1, which its actions are relative to"):
        resolve(ActionChunk(np.zeros((8, 8))), without, STATE[1:], T0)
