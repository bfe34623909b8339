from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_core.errors import ActionError
from vla_core.kinematics import rotation_matrix
from vla_core.types import FloatArray

finite = st.floats(-3.0, 3.0)
LENGTHS = {"rotation_vector": 3, "euler_xyz": 3, "quaternion_xyzw": 4, "rotation_6d": 6}


@pytest.mark.parametrize("representation", LENGTHS)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_representation_gives_a_rotation(representation: str, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal(LENGTHS[representation])
    matrix = rotation_matrix(values, representation)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(matrix) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("representation", "identity"),
    [
        ("rotation_vector", [0, 0, 0]),
        ("rotation_vector", [1e-12, 0, 0]),
        ("euler_xyz", [0, 0, 0]),
        ("quaternion_xyzw", [0, 0, 0, 1]),
        ("quaternion_xyzw", [0, 0, 0, -3]),
        ("rotation_6d", [1, 0, 0, 0, 1, 0]),
    ],
)
def test_identities(representation: str, identity: list[float]) -> None:
    np.testing.assert_allclose(rotation_matrix(np.array(identity), representation), np.eye(3), atol=1e-9)


@pytest.mark.parametrize(
    ("representation", "values"),
    [
        ("rotation_vector", [0, 0, np.pi / 2]),
        ("euler_xyz", [0, 0, np.pi / 2]),
        ("quaternion_xyzw", [0, 0, 1, 1]),
        ("rotation_6d", [0, 2, 0, -5, 1, 0]),
    ],
)
def test_a_quarter_turn_about_z_takes_x_to_y(representation: str, values: list[float]) -> None:
    matrix = rotation_matrix(np.array(values, dtype=float), representation)
    np.testing.assert_allclose(matrix @ [1, 0, 0], [0, 1, 0], atol=1e-12)


@given(finite, finite, finite)
def test_euler_angles_turn_about_fixed_axes_in_the_order_x_y_z(roll: float, pitch: float, yaw: float) -> None:
    def about(axis: int, angle: float) -> FloatArray:
        return rotation_matrix(np.eye(3)[axis] * angle, "rotation_vector")

    expected = about(2, yaw) @ about(1, pitch) @ about(0, roll)
    np.testing.assert_allclose(rotation_matrix(np.array([roll, pitch, yaw]), "euler_xyz"), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("representation", "values", "message"),
    [
        ("axis_angle", [0, 0, 0], "rotation_vector, euler_xyz"),
        ("rotation_vector", [0, 0], "3 finite numbers"),
        ("rotation_vector", [0, 0, np.nan], "3 finite numbers"),
        ("quaternion_xyzw", [0, 0, 0, 0], "no length"),
        ("rotation_6d", [0, 0, 0, 0, 1, 0], "no length"),
        ("rotation_6d", [1, 0, 0, 2, 0, 0], "parallel"),
    ],
)
def test_what_is_no_rotation_is_refused(representation: str, values: list[float], message: str) -> None:
    with pytest.raises(ActionError, match=message):
        rotation_matrix(np.array(values, dtype=float), representation)
