"""What every robot must do. Inherit in a test class and say how to make yours."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vla_core.errors import VlaError
from vla_core.robot import Robot, RobotState
from vla_core.types import FloatArray, JointPlan, read_only


class RobotConformance:
    """Tests of the contract between a robot and its caller.

    Override ``make_object_under_test``; the class attributes say what the robot can.
    """

    arm_joints: tuple[str, ...] = tuple(f"joint{index}" for index in range(1, 8))
    gripper_joint: str | None = "finger_joint1"
    reach: float = 0.1
    """A displacement of each joint that is safe from the start position [rad] or [m]."""
    duration_s: float = 1.0
    """Time the robot certainly has enough of for ``reach``."""
    tolerance: float = 0.02
    """How near it must come [rad] or [m]."""
    rest_velocity: float = 0.05
    """What counts as rest [rad/s] or [m/s]."""

    def make_object_under_test(self) -> Robot:
        """A fresh robot at rest."""
        raise NotImplementedError

    def _arm(self, state: RobotState) -> FloatArray:
        return np.array([state.positions[state.joint_names.index(name)] for name in self.arm_joints])

    def _plan(self, robot: Robot, displacement: float) -> JointPlan:
        """A straight plan of ``duration_s``, that ends at rest there."""
        state = robot.state()
        start = self._arm(state)
        shares = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
        times_s = self.duration_s * np.array([0.0, 0.2, 0.5, 0.8, 1.0])
        grip = None
        if self.gripper_joint is not None:
            here = state.positions[state.joint_names.index(self.gripper_joint)]
            grip = read_only(np.full(len(times_s), here))
        return JointPlan(
            joint_names=self.arm_joints,
            t0_ns=state.stamp_ns,
            times_s=read_only(times_s),
            positions=read_only(start + np.outer(shares, np.full(len(start), displacement))),
            gripper_joint=self.gripper_joint,
            gripper_positions=grip,
        )

    def test_it_is_a_robot(self) -> None:
        assert isinstance(self.make_object_under_test(), Robot)

    def test_its_state_is_finite_and_names_every_joint_once(self) -> None:
        state = self.make_object_under_test().state()
        wanted = {*self.arm_joints, *((self.gripper_joint,) if self.gripper_joint else ())}
        assert wanted <= set(state.joint_names) and len(set(state.joint_names)) == len(state.joint_names)
        assert state.positions.shape == state.velocities.shape == (len(state.joint_names),)
        assert np.isfinite(state.positions).all() and np.isfinite(state.velocities).all()

    def test_a_state_that_was_given_does_not_change_later(self) -> None:
        robot = self.make_object_under_test()
        state = robot.state()
        before = state.positions.copy()
        robot.execute(self._plan(robot, self.reach))
        robot.advance(self.duration_s)
        np.testing.assert_array_equal(state.positions, before)

    def test_its_images_are_rgb_and_not_from_the_future(self) -> None:
        robot = self.make_object_under_test()
        robot.advance(0.2)
        now_ns = robot.state().stamp_ns
        for name, shot in robot.images().items():
            assert shot.image.ndim == 3 and shot.image.shape[2] == 3, name
            assert shot.image.dtype == np.uint8, name
            assert shot.stamp_ns <= now_ns, name

    def test_time_goes_on(self) -> None:
        robot = self.make_object_under_test()
        before = robot.state().stamp_ns
        shots = {name: shot.stamp_ns for name, shot in robot.images().items()}
        robot.advance(0.5)
        assert robot.state().stamp_ns - before == pytest.approx(0.5e9, rel=0.2)
        assert all(shot.stamp_ns > shots[name] for name, shot in robot.images().items())

    def test_it_rests_without_a_plan(self) -> None:
        robot = self.make_object_under_test()
        before = self._arm(robot.state())
        robot.advance(0.5)
        np.testing.assert_allclose(self._arm(robot.state()), before, atol=self.tolerance)

    def test_it_follows_a_plan_to_its_end_and_stays(self) -> None:
        robot = self.make_object_under_test()
        plan = self._plan(robot, self.reach)
        robot.execute(plan)
        robot.advance(self.duration_s)
        robot.advance(0.5)
        np.testing.assert_allclose(self._arm(robot.state()), plan.positions[-1], atol=self.tolerance)
        self._at_rest(robot)

    def test_a_new_plan_replaces_the_one_before(self) -> None:
        robot = self.make_object_under_test()
        home = self._arm(robot.state())
        robot.execute(self._plan(robot, self.reach))
        robot.advance(self.duration_s / 2)
        here = robot.state()
        back = self._plan(robot, 0.0)
        positions = self._arm(here) + np.outer([0.0, 0.1, 0.5, 0.9, 1.0], home - self._arm(here))
        robot.execute(dataclasses.replace(back, positions=read_only(positions)))
        robot.advance(self.duration_s + 0.5)
        np.testing.assert_allclose(self._arm(robot.state()), home, atol=self.tolerance)

    def test_stop_brings_it_to_rest(self) -> None:
        robot = self.make_object_under_test()
        robot.execute(self._plan(robot, self.reach))
        robot.advance(self.duration_s / 2)
        robot.stop()
        robot.advance(0.5)
        self._at_rest(robot)
        stopped = self._arm(robot.state())
        robot.advance(self.duration_s)
        np.testing.assert_allclose(self._arm(robot.state()), stopped, atol=self.tolerance)

    @pytest.mark.parametrize("fault", ["nan", "infinite", "unknown joint", "too few columns"])
    def test_a_wrong_plan_is_refused_and_changes_nothing(self, fault: str) -> None:
        robot = self.make_object_under_test()
        good = self._plan(robot, self.reach)
        positions = np.array(good.positions)
        if fault == "nan":
            positions[2, 0] = np.nan
        if fault == "infinite":
            positions[-1, -1] = np.inf
        names = ("no_such_joint", *good.joint_names[1:]) if fault == "unknown joint" else good.joint_names
        columns = positions[:, 1:] if fault == "too few columns" else positions
        robot.execute(good)
        with pytest.raises(VlaError):
            robot.execute(dataclasses.replace(good, joint_names=names, positions=read_only(columns)))
        robot.advance(self.duration_s + 0.5)
        np.testing.assert_allclose(self._arm(robot.state()), good.positions[-1], atol=self.tolerance)

    def _at_rest(self, robot: Robot) -> None:
        state = robot.state()
        speeds = [state.velocities[state.joint_names.index(name)] for name in self.arm_joints]
        np.testing.assert_allclose(speeds, 0.0, atol=self.rest_velocity)
