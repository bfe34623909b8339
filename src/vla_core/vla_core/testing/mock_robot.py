"""An arm that is where its plan says, without dynamics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vla_core.contract import Contract
from vla_core.errors import ActionError
from vla_core.robot import RobotState, StampedImage
from vla_core.types import FloatArray, JointPlan, read_only


class MockRobot:
    """Follows plans by linear interpolation, perfectly; its cameras show a picture that changes with time.

    Implements ``vla_core.robot.Robot``.
    """

    def __init__(self, contract: Contract, positions: FloatArray, *, now_ns: int = 1_000_000_000) -> None:
        """Start at rest.

        Args:
            contract: whose cameras and state joints it has.
            positions: (n,) of the contract's state joints.
            now_ns: where its clock starts.
        """
        self._cameras = contract.cameras
        self._names = contract.state_names
        self._now_ns = now_ns
        self._positions = np.array(positions, dtype=np.float64)
        self._velocities = np.zeros_like(self._positions)
        self._plan: JointPlan | None = None

    def state(self) -> RobotState:
        """The joints now."""
        return RobotState(self._now_ns, self._names, read_only(self._positions), read_only(self._velocities))

    def images(self) -> Mapping[str, StampedImage]:
        """One flat colour a camera, another one each millisecond."""
        shade = (self._now_ns // 1_000_000) % 256
        return {
            camera.name: StampedImage(self._now_ns, np.full((camera.height, camera.width, 3), shade, dtype=np.uint8))
            for camera in self._cameras
        }

    def execute(self, plan: JointPlan) -> None:
        """Follow ``plan`` from now on.

        Raises:
            ActionError: unknown joint, wrong shapes, or a number that is not finite.
        """
        names = (*plan.joint_names, *((plan.gripper_joint,) if plan.gripper_joint is not None else ()))
        unknown = [name for name in names if name not in self._names]
        if unknown:
            raise ActionError(f"no joint {', '.join(unknown)}; this robot has {', '.join(self._names)}")
        count = len(plan.times_s)
        if count == 0 or plan.positions.shape != (count, len(plan.joint_names)):
            raise ActionError(f"plan of {count} times has positions of shape {plan.positions.shape}")
        grip = plan.gripper_positions
        if plan.gripper_joint is not None and (grip is None or grip.shape != (count,)):
            raise ActionError(f"plan of {count} times commands the gripper, but gives it another number of positions")
        arrays = [plan.times_s, plan.positions, *(() if grip is None else (grip,))]
        if not all(np.isfinite(array).all() for array in arrays):
            raise ActionError("plan is not finite")
        if (np.diff(plan.times_s) <= 0).any():
            raise ActionError("times of the plan do not rise")
        self._plan = plan

    def stop(self) -> None:
        """Rest where it is."""
        self._plan = None
        self._velocities[:] = 0.0

    def advance(self, duration_s: float) -> None:
        """Let time go by, without waiting."""
        before = self._positions.copy()
        self._now_ns += round(duration_s * 1e9)
        if self._plan is not None:
            self._follow(self._plan)
        self._velocities = (self._positions - before) / duration_s if duration_s > 0 else self._velocities

    def _follow(self, plan: JointPlan) -> None:
        at_s = (self._now_ns - plan.t0_ns) * 1e-9
        if at_s < plan.times_s[0]:
            return
        for column, name in enumerate(plan.joint_names):
            self._positions[self._names.index(name)] = np.interp(at_s, plan.times_s, plan.positions[:, column])
        if plan.gripper_joint is not None and plan.gripper_positions is not None:
            place = self._names.index(plan.gripper_joint)
            self._positions[place] = np.interp(at_s, plan.times_s, plan.gripper_positions)
