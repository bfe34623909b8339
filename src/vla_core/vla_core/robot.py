"""The robot seam: simulated, mocked or real behind the same few methods, for loops without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vla_core.types import FloatArray, ImageArray, JointPlan


@dataclass(frozen=True, slots=True)
class RobotState:
    """Measured joints.

    stamp_ns: the robot's own clock. joint_names: (n,), gripper included.
    positions: (n,) [rad] or [m] by joint type. velocities: (n,) [rad/s] or [m/s].
    """

    stamp_ns: int
    joint_names: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray


@dataclass(frozen=True, slots=True)
class StampedImage:
    """An (H, W, 3) uint8 RGB image and the instant it was taken, by the robot's own clock."""

    stamp_ns: int
    image: ImageArray


@runtime_checkable
class Robot(Protocol):
    """An arm that tells its joints, shows its cameras and follows plans."""

    def state(self) -> RobotState:
        """The measured joints now."""
        ...

    def images(self) -> Mapping[str, StampedImage]:
        """The newest image of each camera by name."""
        ...

    def execute(self, plan: JointPlan) -> None:
        """Follow ``plan`` from now on instead of the one before; times count from the plan's ``t0_ns``.

        Raises:
            ActionError: unknown joint, wrong shapes, or a number that is not finite; the plan before goes on.
        """
        ...

    def stop(self) -> None:
        """Come to rest and stay there, keeping the grip, until the next plan."""
        ...

    def advance(self, duration_s: float) -> None:
        """Let this much time go by: a simulation computes it, a real robot waits."""
        ...
