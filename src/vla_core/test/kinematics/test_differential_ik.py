from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.errors import ActionError, KinematicsError
from vla_core.kinematics import DifferentialIk, EndEffector, RobotKinematics, rotation_matrix
from vla_core.limits import load_joint_limits
from vla_core.testing import chain

LIMITS = load_joint_limits(chain.urdf(), chain.LIMITS_YAML, chain.JOINTS)
IK = DifferentialIk(RobotKinematics(chain.urdf(), chain.JOINTS), LIMITS)
TIP = EndEffector(IK)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_pose_nearby_is_reached_inside_the_limits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.uniform(LIMITS.lower, LIMITS.upper)
    goal = chain.forward(np.clip(start + rng.uniform(-0.2, 0.2, 7), LIMITS.lower, LIMITS.upper))
    q = IK.solve(goal, start)
    reached = chain.forward(q)
    assert np.linalg.norm(reached[:3, 3] - goal[:3, 3]) <= 2e-5
    np.testing.assert_allclose(reached[:3, :3], goal[:3, :3], atol=2e-4)
    assert (q >= LIMITS.lower).all()
    assert (q <= LIMITS.upper).all()


def test_a_pose_that_is_already_there_costs_no_motion() -> None:
    np.testing.assert_array_equal(IK.solve(chain.forward(chain.HOME), chain.HOME), chain.HOME)


def test_a_joint_at_its_bound_is_made_up_for_by_the_others() -> None:
    start = np.array([LIMITS.upper[0], -0.5, 0.4, -2.0, 0.5, 1.8, 0.3])
    goal = chain.forward(start)
    goal[:3, 3] += (
        0.05 * IK.kinematics.T_base_link(start, "tool0")[:3, :3] @ IK.kinematics.jacobian(start, "tool0")[:3, 0]
    )
    q = IK.solve(goal, start)
    assert q[0] <= LIMITS.upper[0]
    np.testing.assert_allclose(chain.forward(q), goal, atol=3e-4)


def test_an_encoder_slightly_outside_a_limit_may_stay_but_go_no_further() -> None:
    start = chain.HOME.copy()
    start[3] = LIMITS.lower[3] - 0.01
    q = IK.solve(chain.forward(start), start)
    np.testing.assert_array_equal(q, start)


def test_a_pose_out_of_reach_is_refused_with_the_distance() -> None:
    goal = chain.forward(chain.HOME)
    goal[0, 3] += 2.0
    with pytest.raises(KinematicsError, match=r"'tool0' cannot be reached: \d{3,}\.\d mm"):
        IK.solve(goal, chain.HOME)


def test_a_pose_that_needs_more_than_the_velocity_limits_is_refused() -> None:
    goal = chain.forward(chain.HOME)
    goal[2, 3] -= 0.2
    with pytest.raises(KinematicsError, match=r"within 0\.05 s.*at a bound: joint"):
        IK.solve(goal, chain.HOME, within_s=0.05)
    q = IK.solve(goal, chain.HOME, within_s=1.0)
    assert (np.abs(q - chain.HOME) <= LIMITS.velocity * 1.0).all()


def test_limits_of_other_joints_are_refused() -> None:
    with pytest.raises(KinematicsError, match="limits are of"):
        DifferentialIk(IK.kinematics, LIMITS.select(chain.JOINTS[::-1]))


def deltas(rotation: str, turn: list[float], count: int = 4) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.tile([0.01, -0.005, -0.02, *turn], (count, 1))


@pytest.mark.parametrize(
    ("rotation", "turn"),
    [
        ("rotation_vector", [0.0, 0.0, 0.05]),
        ("euler_xyz", [0.0, 0.0, 0.05]),
        ("quaternion_xyzw", [0.0, 0.0, np.sin(0.025), np.cos(0.025)]),
        ("rotation_6d", [np.cos(0.05), np.sin(0.05), 0.0, -np.sin(0.05), np.cos(0.05), 0.0]),
    ],
)
def test_cumulative_deltas_in_the_base_frame_add_up(rotation: str, turn: list[float]) -> None:
    start = chain.forward(chain.HOME)
    positions = TIP.follow(deltas(rotation, turn), rotation, "base_link", chain.HOME, cumulative=True, period_s=0.1)
    for step, q in enumerate(positions, start=1):
        pose = chain.forward(q)
        np.testing.assert_allclose(pose[:3, 3] - start[:3, 3], step * np.array([0.01, -0.005, -0.02]), atol=1e-4)
        expected = rotation_matrix(np.array([0, 0, 0.05 * step]), "rotation_vector") @ start[:3, :3]
        np.testing.assert_allclose(pose[:3, :3], expected, atol=1e-3)


@pytest.mark.parametrize("frame", ["tool", "tool0"])
def test_deltas_in_the_tool_frame_are_seen_from_the_tool(frame: str) -> None:
    step = np.array([[0.0, 0.0, 0.02, 0.0, 0.0, 0.1]])
    pose = chain.forward(TIP.follow(step, "rotation_vector", frame, chain.HOME, cumulative=False, period_s=0.1)[0])
    seen = np.linalg.inv(chain.forward(chain.HOME)) @ pose
    np.testing.assert_allclose(seen[:3, 3], [0, 0, 0.02], atol=1e-4)
    np.testing.assert_allclose(seen[:3, :3], rotation_matrix(step[0, 3:], "rotation_vector"), atol=1e-3)


def test_deltas_that_do_not_add_up_count_from_the_start() -> None:
    positions = TIP.follow(
        deltas("euler_xyz", [0.0, 0.0, 0.0]), "euler_xyz", "base_link", chain.HOME, cumulative=False, period_s=0.1
    )
    start = chain.forward(chain.HOME)
    for q in positions:
        np.testing.assert_allclose(chain.forward(q)[:3, 3] - start[:3, 3], [0.01, -0.005, -0.02], atol=1e-4)


def test_an_unreachable_step_is_named() -> None:
    far = np.zeros((3, 6))
    far[1, 0] = 3.0
    with pytest.raises(KinematicsError, match="action 1: pose of 'tool0'"):
        TIP.follow(far, "rotation_vector", "base_link", chain.HOME, cumulative=True, period_s=0.1)


def test_an_unknown_frame_is_refused() -> None:
    with pytest.raises(ActionError, match="'camera' is unknown; valid: base_link, tool, tool0"):
        TIP.follow(np.zeros((1, 6)), "rotation_vector", "camera", chain.HOME, cumulative=True, period_s=0.1)
