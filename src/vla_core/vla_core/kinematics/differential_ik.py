"""Inverse kinematics in small steps: damped least squares inside joint bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from vla_core.errors import KinematicsError
from vla_core.kinematics.robot import RobotKinematics
from vla_core.limits import JointLimits
from vla_core.types import FloatArray


@dataclass(frozen=True, slots=True)
class IkConfig:
    """When a pose counts as reached, and how hard to try.

    tolerance_m, tolerance_rad: largest error of position [m] and rotation [rad].
    max_iterations: steps before giving up. max_step: largest change of a joint in one step [rad or m].
    damping: added to the squared error, which alone vanishes at the goal.
    """

    tolerance_m: float = 1e-5
    tolerance_rad: float = 1e-4
    max_iterations: int = 100
    max_step: float = 0.2
    damping: float = 1e-6


class DifferentialIk:
    """Joint positions that bring ``tip`` to a pose, near those it starts from.

    Levenberg-Marquardt whose damping is the squared error itself (Sugihara 2011): fast near the goal, calm at
    singularities. A joint at its bound is left out of the step, so that the others make up for it. The solution is the
    one nearest to the start in the sense of least joint motion at each step; it does not jump to another branch.
    """

    def __init__(
        self, kinematics: RobotKinematics, limits: JointLimits, tip: str = "tool0", config: IkConfig | None = None
    ) -> None:
        if limits.joint_names != kinematics.joint_names:
            raise KinematicsError(f"limits are of {limits.joint_names}, kinematics of {kinematics.joint_names}")
        self.kinematics = kinematics
        self.limits = limits
        self.tip = tip
        self.config = config or IkConfig()

    def solve(self, T_base_tip: FloatArray, start: FloatArray, within_s: float | None = None) -> FloatArray:
        """(J,) joint positions inside the limits at which ``tip`` is at ``T_base_tip`` (4, 4).

        start: (J,) where to begin. within_s: the joints must be able to come from ``start`` in this time by their
            velocity limits; None: no matter how long.

        Raises:
            KinematicsError: the pose was not reached; the message tells how far it is off.
        """
        lower, upper = self._bounds(start, within_s)
        goal = pin.SE3(np.asarray(T_base_tip, dtype=np.float64))
        q = np.clip(start, lower, upper)
        for _ in range(self.config.max_iterations):
            error = self._error(q, goal)
            if self._reached(error):
                return q
            q = q + self._step(q, error, lower, upper)
        error = self._error(q, goal)
        if self._reached(error):
            return q
        raise KinematicsError(self._why(error, q, lower, upper, within_s))

    def _bounds(self, start: FloatArray, within_s: float | None) -> tuple[FloatArray, FloatArray]:
        # A start outside the limits, as encoders report, may stay there but go no further.
        lower, upper = np.minimum(self.limits.lower, start), np.maximum(self.limits.upper, start)
        if within_s is None:
            return lower, upper
        reach = self.limits.velocity * within_s
        return np.maximum(lower, start - reach), np.minimum(upper, start + reach)

    def _error(self, q: FloatArray, goal: pin.SE3) -> FloatArray:
        """(6,) twist that takes the tip to ``goal`` in unit time, in the tip's axes: linear [m], angular [rad]."""
        here = pin.SE3(self.kinematics.T_base_link(q, self.tip))
        error: FloatArray = pin.log6(here.inverse() * goal).vector
        return error

    def _reached(self, error: FloatArray) -> bool:
        return bool(
            np.linalg.norm(error[:3]) <= self.config.tolerance_m
            and np.linalg.norm(error[3:]) <= self.config.tolerance_rad
        )

    def _step(self, q: FloatArray, error: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
        jacobian = self.kinematics.jacobian(q, self.tip)
        free = np.ones(len(q), dtype=bool)
        damping = (0.5 * float(error @ error) + self.config.damping) * np.eye(6)
        for _ in range(len(q)):
            active = jacobian * free
            step: FloatArray = active.T @ np.linalg.solve(active @ active.T + damping, error)
            step *= min(1.0, self.config.max_step / max(float(np.abs(step).max()), 1e-12))
            stuck = free & (((q >= upper) & (step > 0.0)) | ((q <= lower) & (step < 0.0)))
            if not stuck.any():
                break
            free &= ~stuck
        return np.clip(q + step, lower, upper) - q

    def _why(
        self, error: FloatArray, q: FloatArray, lower: FloatArray, upper: FloatArray, within_s: float | None
    ) -> str:
        names = [n for n, at in zip(self.limits.joint_names, (q <= lower) | (q >= upper), strict=True) if at]
        bound = f"; at a bound: {', '.join(names)}" if names else ""
        haste = "" if within_s is None else f" within {within_s:g} s"
        return (
            f"pose of {self.tip!r} cannot be reached{haste}: {1e3 * np.linalg.norm(error[:3]):.1f} mm and "
            f"{np.degrees(np.linalg.norm(error[3:])):.1f} degrees are missing{bound}"
        )
