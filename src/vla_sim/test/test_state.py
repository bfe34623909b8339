from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.spec import SceneError
from vla_sim.state import SimState, cube_yaw_rad

QUARTER = np.pi / 2
# every way a cube can lie: which of its axes points up, and the quarter turns about it
FACES = [np.roll(np.eye(3), shift, axis=1) for shift in range(3)]


def about_z(turn_rad: float) -> np.ndarray:
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


@settings(deadline=None)
@given(turn_rad=st.floats(-QUARTER / 2 + 1e-6, QUARTER / 2 - 1e-6), quarters=st.integers(-4, 4), face=st.integers(0, 2))
def test_a_cube_looks_the_same_whichever_face_is_down(turn_rad: float, quarters: int, face: int) -> None:
    yaw = cube_yaw_rad(about_z(turn_rad + quarters * QUARTER) @ FACES[face])
    assert yaw == pytest.approx(turn_rad, abs=1e-9)


@settings(deadline=None)
@given(quat=st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_the_turn_is_always_within_an_eighth(quat: list[float]) -> None:
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, np.array(quat) / np.linalg.norm(quat))
    assert -QUARTER / 2 <= cube_yaw_rad(matrix.reshape(3, 3)) <= QUARTER / 2


def test_colours_that_are_not_there_are_refused(make_state: Callable[..., SimState]) -> None:
    state = make_state(blue=(0.5, 0.0), red=(0.4, 0.1))
    assert state.colors == ("red", "blue")
    assert state.cube_index("blue") == 2
    with pytest.raises(SceneError, match="'green' is not on the table; there: red, blue"):
        state.cube_index("green")
