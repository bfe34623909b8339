"""Physics: how the arm follows its set-points, what a reset touches, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from vla_sim.robot import GRIPPER_CLOSED_M, GRIPPER_OPEN_M, HOME_Q
from vla_sim.sampling import sample_scene, scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import COLORS, CUBE_SIZE_M, SceneSpec

SPEED_RAD_S = 0.5
CONTROL_S = 0.01


def steps(sim: TabletopSim, duration_s: float) -> int:
    return round(duration_s / sim.timestep_s)


def ramp(sim: TabletopSim, with_velocity: bool) -> float:
    """Lag behind a set-point of joint1 that moves with ``SPEED_RAD_S``, after the start has died away [s]."""
    sim.reset(scene_from_seed(3))
    velocity = np.zeros(7)
    velocity[0] = SPEED_RAD_S
    target = np.array(HOME_Q)
    for _ in range(50):
        sim.set_targets(target, GRIPPER_OPEN_M, velocity if with_velocity else None)
        sim.step(steps(sim, CONTROL_S))
        target = target + velocity * CONTROL_S
    now = target[0] - velocity[0] * CONTROL_S  # the set-point that is in force
    return (now + (CONTROL_S / 2) * SPEED_RAD_S - sim.joint_positions()[0]) / SPEED_RAD_S


def test_positions_alone_are_followed_some_25_ms_behind(sim: TabletopSim) -> None:
    assert 0.015 < ramp(sim, with_velocity=False) < 0.040


def test_with_velocities_the_arm_is_on_its_set_point(sim: TabletopSim) -> None:
    assert abs(ramp(sim, with_velocity=True)) < 0.006


def test_at_rest_the_arm_stays_where_it_is_told(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(3))
    target = HOME_Q + 0.1
    sim.set_targets(target, GRIPPER_OPEN_M)
    sim.step(steps(sim, 1.0))
    np.testing.assert_allclose(sim.joint_positions()[:7], target, atol=1e-3)
    np.testing.assert_allclose(sim.joint_velocities()[:7], 0.0, atol=1e-3)


def test_the_fingers_close_together_and_ever_slower(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(3))
    sim.set_targets(HOME_Q, GRIPPER_CLOSED_M)
    sim.step(steps(sim, 0.087))  # their time constant: about a third of the way is left
    left, right = sim.joint_positions()[7:]
    assert left == pytest.approx(right, abs=1e-3)
    assert left == pytest.approx(0.04 / np.e, abs=0.003)
    sim.step(steps(sim, 0.6))
    np.testing.assert_allclose(sim.joint_positions()[7:], 0.0, atol=2e-3)


@pytest.mark.parametrize(("wish_m", "end_m"), [(0.2, GRIPPER_OPEN_M), (-0.1, GRIPPER_CLOSED_M)])
def test_a_gripper_wish_beyond_its_range_is_its_end(sim: TabletopSim, wish_m: float, end_m: float) -> None:
    sim.reset(scene_from_seed(3))
    sim.set_targets(HOME_Q, wish_m)
    sim.step(steps(sim, 0.8))
    assert sim.state().gripper_m == pytest.approx(end_m, abs=2e-3)


def test_cubes_rest_where_the_scene_puts_them(sim: TabletopSim) -> None:
    scene = scene_from_seed(11)
    sim.reset(scene)
    sim.step(steps(sim, 1.0))
    state = sim.state()
    assert set(state.colors) == set(scene.colors)
    for cube in scene.cubes:
        index = COLORS.index(cube.color)
        np.testing.assert_allclose(
            state.cube_positions_m[index], [cube.x_m, cube.y_m, CUBE_SIZE_M / 2], atol=1e-3, err_msg=cube.color
        )
        assert state.cube_yaws_rad[index] == pytest.approx(cube.yaw_rad, abs=5e-3)
    absent = [COLORS.index(color) for color in COLORS if color not in scene.colors]
    assert np.isnan(state.cube_positions_m[absent]).all() and np.isnan(state.cube_yaws_rad[absent]).all()


def test_fresh_cubes_do_not_move_the_arm(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(3))
    sim.set_targets(HOME_Q + 0.2, 0.01)
    sim.step(steps(sim, 0.1))  # in mid-motion
    before = (sim.joint_positions(), sim.joint_velocities(), sim.time_s)
    scene = scene_from_seed(4)
    sim.replace_cubes(scene)
    after = (sim.joint_positions(), sim.joint_velocities(), sim.time_s)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert set(sim.state().colors) == set(scene.colors)


def test_time_never_steps_back(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(3))
    sim.step(10)
    before = sim.time_s
    sim.reset(scene_from_seed(4))
    assert sim.time_s == before
    sim.step(5)
    assert sim.time_s == pytest.approx(before + 5 * sim.timestep_s)


def test_a_reset_starts_from_the_same_place_whatever_was_before(sim: TabletopSim) -> None:
    runs = []
    for disturbance in (0.3, -0.2):
        sim.set_targets(HOME_Q + disturbance, 0.0)
        sim.step(40)
        sim.reset(scene_from_seed(5))
        sim.set_targets(HOME_Q + 0.05, 0.02)
        sim.step(100)
        runs.append(sim.qpos())
    np.testing.assert_array_equal(*runs)


def test_a_reset_can_start_elsewhere(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(5), HOME_Q - 0.1, 0.02)
    state = sim.state()
    np.testing.assert_allclose(state.q_rad, HOME_Q - 0.1)
    assert state.gripper_m == 0.02 and not state.dq_rad_s.any()


def test_too_fast_a_motion_is_noticed_and_forgotten_with_the_scene(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(3))
    sim.step(50)
    assert sim.max_limit_violation == 0.0
    for _ in range(20):
        sim.set_targets(HOME_Q + np.array([1.5, 0, 0, 0, 0, 0, 0]), GRIPPER_OPEN_M)
        sim.step(5)
    assert sim.max_limit_violation > 0.05
    sim.replace_cubes(scene_from_seed(4))
    assert sim.max_limit_violation == 0.0


def test_a_state_does_not_change_afterwards(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(3))
    state = sim.state()
    sim.set_targets(HOME_Q + 0.3, 0.0)
    sim.step(100)
    np.testing.assert_array_equal(state.q_rad, HOME_Q)
    assert state.gripper_m == 0.04


@pytest.mark.parametrize(
    ("q_rad", "gripper_m"),
    [(np.full(7, np.nan), 0.04), (np.full(7, np.inf), 0.04), (HOME_Q, np.nan), (HOME_Q, np.inf), (np.zeros(6), 0.04)],
)
def test_set_points_that_are_none_are_refused_and_change_nothing(
    sim: TabletopSim, q_rad: np.ndarray, gripper_m: float
) -> None:
    sim.reset(scene_from_seed(3))
    with pytest.raises(ValueError, match=r"shape|finite"):
        sim.set_targets(q_rad, gripper_m)
    sim.step(20)
    np.testing.assert_allclose(sim.joint_positions()[:7], HOME_Q, atol=1e-3)


def test_a_single_cube_may_be_alone_on_the_table(sim: TabletopSim) -> None:
    scene: SceneSpec = sample_scene(np.random.default_rng(0), n_cubes=1)
    sim.reset(scene)
    assert sim.state().colors == (scene.target,)
