"""What may be disturbed, and by how much."""

from __future__ import annotations

import numpy as np
import pytest

from vla_sim.disturbance import NOISE_LEVELS_RAD, START_SPREAD_RAD, Disturbance, random_start
from vla_sim.expert import HORIZON, PERIOD_S
from vla_sim.robot import GRIPPER_CLOSED_M, GRIPPER_OPEN_M, HOME_Q

ROWS, GRIPPER = np.tile(HOME_Q, (HORIZON, 1)), np.full(HORIZON, 0.03)


@pytest.mark.parametrize("seed", range(20))
def test_a_start_is_near_home(seed: int) -> None:
    q, gripper_m = random_start(np.random.default_rng(seed))
    assert np.abs(q - HOME_Q).max() <= START_SPREAD_RAD
    assert GRIPPER_CLOSED_M <= gripper_m <= GRIPPER_OPEN_M


@pytest.mark.parametrize("seed", range(20))
def test_a_disturbance_begins_softly_and_stays_small(seed: int) -> None:
    disturbance = Disturbance(np.random.default_rng(seed))
    assert 0.0 <= disturbance.latency_s < PERIOD_S
    for _ in range(50):
        rows, gripper = disturbance.apply(ROWS, GRIPPER)
        pull = rows - ROWS
        np.testing.assert_array_equal(pull[0], 0.0)
        np.testing.assert_allclose(pull[2:], np.tile(pull[2], (HORIZON - 2, 1)), atol=1e-12)
        assert np.abs(pull).max() < 2 * 6 * max(NOISE_LEVELS_RAD)
        assert gripper.min() >= GRIPPER_CLOSED_M and gripper.max() <= GRIPPER_OPEN_M
    np.testing.assert_array_equal(ROWS, np.tile(HOME_Q, (HORIZON, 1)))
    np.testing.assert_array_equal(GRIPPER, 0.03)


def test_wrong_grips_occur_and_end() -> None:
    disturbance = Disturbance(np.random.default_rng(0))
    wrong = [bool((disturbance.apply(ROWS, GRIPPER)[1] != GRIPPER).any()) for _ in range(2000)]
    assert 0.005 < np.mean(wrong) < 0.1
    lengths = "".join("x" if value else "." for value in wrong).replace(".", " ").split()
    assert max(map(len, lengths)) <= 6 * 2
