from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.controllers import Velocity
from vla_sim.planar_base import BaseCamera, Pose2D, integrate

speeds = st.builds(Velocity, st.floats(-1.0, 1.0), st.floats(-2.0, 2.0))
durations = st.floats(0.001, 3.0)


def test_straight_ahead() -> None:
    pose = integrate(Pose2D(1.0, 2.0, math.pi / 2), Velocity(0.5, 0.0), 2.0)
    assert (pose.x, pose.y, pose.yaw) == pytest.approx((1.0, 3.0, math.pi / 2))


def test_a_full_circle_comes_back() -> None:
    pose = integrate(Pose2D(), Velocity(1.0, 2.0 * math.pi), 1.0)
    assert (pose.x, pose.y) == pytest.approx((0.0, 0.0), abs=1e-9)


@given(speeds, durations, st.floats(0.0, 1.0))
def test_two_parts_of_a_motion_make_the_whole(velocity: Velocity, duration_s: float, share: float) -> None:
    whole = integrate(Pose2D(0.3, -0.2, 0.5), velocity, duration_s)
    first = integrate(Pose2D(0.3, -0.2, 0.5), velocity, share * duration_s)
    parts = integrate(first, velocity, (1.0 - share) * duration_s)
    assert (parts.x, parts.y, parts.yaw) == pytest.approx((whole.x, whole.y, whole.yaw), abs=1e-7)


@given(speeds, durations)
def test_never_farther_than_the_way_driven(velocity: Velocity, duration_s: float) -> None:
    pose = integrate(Pose2D(), velocity, duration_s)
    assert math.hypot(pose.x, pose.y) <= abs(velocity.linear) * duration_s + 1e-9


@pytest.mark.render
def test_the_camera_sees_the_world_move() -> None:
    camera = BaseCamera(96, 64)
    try:
        start = camera.render(Pose2D()).copy()
        turned = camera.render(Pose2D(yaw=0.3)).copy()
    finally:
        camera.close()
    assert start.shape == (64, 96, 3)
    assert np.abs(start.astype(int) - turned).mean() > 5.0
    # The red pillar stands ahead to the left: in the left half it is redder than in the right.
    redness = start[..., 0].astype(int) - start[..., 2]
    assert redness[:, :48].max() > 80 > redness[:, 48:].max()
