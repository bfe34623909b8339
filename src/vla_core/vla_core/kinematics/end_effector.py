"""Deltas of the tip's pose as joint positions."""

from __future__ import annotations

import numpy as np

from vla_core.errors import ActionError, KinematicsError
from vla_core.kinematics.differential_ik import DifferentialIk
from vla_core.kinematics.rotations import rotation_matrix
from vla_core.types import FloatArray

TOOL_FRAME = "tool"
HASTE = 2.0  # a waypoint may ask for this multiple of the velocity limits, which the scheduler then slows down


class EndEffector:
    """Moves the tip of the arm by pose deltas.

    Args:
        ik: of the tip that the deltas are about.
        base: the frame that deltas may be expressed in beside the tip's own (``tool`` or the tip's link name).
    """

    def __init__(self, ik: DifferentialIk, base: str = "base_link") -> None:
        self._ik = ik
        self._base = base

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Joints of the arm, in the order of all arrays here."""
        return self._ik.limits.joint_names

    def follow(
        self, deltas: FloatArray, rotation: str, frame: str, q0: FloatArray, *, cumulative: bool, period_s: float
    ) -> FloatArray:
        """(H, J) joint positions at which the tip is where ``deltas`` (H, 3 + n) say.

        Columns are the translation [m] and the n of ``rotation`` (see ``rotation_matrix``), both in the axes of
        ``frame``: in the base's, the tip turns about its own origin; in the tip's own, the delta is a pose seen from
        the tip. Deltas count from the pose at ``q0`` (J,), or if ``cumulative`` each from the one before.

        Raises:
            ActionError: unknown frame or rotation, or values that are no rotation.
            KinematicsError: a pose cannot be reached, or not by twice the velocity limits in ``period_s``.
        """
        if frame not in (self._base, TOOL_FRAME, self._ik.tip):
            raise ActionError(f"frame {frame!r} is unknown; valid: {self._base}, {TOOL_FRAME}, {self._ik.tip}")
        pose = self._ik.kinematics.T_base_link(q0, self._ik.tip)
        q, positions = q0, []
        for step, delta in enumerate(deltas):
            goal = _moved(pose, delta, rotation, in_base=frame == self._base)
            try:
                q = self._ik.solve(goal, q, within_s=HASTE * period_s)
            except KinematicsError as error:
                raise KinematicsError(f"action {step}: {error}") from error
            positions.append(q)
            if cumulative:
                pose = goal
        return np.array(positions)


def _moved(pose: FloatArray, delta: FloatArray, rotation: str, *, in_base: bool) -> FloatArray:
    """``pose`` (4, 4) after ``delta`` (3 + n,)."""
    turn = rotation_matrix(delta[3:], rotation)
    moved = pose.copy()
    if in_base:
        moved[:3, 3] += delta[:3]
        moved[:3, :3] = turn @ pose[:3, :3]
    else:
        moved[:3, 3] += pose[:3, :3] @ delta[:3]
        moved[:3, :3] = pose[:3, :3] @ turn
    return moved
