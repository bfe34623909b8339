"""Rotation representations of policies as rotation matrices. Right-handed, active, REP-103."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vla_core.errors import ActionError
from vla_core.types import FloatArray

DEGENERATE = 1e-6


def rotation_matrix(values: FloatArray, representation: str) -> FloatArray:
    """(3, 3) rotation of ``values`` (n,), n and meaning by ``representation``.

    rotation_vector: (3,) axis times angle [rad].
    euler_xyz: (3,) roll, pitch, yaw [rad] about the fixed axes x, y, z in turn, as in URDF: Rz(yaw) Ry(pitch) Rx(roll).
    quaternion_xyzw: (4,), scaled to unit length.
    rotation_6d: (6,) first two columns of the matrix, made orthonormal (Zhou et al. 2019, section 5).

    Raises:
        ActionError: unknown representation, wrong length, not finite, or values that are no rotation (zero length).
    """
    if representation not in _CONVERSIONS:
        raise ActionError(f"rotation {representation!r} is unknown; valid: {', '.join(_CONVERSIONS)}")
    length, convert = _CONVERSIONS[representation]
    if np.shape(values) != (length,) or not np.isfinite(values).all():
        raise ActionError(f"rotation {representation} must be {length} finite numbers, got {values}")
    return convert(np.asarray(values, dtype=np.float64))


def _from_rotation_vector(vector: FloatArray) -> FloatArray:
    angle = float(np.linalg.norm(vector))
    x, y, z = vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    # Rodrigues' formula with sin(a)/a and (1 - cos a)/a^2, which are 1 and 1/2 where a is too small to divide by.
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2.0 * np.pi)) ** 2
    rotation: FloatArray = np.eye(3) + first * cross + second * cross @ cross
    return rotation


def _from_euler_xyz(angles: FloatArray) -> FloatArray:
    roll, pitch, yaw = (_from_rotation_vector(axis * angle) for axis, angle in zip(np.eye(3), angles, strict=True))
    return yaw @ pitch @ roll


def _from_quaternion_xyzw(quaternion: FloatArray) -> FloatArray:
    length = float(np.linalg.norm(quaternion))
    if length < DEGENERATE:
        raise ActionError(f"quaternion_xyzw {quaternion} has no length; the identity is [0, 0, 0, 1]")
    x, y, z, w = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _from_rotation_6d(columns: FloatArray) -> FloatArray:
    first, second = columns[:3], columns[3:]
    length = float(np.linalg.norm(first))
    if length < DEGENERATE:
        raise ActionError(f"rotation_6d {columns}: the first column has no length; the identity is [1, 0, 0, 0, 1, 0]")
    x = first / length
    rest = second - (x @ second) * x
    length = float(np.linalg.norm(rest))
    if length < DEGENERATE:
        raise ActionError(f"rotation_6d {columns}: the columns are parallel; the identity is [1, 0, 0, 0, 1, 0]")
    y = rest / length
    return np.stack([x, y, np.cross(x, y)], axis=1)


_CONVERSIONS: dict[str, tuple[int, Callable[[FloatArray], FloatArray]]] = {
    "rotation_vector": (3, _from_rotation_vector),
    "euler_xyz": (3, _from_euler_xyz),
    "quaternion_xyzw": (4, _from_quaternion_xyzw),
    "rotation_6d": (6, _from_rotation_6d),
}
