"""Altered messages are broken in the way that their name says, and in no other."""

from __future__ import annotations

import itertools
import math

import pytest
from builtin_interfaces.msg import Duration, Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from proof.faults import alter
from proof.faults.cli import SHIPPED
from proof.faults.config import PlanConfig, load
from vla_msgs.msg import ActionChunk

CHUNK = load(SHIPPED).plan
assert CHUNK is not None
PLAIN = PlanConfig("plan", "trajectory_msgs/msg/JointTrajectory")


def chunk(number: int = 1) -> ActionChunk:
    message = ActionChunk(chunk_id=number, gripper_joint="finger", gripper_positions=[0.04] * 8)
    message.header.stamp = Time(sec=10)
    message.joint_trajectory = trajectory()
    return message


def trajectory() -> JointTrajectory:
    points = [
        JointTrajectoryPoint(
            positions=[0.1 * k, 1.0, 2.0],
            velocities=[1.0, 0.0, 0.0],
            accelerations=[0.0] * 3,
            time_from_start=Duration(nanosec=100_000_000 * k),
        )
        for k in range(1, 9)
    ]
    return JointTrajectory(joint_names=["a", "b", "c"], points=points)


def positions(message: ActionChunk) -> list[list[float]]:
    return [list(point.positions) for point in message.joint_trajectory.points]


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_one_number_is_not_finite(number: float) -> None:
    (message,) = alter.value(CHUNK, number)(chunk())
    broken = [row for row in positions(message) if not all(map(math.isfinite, row))]
    assert len(broken) == 1 and broken[0][1:] == [1.0, 2.0]


def test_a_plan_that_is_the_message_itself() -> None:
    (message,) = alter.value(PLAIN, math.nan)(trajectory())
    assert sum(math.isnan(point.positions[0]) for point in message.points) == 1


def test_a_jump_moves_the_whole_plan() -> None:
    (message,) = alter.jump(CHUNK)(chunk())
    assert positions(message)[0] == pytest.approx([1.1, 1.0, 2.0])


def test_shaking_is_as_fast_as_it_says() -> None:
    (message,) = alter.shake(CHUNK)(chunk())
    first = [row[0] - 0.1 * (k + 1) for k, row in enumerate(positions(message))]
    assert [abs(b - a) / 0.1 for a, b in itertools.pairwise(first)] == pytest.approx([alter.SHAKE_RAD_S] * 7)
    assert not any(len(point.velocities) for point in message.joint_trajectory.points)


def test_numbers_change_places_and_names_do_not() -> None:
    (message,) = alter.wrong_order(CHUNK)(chunk())
    assert positions(message)[0] == [2.0, 0.1, 1.0]
    assert list(message.joint_trajectory.points[0].velocities) == [0.0, 1.0, 0.0]
    assert message.joint_trajectory.joint_names == ["a", "b", "c"]


def test_old_plans_and_old_clocks() -> None:
    (message,) = alter.out_of_date(chunk())
    assert message.header.stamp == Time(sec=8, nanosec=500_000_000)
    (clock,) = alter.clock_back(Clock(clock=Time(sec=3)))
    assert clock.clock == Time()  # there is no time before the first
    assert alter.nothing(chunk()) == []


def test_plans_come_twice_and_late() -> None:
    change = alter.repeated()
    assert [message.chunk_id for message in change(chunk(1))] == [1, 1]
    assert [message.chunk_id for message in change(chunk(2))] == [2, 2, 1]


def test_the_gripper_alone_is_out_of_range() -> None:
    (message,) = alter.wide_gripper(CHUNK)(chunk())
    assert list(message.gripper_positions) == [alter.FAR_OPEN_M] * 8
    assert positions(message) == positions(chunk())


def test_a_frozen_picture_has_fresh_stamps() -> None:
    change = alter.same_picture()
    images = [Image(data=[k]) for k in range(3)]
    for k, image in enumerate(images):
        image.header.stamp.sec = k
    seen = [change(image)[0] for image in images]
    assert [list(image.data) for image in seen] == [[0]] * 3
    assert [image.header.stamp.sec for image in seen] == [0, 1, 2]


def test_frozen_joints_have_fresh_stamps() -> None:
    change = alter.same_joints()
    states = [JointState(name=["a"], position=[float(k)], velocity=[float(k)]) for k in range(3)]
    for k, state in enumerate(states):
        state.header.stamp.sec = k
    seen = [change(state)[0] for state in states]
    assert [(list(state.position), list(state.velocity), state.header.stamp.sec) for state in seen] == [
        ([0.0], [0.0], k) for k in range(3)
    ]


def test_noise_is_on_the_joints_and_the_same_each_time() -> None:
    def noisy() -> list[float]:
        state = JointState(name=["a", "finger", "b"], position=[0.0, 0.0, 0.0])
        (message,) = alter.noisy_joints(["a", "b"])(state)
        return list(message.position)

    assert noisy() == noisy() and noisy()[1] == 0.0 and all(noisy()[::2])
