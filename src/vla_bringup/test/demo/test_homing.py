import numpy as np
import pytest
from sensor_msgs.msg import JointState

from vla_bringup.demo.homing import (
    ARM_JOINTS,
    GRIPPER_JOINT,
    HOME_RAD,
    OPEN_M,
    PEAK_RAD_S,
    homing_trajectory,
    is_home,
    quintic,
)
from vla_bringup.errors import RefusedError


def state(arm: tuple[float, ...], finger: float = 0.0) -> JointState:
    names = [GRIPPER_JOINT, *reversed(ARM_JOINTS)]  # never the order anyone hopes for
    return JointState(name=names, position=[finger, *reversed(arm)])


AWAY = (0.9, 0.3, -0.4, -1.2, 0.8, 2.4, -0.6)


def test_it_starts_where_the_arm_stands_and_ends_at_home_with_the_gripper_open() -> None:
    trajectory = homing_trajectory(state(AWAY))
    assert list(trajectory.joint_names) == [*ARM_JOINTS, GRIPPER_JOINT]
    assert np.allclose(trajectory.points[0].positions, [*AWAY, 0.0])
    assert np.allclose(trajectory.points[-1].positions, [*HOME_RAD, OPEN_M])


def test_it_starts_and_ends_at_rest_and_stays_calm() -> None:
    points = homing_trajectory(state(AWAY)).points
    for end in (points[0], points[-1]):
        assert np.allclose(end.velocities, 0.0)
        assert np.allclose(end.accelerations, 0.0, atol=1e-9)
    assert max(np.abs(point.velocities).max() for point in points) <= PEAK_RAD_S * 1.001


def test_times_strictly_increase() -> None:
    points = homing_trajectory(state(AWAY)).points
    times = np.array([point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 for point in points])
    assert (np.diff(times) > 1e-6).all()


def test_velocity_is_the_derivative_of_position() -> None:
    start, end = np.array([0.2]), np.array([-1.0])
    before, here, after = (quintic(start, end, 2.0, 0.7 + d) for d in (-1e-4, 0.0, 1e-4))
    assert (after[0] - before[0]) / 2e-4 == pytest.approx(here[1], rel=1e-4)
    assert (after[1] - before[1]) / 2e-4 == pytest.approx(here[2], rel=1e-4)


@pytest.mark.parametrize("spoil", ["missing", "nan"])
def test_a_state_that_does_not_tell_every_joint_is_refused(spoil: str) -> None:
    broken = state(AWAY)
    if spoil == "missing":
        broken = JointState(name=list(broken.name)[1:], position=list(broken.position)[1:])
    else:
        broken.position[3] = float("nan")
    with pytest.raises(RefusedError, match="joint_states"):
        homing_trajectory(broken)


def test_home_is_recognized() -> None:
    assert is_home(state(HOME_RAD, OPEN_M))
    assert not is_home(state(HOME_RAD, 0.0))
    assert not is_home(state(AWAY, OPEN_M))


@pytest.mark.parametrize("away_rad", np.linspace(0.0, 2.5, 101))
def test_points_never_come_close_together(away_rad: float) -> None:
    arm = (HOME_RAD[0] + away_rad, *HOME_RAD[1:])
    points = homing_trajectory(state(arm)).points
    times_s = [point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 for point in points]
    assert min(np.diff(times_s)) > 0.02
