"""The follower never jumps and arrives where the chunk ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.follower import MAX_ACCELERATION_RAD_S2, MAX_SPEED_RAD_S, ChunkFollower

STEP_S = 0.01
WILD = st.lists(st.floats(-3.0, 3.0), min_size=8, max_size=8)


@settings(deadline=None, max_examples=50)
@given(chunks=st.lists(WILD, min_size=1, max_size=4), age_s=st.floats(0.0, 0.2))
def test_speed_and_acceleration_are_limited_whatever_comes(chunks: list[list[float]], age_s: float) -> None:
    follower = ChunkFollower(np.zeros(1), 0.04)
    for chunk in chunks:
        follower.start(np.array(chunk)[:, None], np.full(8, 0.04), age_s)
        for _ in range(25):
            q, dq = follower.q_rad, follower.dq_rad_s
            follower.advance(STEP_S)
            assert np.abs(follower.dq_rad_s).max() <= MAX_SPEED_RAD_S + 1e-9
            assert np.abs(follower.dq_rad_s - dq).max() <= MAX_ACCELERATION_RAD_S2 * STEP_S + 1e-9
            np.testing.assert_allclose(follower.q_rad - q, follower.dq_rad_s * STEP_S, atol=1e-12)


def test_it_comes_to_rest_at_the_last_row() -> None:
    follower = ChunkFollower(np.zeros(7), 0.04)
    rows = np.linspace(0.0, 0.3, 8)[:, None] * np.ones(7)
    follower.start(rows, np.full(8, 0.04))
    for _ in range(200):
        follower.advance(STEP_S)
    np.testing.assert_allclose(follower.q_rad, 0.3, atol=1e-4)
    np.testing.assert_allclose(follower.dq_rad_s, 0.0, atol=1e-3)


def test_before_the_first_chunk_it_stays() -> None:
    follower = ChunkFollower(np.full(7, 0.2), 0.03)
    follower.advance(STEP_S)
    np.testing.assert_array_equal(follower.q_rad, np.full(7, 0.2))
    assert follower.gripper_m == 0.03


def test_a_chunk_that_is_late_is_entered_at_its_age() -> None:
    rows, gripper = np.linspace(0.0, 0.07, 8)[:, None], np.linspace(0.0, 0.035, 8)
    follower = ChunkFollower(np.array([0.02]), 0.04)
    follower.start(rows, gripper, age_s=0.2)
    follower.advance(STEP_S)
    assert follower.gripper_m == pytest.approx(gripper[2])


@pytest.mark.parametrize(("age_s", "row"), [(0.0, 0), (0.08, 0), (0.09, 1), (0.69, 7), (5.0, 7)])
def test_gripper_rows_are_held_not_interpolated(age_s: float, row: int) -> None:
    follower = ChunkFollower(np.zeros(1), 0.04)
    follower.start(np.zeros((8, 1)), np.arange(8) / 1000, age_s)
    follower.advance(STEP_S)
    assert follower.gripper_m == pytest.approx(row / 1000)


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.25])
def test_a_slowed_chunk_takes_the_same_way_in_more_time(scale: float) -> None:
    rows = np.linspace(0.0, 0.35, 8)[:, None]
    follower = ChunkFollower(np.zeros(1), 0.04)
    follower.start(rows, np.full(8, 0.04), speed_scale=scale)
    for _ in range(round(0.35 / scale / STEP_S)):
        follower.advance(STEP_S)
    assert follower.q_rad[0] == pytest.approx(0.35 / 2, abs=0.02)
    assert follower.dq_rad_s[0] == pytest.approx(0.5 * scale, abs=0.05)


def test_a_hold_comes_to_rest_nearby_and_keeps_the_grip() -> None:
    follower = ChunkFollower(np.zeros(1), 0.04)
    follower.start(np.linspace(0.0, 0.7, 8)[:, None], np.full(8, 0.01))
    for _ in range(30):
        follower.advance(STEP_S)
    place = follower.q_rad[0]
    follower.hold()
    for _ in range(100):
        follower.advance(STEP_S)
    assert follower.q_rad[0] == pytest.approx(place, abs=0.12)
    assert follower.dq_rad_s[0] == pytest.approx(0.0, abs=1e-2)
    assert follower.gripper_m == 0.01
