"""The expert's kinematics against finite differences and against mink."""

from __future__ import annotations

import mink
import mujoco
import numpy as np
import pytest

from vla_sim.kinematics import MAX_JOINT_SPEED_RAD_S, ToolKinematics, tool_yaw_rad
from vla_sim.robot import HOME_Q, TOOL_BODY, URDF_PATH

STEP_S = 1e-5
DIRECTIONS = np.vstack([np.eye(6), -np.eye(6)])


@pytest.fixture(scope="module")
def kinematics() -> ToolKinematics:
    return ToolKinematics()


def near_home(seed: int) -> np.ndarray:
    return HOME_Q + np.random.default_rng(seed).uniform(-0.4, 0.4, 7)


def moved(kinematics: ToolKinematics, q: np.ndarray, dq: np.ndarray) -> np.ndarray:
    """Velocity and turn (6,) of the tool in base_link, by finite differences."""
    position, rotation = kinematics.forward(q)
    there, turned = kinematics.forward(q + STEP_S * dq)
    turn = (turned @ rotation.T - np.eye(3)) / STEP_S
    return np.concatenate([(there - position) / STEP_S, [turn[2, 1], turn[0, 2], turn[1, 0]]])


@pytest.mark.parametrize("seed", range(5))
def test_joint_velocities_move_the_tool_as_asked(kinematics: ToolKinematics, seed: int) -> None:
    q = near_home(seed)
    for direction in DIRECTIONS:
        kinematics.forward(q)
        asked = 0.05 * direction
        dq = kinematics.joint_velocity(asked[:3], asked[3:])
        np.testing.assert_allclose(moved(kinematics, q, dq), asked, atol=2e-3)


@pytest.mark.parametrize("seed", range(5))
def test_where_no_motion_is_asked_only_the_elbow_swivels(kinematics: ToolKinematics, seed: int) -> None:
    q = near_home(seed)
    kinematics.forward(q)
    dq = kinematics.joint_velocity(np.zeros(3), np.zeros(3))
    assert dq[2] * q[2] < 0.0, "joint3 goes back to zero"
    np.testing.assert_allclose(moved(kinematics, q, dq), 0.0, atol=2e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_fast_wish_slows_all_joints_alike(kinematics: ToolKinematics, seed: int) -> None:
    q = near_home(seed) * np.array([1, 1, 0, 1, 1, 1, 1])  # no swivel
    velocity = np.random.default_rng(seed).normal(size=3)
    kinematics.forward(q)
    slow = kinematics.joint_velocity(0.01 * velocity, np.zeros(3))
    fast = kinematics.joint_velocity(100.0 * velocity, np.zeros(3))
    assert np.abs(fast).max() == pytest.approx(MAX_JOINT_SPEED_RAD_S)
    np.testing.assert_allclose(fast / np.abs(fast).max(), slow / np.abs(slow).max(), atol=1e-6)


def test_positions_stay_inside_the_limits(kinematics: ToolKinematics) -> None:
    assert np.all(kinematics.clip(np.full(7, 9.0)) < [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])
    assert np.all(kinematics.clip(np.full(7, -9.0)) > [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
    np.testing.assert_array_equal(kinematics.clip(HOME_Q), HOME_Q)


@pytest.mark.parametrize("turn_rad", [-1.0, 0.0, 0.5])
def test_the_tools_turn_is_that_of_the_wrist_at_home(kinematics: ToolKinematics, turn_rad: float) -> None:
    q = HOME_Q - np.array([0, 0, 0, 0, 0, 0, turn_rad])  # the tool looks down: joint7 turns it the other way
    assert tool_yaw_rad(kinematics.forward(q)[1]) == pytest.approx(turn_rad, abs=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_following_it_ends_where_mink_ends(kinematics: ToolKinematics, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, goal = np.array(HOME_Q), np.array([*rng.uniform([0.4, -0.2, 0.05], [0.6, 0.2, 0.2])])
    downwards = kinematics.forward(start)[1]
    q = start
    for _ in range(400):
        position, rotation = kinematics.forward(q)
        turn = 0.5 * sum(np.cross(rotation[:, axis], downwards[:, axis]) for axis in range(3))
        q = kinematics.clip(q + 0.05 * kinematics.joint_velocity(5.0 * (goal - position), 5.0 * turn))
    ours, our_rotation = kinematics.forward(q)
    theirs, their_rotation = solved_by_mink(start, goal, downwards)
    np.testing.assert_allclose(ours, goal, atol=1e-3)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    np.testing.assert_allclose(our_rotation, their_rotation, atol=5e-3)


def solved_by_mink(start: np.ndarray, goal: np.ndarray, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pose of the tool after mink's differential IK has followed the same goal."""
    model = mujoco.MjModel.from_xml_path(str(URDF_PATH))
    configuration = mink.Configuration(model, np.append(start, [0.04, 0.04]))
    task = mink.FrameTask(TOOL_BODY, "body", position_cost=1.0, orientation_cost=1.0)
    task.set_target(mink.SE3.from_rotation_and_translation(mink.SO3.from_matrix(rotation), goal))
    for _ in range(200):
        limits = [mink.ConfigurationLimit(model)]
        configuration.integrate_inplace(mink.solve_ik(configuration, [task], 0.1, "daqp", 1e-6, limits=limits), 0.1)
    pose = configuration.get_transform_frame_to_world(TOOL_BODY, "body")
    return pose.translation(), pose.rotation().as_matrix()
