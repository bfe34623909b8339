"""The controller against the documented behaviour of ros2_control's joint_trajectory_controller."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.controllers import (
    CommandRejectedError,
    JointTrajectoryController,
    TrajectoryCommand,
    TrajectoryOptions,
    TrajectoryPoint,
)
from vla_sim.controllers.splines import Knot

JOINTS = ("a", "b")
MS = 1_000_000


def controller(start=(0.0, 0.0), **options: bool) -> JointTrajectoryController:
    made = JointTrajectoryController(JOINTS, TrajectoryOptions(**options))
    made.activate(np.array(start), now_ns=0)
    return made


def command(*points: TrajectoryPoint, names=JOINTS, start_ns: int = 0) -> TrajectoryCommand:
    return TrajectoryCommand(names, points, start_ns)


def point(time_s: float, positions, velocities=(), accelerations=()) -> TrajectoryPoint:
    return TrajectoryPoint(round(time_s * 1e9), positions, velocities, accelerations)


def at(made: JointTrajectoryController, time_ms: int):
    return made.update(time_ms * MS)


def test_holds_the_position_of_activation_before_any_command() -> None:
    made = controller((0.3, -0.2))
    for time_ms in (0, 10, 10_000):
        setpoint = at(made, time_ms)
        np.testing.assert_array_equal(setpoint.positions, [0.3, -0.2])
        np.testing.assert_array_equal(setpoint.velocities, [0.0, 0.0])


def test_update_before_activation_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="activate"):
        JointTrajectoryController(JOINTS).update(0)


def test_stamp_zero_starts_when_first_seen() -> None:
    made = controller()
    at(made, 990)
    made.command(command(point(1.0, (1.0, 2.0))), now_ns=995 * MS)
    at(made, 1000)
    # The motion starts from the set-point of the last update, 10 ms before the start.
    np.testing.assert_allclose(at(made, 1500).positions, np.array([1.0, 2.0]) * 510 / 1010)
    np.testing.assert_allclose(at(made, 2000).positions, [1.0, 2.0])


def test_positions_alone_are_interpolated_linearly() -> None:
    made = controller()
    made.command(command(point(1.0, (1.0, 2.0)), point(2.0, (1.0, 0.0))), now_ns=0)
    at(made, 0)
    np.testing.assert_allclose(at(made, 250).positions, [0.25, 0.5])
    np.testing.assert_allclose(at(made, 250).velocities, [1.0, 2.0])
    np.testing.assert_allclose(at(made, 1500).positions, [1.0, 1.0])
    np.testing.assert_allclose(at(made, 1500).velocities, [0.0, -2.0])


def test_positions_and_velocities_give_the_cubic() -> None:
    made = controller()
    made.command(command(point(1.0, (1.0, 0.0), (0.0, 0.0)), point(3.0, (2.0, 0.0), (0.0, 0.0))), now_ns=0)
    at(made, 0)
    # Rest to rest over T: p = 3 s^2 - 2 s^3, peak velocity 1.5 / T in the middle, acceleration 6 / T^2 at the start.
    middle, start = at(made, 2000), at(made, 1000)
    np.testing.assert_allclose((middle.positions[0], middle.velocities[0]), (1.5, 0.75))
    np.testing.assert_allclose(start.accelerations, [1.5, 0.0])


def test_positions_velocities_and_accelerations_give_the_quintic() -> None:
    made = controller()
    rest = ((0.0, 0.0), (0.0, 0.0))
    made.command(command(point(2.0, (1.0, 0.0), *rest)), now_ns=0)
    at(made, 0)
    # Minimum jerk from rest to rest over T = 2 s: peak velocity 1.875 / T, no acceleration in the middle.
    middle, quarter = at(made, 1000), at(made, 500)
    np.testing.assert_allclose(middle.positions[0], 0.5)
    np.testing.assert_allclose(middle.velocities[0], 1.875 / 2)
    np.testing.assert_allclose(middle.accelerations[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(quarter.positions[0], 10 / 64 - 15 / 256 + 6 / 1024)


def test_joint_order_of_the_command_does_not_matter() -> None:
    made = controller()
    made.command(command(point(1.0, (2.0, 1.0)), names=("b", "a")), now_ns=0)
    at(made, 0)
    np.testing.assert_allclose(at(made, 1000).positions, [1.0, 2.0])


def test_after_the_end_the_last_point_is_held() -> None:
    made = controller()
    made.command(command(point(0.1, (1.0, 2.0), (0.0, 0.0))), now_ns=0)
    at(made, 0)
    for time_ms in (100, 101, 60_000):
        setpoint = at(made, time_ms)
        np.testing.assert_array_equal(setpoint.positions, [1.0, 2.0])
        np.testing.assert_array_equal(setpoint.velocities, [0.0, 0.0])
        np.testing.assert_array_equal(setpoint.accelerations, [0.0, 0.0])


def test_a_stamp_in_the_future_interpolates_until_the_first_point() -> None:
    made = controller()
    made.command(command(point(0.0, (1.0, 1.0)), point(1.0, (2.0, 2.0)), start_ns=2000 * MS), now_ns=0)
    at(made, 0)
    np.testing.assert_allclose(at(made, 1000).positions, [0.5, 0.5])
    np.testing.assert_allclose(at(made, 2500).positions, [1.5, 1.5])


def test_points_in_the_past_are_dropped() -> None:
    made = controller()
    at(made, 1500)
    points = [point(k, (float(k), 0.0)) for k in range(4)]
    made.command(command(*points, start_ns=MS), now_ns=1500 * MS)
    np.testing.assert_allclose(at(made, 1501).positions, [1.5, 0.0])
    np.testing.assert_allclose(at(made, 3001).positions, [3.0, 0.0])


def test_a_trajectory_that_ended_in_the_past_is_refused() -> None:
    made = controller()
    with pytest.raises(CommandRejectedError, match="ago"):
        made.command(command(point(1.0, (1.0, 1.0)), start_ns=MS), now_ns=1500 * MS)


def test_replacement_goes_on_from_the_desired_state() -> None:
    made = controller()
    made.command(command(point(1.0, (1.0, 0.0), (0.0, 0.0), (0.0, 0.0))), now_ns=0)
    at(made, 0)
    before = at(made, 500)
    made.command(command(point(0.5, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0))), now_ns=500 * MS)
    after = at(made, 501)
    # 1 ms later on a quintic: position, velocity and acceleration all continue.
    np.testing.assert_allclose(after.positions, before.positions + before.velocities * 1e-3, atol=1e-5)
    np.testing.assert_allclose(after.velocities, before.velocities, atol=2e-2)
    np.testing.assert_allclose(at(made, 1001).positions, [0.0, 0.0])


def test_replacement_from_the_measured_state_when_asked() -> None:
    made = controller(interpolate_from_desired_state=False)
    at(made, 10)
    made.command(command(point(1.0, (1.0, 1.0))), now_ns=10 * MS)
    measured = Knot(np.array([0.5, 0.0]), np.zeros(2))
    made.update(10 * MS, measured)
    np.testing.assert_allclose(made.update(510 * MS, measured).positions, [0.75, 0.5])


def test_the_newest_of_two_commands_between_updates_wins() -> None:
    made = controller()
    made.command(command(point(0.1, (5.0, 5.0))), now_ns=0)
    made.command(command(point(0.1, (1.0, 1.0))), now_ns=0)
    at(made, 0)
    np.testing.assert_allclose(at(made, 100).positions, [1.0, 1.0])


def test_joints_left_out_stay_where_they_are_if_allowed() -> None:
    made = controller((0.0, 0.7), allow_partial_joints_goal=True)
    made.command(command(point(1.0, (1.0,)), names=("a",)), now_ns=0)
    at(made, 0)
    np.testing.assert_allclose(at(made, 500).positions, [0.5, 0.7])


def test_moving_end_is_accepted_if_allowed() -> None:
    made = controller(allow_nonzero_velocity_at_trajectory_end=True)
    made.command(command(point(1.0, (1.0, 0.0), (0.5, 0.0))), now_ns=0)
    at(made, 0)
    np.testing.assert_allclose(at(made, 1000).velocities, [0.5, 0.0])


INVALID = {
    "no names": (command(point(1.0, (1.0, 1.0)), names=()), "joint_names: empty"),
    "unknown joint": (command(point(1.0, (1.0, 1.0)), names=("a", "x")), "x not among"),
    "partial": (command(point(1.0, (1.0,)), names=("a",)), "b missing"),
    "twice": (command(point(1.0, (1.0, 1.0, 1.0)), names=("a", "a", "b")), "twice"),
    "no points": (command(), "empty trajectory"),
    "moving end": (command(point(1.0, (1.0, 1.0), (0.0, 1e-6))), "b ends with"),
    "times equal": (command(point(1.0, (1.0, 1.0)), point(1.0, (1.0, 1.0))), r"points\[1\].time_from_start"),
    "times back": (command(point(1.0, (1.0, 1.0)), point(0.5, (1.0, 1.0))), "strictly increase"),
    "no positions": (command(TrajectoryPoint(MS, (), (0.0, 0.0))), r"points\[0\].positions: 0 values"),
    "short": (command(point(1.0, (1.0,))), r"positions: 1 values for 2 joints"),
    "velocity size": (command(point(1.0, (1.0, 1.0), (0.0,))), "velocities: 1 values"),
    "acceleration size": (command(point(1.0, (1.0, 1.0), (0.0, 0.0), (0.0,))), "accelerations: 1 values"),
    "acceleration alone": (command(point(1.0, (1.0, 1.0), (), (0.0, 0.0))), "velocities: missing"),
    "effort": (command(TrajectoryPoint(MS, (0.0, 0.0), effort=(1.0, 1.0))), "effort"),
    "nan": (command(point(1.0, (math.nan, 1.0))), r"points\[0\].positions: nan"),
    "nan velocity": (command(point(0.5, (0.0, 1.0), (0.0, math.nan)), point(1.0, (0.0, 1.0))), "velocities: nan"),
    "infinite": (command(point(1.0, (1.0, 1.0), (0.0, 0.0), (math.inf, 0.0))), "accelerations: inf"),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_commands_are_refused_and_the_running_one_goes_on(case: str) -> None:
    made = controller()
    made.command(command(point(1.0, (1.0, 1.0))), now_ns=0)
    at(made, 0)
    invalid, message = INVALID[case]
    with pytest.raises(CommandRejectedError, match=message):
        made.command(invalid, now_ns=100 * MS)
    np.testing.assert_allclose(at(made, 500).positions, [0.5, 0.5])


VALUES = st.tuples(*[st.floats(-3.0, 3.0)] * 2)


@st.composite
def trajectories(draw: st.DrawFn) -> TrajectoryCommand:
    """Valid commands of 1 to 4 points that end at rest; what the points know is drawn too."""
    gaps = draw(st.lists(st.integers(20, 400), min_size=1, max_size=4))
    order = draw(st.sampled_from(["p", "pv", "pva"]))
    zero = (0.0, 0.0)
    points = []
    for index, elapsed in enumerate(np.cumsum(gaps)):
        last = index == len(gaps) - 1
        velocities = (zero if last else draw(VALUES)) if "v" in order else ()
        accelerations = (zero if last else draw(VALUES)) if "a" in order else ()
        points.append(TrajectoryPoint(int(elapsed) * MS, draw(VALUES), velocities, accelerations))
    return TrajectoryCommand(JOINTS, points)


@given(trajectories())
def test_passes_through_every_point(trajectory: TrajectoryCommand) -> None:
    made = controller()
    made.command(trajectory, now_ns=0)
    made.update(0)
    for expected in trajectory.points:
        reached = made.update(expected.time_from_start_ns)
        np.testing.assert_allclose(reached.positions, expected.positions, atol=1e-9)
        if expected.velocities:
            np.testing.assert_allclose(reached.velocities, expected.velocities, atol=1e-6)


@given(trajectories(), trajectories(), st.integers(1, 300))
def test_replacement_never_jumps(first: TrajectoryCommand, second: TrajectoryCommand, switch_ms: int) -> None:
    """Whatever replaces whatever whenever: within 1 us the position changes by no more than velocity allows."""
    made = controller()
    made.command(first, now_ns=0)
    at(made, 0)
    before = at(made, switch_ms)
    made.command(second, now_ns=switch_ms * MS)
    after = made.update(switch_ms * MS + 1000)
    assert np.abs(after.positions - before.positions).max() < 2e-3  # the fastest drawn spline: about 1000 rad/s
    if second.points[0].velocities:
        np.testing.assert_allclose(after.velocities, before.velocities, atol=1.0)


@given(trajectories())
def test_always_ends_at_rest_where_the_last_point_is(trajectory: TrajectoryCommand) -> None:
    made = controller()
    made.command(trajectory, now_ns=0)
    made.update(0)
    end = made.update(trajectory.points[-1].time_from_start_ns + 1)
    np.testing.assert_array_equal(end.positions, trajectory.points[-1].positions)
    np.testing.assert_array_equal(end.velocities, [0.0, 0.0])
