"""What the sensors have sent, as it came over the wire. No ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CameraFrame:
    """One picture. stamp_ns: header stamp, ROS time. received_ns: steady clock.

    data: (n,) uint8, a view of the message's own memory.
    encoding: of sensor_msgs/Image, or ``format`` of sensor_msgs/CompressedImage.
    height, width, step: 0 for a compressed picture, whose data says them. is_bigendian: order of 16-bit numbers.
    """

    name: str
    stamp_ns: int
    received_ns: int
    data: NDArray[np.uint8]
    encoding: str
    compressed: bool
    height: int = 0
    width: int = 0
    step: int = 0
    is_bigendian: bool = False


@dataclass(frozen=True, slots=True)
class JointSample:
    """One joint state. stamp_ns: header stamp, ROS time. received_ns: steady clock.

    positions [rad] or [m] and velocities [rad/s] or [m/s] in the order of ``names``; as sent, so nothing is checked.
    """

    stamp_ns: int
    received_ns: int
    names: Sequence[str]
    positions: Sequence[float]
    velocities: Sequence[float]


@dataclass(frozen=True, slots=True)
class CameraProof:
    """One camera's share in a chunk: header stamp [ns, ROS time] and 64-bit hash of the raw bytes."""

    name: str
    stamp_ns: int
    content_hash: int
