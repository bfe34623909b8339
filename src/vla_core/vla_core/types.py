"""The values that travel from camera to motor. Arrays are read-only once they are inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.uint8]


def read_only(values: object) -> FloatArray:
    """A write-protected float64 copy of ``values``."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True)
class Observation:
    """What a policy sees at one instant.

    images: camera name -> (H, W, 3) uint8 RGB.
    image_stamps_ns: camera name -> header stamp, ROS time.
    state: (n,) float64 in the order and units of the contract's ``state``.
    state_stamp_ns: header stamp of the joint state, ROS time.
    instruction: the sentence to obey.
    """

    images: Mapping[str, ImageArray]
    image_stamps_ns: Mapping[str, int]
    state: FloatArray
    state_stamp_ns: int
    instruction: str

    @property
    def t0_ns(self) -> int:
        """The oldest camera stamp, ROS time: the instant a chunk made from this observation starts at."""
        return min(self.image_stamps_ns.values(), default=self.state_stamp_ns)


@dataclass(frozen=True, slots=True)
class ActionChunk:
    """What a policy answers.

    actions: (horizon, dimensions) float64, unnormalized, in the contract's order, units and action kind;
        the gripper, where the contract has one, is the last column. Action k is due at ``t0 + k * period_s``.
    speed_scale: (0, 1], by which an unsure policy asks to go slower.
    done: [0, 1] score that the instruction is fulfilled; None when the policy has no such signal.
    timing_ms: stage -> duration [ms] by the steady clock, for the latency report.
    """

    actions: FloatArray
    speed_scale: float = 1.0
    done: float | None = None
    timing_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JointPlan:
    """Absolute joint set-points in time: what the planner hands to the gate.

    joint_names: (J,) names, arm joints only.
    t0_ns: ROS time that ``times_s`` counts from.
    times_s: (N,) strictly increasing [s].
    positions: (N, J) [rad] or [m] by joint type.
    velocities, accelerations: (N, J) [rad/s], [rad/s^2], or None.
    gripper_joint: name, or None when the plan does not command a gripper.
    gripper_positions: (N,) [m], or None.
    """

    joint_names: tuple[str, ...]
    t0_ns: int
    times_s: FloatArray
    positions: FloatArray
    velocities: FloatArray | None = None
    accelerations: FloatArray | None = None
    gripper_joint: str | None = None
    gripper_positions: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class TwistPlan:
    """Base velocities in time.

    frame_id: frame of the velocities (REP-103), normally ``base_link``.
    t0_ns: ROS time that ``times_s`` counts from.
    times_s: (N,) strictly increasing [s].
    twists: (N, 6) linear x, y, z [m/s], angular x, y, z [rad/s].
    """

    frame_id: str
    t0_ns: int
    times_s: FloatArray
    twists: FloatArray
