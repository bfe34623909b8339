"""Shared by the tests of the ROS-free part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from vla_sim.robot import HOME_Q
from vla_sim.simulation import TabletopSim
from vla_sim.spec import COLORS, CUBE_SIZE_M
from vla_sim.state import SimState

REST_Z_M = CUBE_SIZE_M / 2
HOME_TOOL_M = (0.307, 0.0, 0.487)

MakeState = Callable[..., SimState]


@pytest.fixture(scope="module")
def sim() -> Iterator[TabletopSim]:
    made = TabletopSim()
    yield made
    made.close()


@pytest.fixture(scope="session")
def make_state() -> MakeState:
    """A synthetic state: ``make_state(1.5, red=(x, y), green=(x, y, z), tool=(x, y, z))`` with the arm at home."""

    def make(
        time_s: float = 0.0,
        tool: tuple[float, float, float] = HOME_TOOL_M,
        gripper_m: float = 0.04,
        **cubes: tuple[float, ...],
    ) -> SimState:
        positions, yaws = np.full((4, 3), np.nan), np.full(4, np.nan)
        for color, place in cubes.items():
            positions[COLORS.index(color)] = (*place, REST_Z_M)[:3]
            yaws[COLORS.index(color)] = 0.0
        return SimState(time_s, np.array(HOME_Q), np.zeros(7), gripper_m, positions, yaws, np.array(tool))

    return make
