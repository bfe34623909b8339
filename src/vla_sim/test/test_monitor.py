"""The simulator's own judgement of limits, against the numbers stated by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vla_sim.monitor import LimitMonitor
from vla_sim.robot import HOME_Q

LOWER = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
UPPER = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])
SPEED = np.array([2.175] * 4 + [2.61] * 3)


@pytest.mark.parametrize("joint", range(7))
@pytest.mark.parametrize("end", [LOWER, UPPER])
def test_positions_count_from_the_limit_on(joint: int, end: np.ndarray) -> None:
    monitor = LimitMonitor()
    middle, half = (LOWER + UPPER)[joint] / 2, (UPPER - LOWER)[joint] / 2
    q = np.array(HOME_Q)
    q[joint] = middle + (end[joint] - middle) * (1 - 1e-6)
    monitor.update(q, np.zeros(7))
    assert monitor.max_violation == 0.0
    q[joint] = end[joint] + np.sign(end[joint] - middle) * 0.1 * half
    monitor.update(q, np.zeros(7))
    assert monitor.max_violation == pytest.approx(0.1)


@pytest.mark.parametrize("joint", range(7))
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_velocities_count_from_the_limit_on(joint: int, sign: float) -> None:
    monitor = LimitMonitor()
    dq = np.zeros(7)
    dq[joint] = sign * SPEED[joint] * (1 - 1e-6)
    monitor.update(HOME_Q, dq)
    assert monitor.max_violation == 0.0
    dq[joint] = sign * SPEED[joint] * 1.25
    monitor.update(HOME_Q, dq)
    assert monitor.max_violation == pytest.approx(0.25)


def test_the_largest_stays_until_it_is_reset() -> None:
    monitor = LimitMonitor()
    monitor.update(HOME_Q, SPEED * 1.5)
    monitor.update(HOME_Q, SPEED * 1.1)
    assert monitor.max_violation == pytest.approx(0.5)
    monitor.reset()
    assert monitor.max_violation == 0.0
