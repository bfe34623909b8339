"""The arm behind its controllers, in lock-step."""

from __future__ import annotations

import numpy as np
import pytest

from vla_sim.controllers import CommandRejectedError, TrajectoryCommand, TrajectoryOptions, TrajectoryPoint
from vla_sim.robot import ARM_JOINTS, HOME_Q
from vla_sim.ros.arm_robot import JOINT_NAMES, ArmRobot
from vla_sim.ros.clock import SimClock
from vla_sim.ros.pacing import Pacer
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim

MS = 1_000_000


def make_robot(*, forward_position: bool = False, **options: bool) -> ArmRobot:
    sim = TabletopSim()
    sim.reset(scene_from_seed(1_000_000))
    clock = SimClock(simulated=True, pacer=Pacer())
    return ArmRobot(sim, clock, TrajectoryOptions(**options), forward_position=forward_position)


def move(joint1_rad: float, duration_ms: int) -> TrajectoryCommand:
    goal = np.array(HOME_Q)
    goal[0] += joint1_rad
    rest = [0.0] * 7
    return TrajectoryCommand(ARM_JOINTS, [TrajectoryPoint(duration_ms * MS, goal.tolist(), rest, rest)])


def test_holds_where_it_was_put() -> None:
    robot = make_robot()
    robot.advance(500 * MS)
    np.testing.assert_allclose(robot.sim.joint_positions()[:7], HOME_Q, atol=1e-3)


def test_time_counts_whole_physics_steps() -> None:
    robot = make_robot()
    robot.advance(5 * MS)
    assert robot.now_ns == 6 * MS
    robot.advance(10 * MS)
    assert robot.now_ns == 10 * MS


@pytest.mark.parametrize("from_desired", [True, False])
def test_a_trajectory_is_followed_closely(from_desired: bool) -> None:
    robot = make_robot(interpolate_from_desired_state=from_desired)
    robot.command_trajectory(move(0.5, 1000))
    worst = 0.0
    for time_ms in range(2, 1202, 2):
        robot.advance(time_ms * MS)
        error = robot.sim.joint_positions()[:7] - robot.trajectory.desired.positions
        worst = max(worst, float(np.abs(error).max()))
    assert worst < 0.01
    np.testing.assert_allclose(robot.sim.joint_positions()[0], HOME_Q[0] + 0.5, atol=2e-3)
    assert robot.sim.max_limit_violation <= 0.0


def test_the_gripper_goes_where_it_is_told() -> None:
    robot = make_robot()
    robot.command_gripper([0.01])
    robot.advance(1000 * MS)
    positions, _, _ = robot.joint_state()
    assert positions[JOINT_NAMES.index("finger_joint1")] == pytest.approx(0.01, abs=1e-3)
    assert positions[JOINT_NAMES.index("finger_joint2")] == pytest.approx(0.01, abs=1e-3)


def test_forward_positions_move_the_arm() -> None:
    robot = make_robot(forward_position=True)
    goal = np.array(HOME_Q) + 0.05
    robot.command_positions(goal.tolist())
    robot.advance(1000 * MS)
    np.testing.assert_allclose(robot.sim.joint_positions()[:7], goal, atol=2e-3)


def test_a_refused_command_leaves_the_arm_where_it_is() -> None:
    robot = make_robot()
    robot.advance(10 * MS)
    with pytest.raises(CommandRejectedError):
        robot.command_trajectory(move(float("nan"), 100))
    robot.advance(300 * MS)
    np.testing.assert_allclose(robot.sim.joint_positions()[:7], HOME_Q, atol=1e-3)
