"""Forward kinematics of a URDF by Pinocchio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pinocchio as pin

from vla_core.errors import KinematicsError, LimitsError
from vla_core.types import FloatArray
from vla_core.urdf import MOVING_TYPES, parse_urdf


class RobotKinematics:
    """Poses and Jacobians of the links of one robot. Not thread-safe: it keeps the workspace of the computation.

    Args:
        urdf_xml: the URDF itself.
        joints: J joints that ``q`` (J,) [rad or m] consists of, in this order. All others stand at zero, or where
            ``rest`` (joint -> position) puts them.
        base: link that poses are expressed in.

    Raises:
        KinematicsError: the URDF cannot be used, or has no such joint or link; the message lists what there is.
    """

    def __init__(
        self,
        urdf_xml: str,
        joints: Sequence[str],
        base: str = "base_link",
        rest: Mapping[str, float] | None = None,
    ) -> None:
        try:
            self._kinds = {name: joint.kind for name, joint in parse_urdf(urdf_xml).items()}
            self._model = pin.buildModelFromXML(urdf_xml)
        except (LimitsError, ValueError, RuntimeError) as error:
            raise KinematicsError(f"the URDF cannot be used: {error}") from error
        self._data = self._model.createData()
        self.joint_names = tuple(joints)
        self.link_names = tuple(f.name for f in self._model.frames if f.type == pin.FrameType.BODY)
        indices = [self._joint(name) for name in self.joint_names]
        self._columns = [self._model.idx_vs[index] for index in indices]
        self._rest = pin.neutral(self._model)
        for name, position in (rest or {}).items():
            self._place(self._rest, self._joint(name), position)
        self._indices = indices
        self._base = self._frame(base)
        self._q_of_data: bytes | None = None

    def T_base_link(self, q: FloatArray, link: str) -> FloatArray:
        """(4, 4) pose of ``link`` in the base at ``q`` (J,)."""
        self._update(q)
        pose: FloatArray = (self._data.oMf[self._base].inverse() * self._data.oMf[self._frame(link)]).homogeneous
        return pose

    def all_links(self, q: FloatArray) -> dict[str, FloatArray]:
        """Link -> (4, 4) pose in the base at ``q`` (J,), for every link."""
        return {link: self.T_base_link(q, link) for link in self.link_names}

    def jacobian(self, q: FloatArray, link: str) -> FloatArray:
        """(6, J) map from joint rates to the twist of ``link``: linear [m/s], then angular [rad/s], in its own axes."""
        self._update(q)
        pin.computeJointJacobians(self._model, self._data)
        full = pin.getFrameJacobian(self._model, self._data, self._frame(link), pin.ReferenceFrame.LOCAL)
        columns: FloatArray = full[:, self._columns]
        return columns

    def _update(self, q: FloatArray) -> None:
        """Brings the workspace to ``q``, unless it is there already."""
        values = np.asarray(q, dtype=np.float64)
        if values.shape != (len(self.joint_names),) or not np.isfinite(values).all():
            raise KinematicsError(f"q must be {len(self.joint_names)} finite numbers, got {q}")
        key = values.tobytes()
        if key == self._q_of_data:
            return
        configuration = self._rest.copy()
        for index, value in zip(self._indices, values, strict=True):
            self._place(configuration, index, float(value))
        pin.framesForwardKinematics(self._model, self._data, configuration)
        self._q_of_data = key

    def _place(self, configuration: FloatArray, index: int, value: float) -> None:
        at = self._model.idx_qs[index]
        if self._model.nqs[index] == 2:  # a continuous joint is a point on the circle
            configuration[at : at + 2] = np.cos(value), np.sin(value)
        else:
            configuration[at] = value

    def _joint(self, name: str) -> int:
        moving = [joint for joint, kind in self._kinds.items() if kind in MOVING_TYPES]
        if name not in moving:
            raise KinematicsError(f"the URDF has no moving joint {name!r}; it has: {', '.join(moving) or 'none'}")
        return int(self._model.getJointId(name))

    def _frame(self, link: str) -> int:
        if link not in self.link_names:
            raise KinematicsError(f"the URDF has no link {link!r}; it has: {', '.join(self.link_names)}")
        return int(self._model.getFrameId(link, pin.FrameType.BODY))
