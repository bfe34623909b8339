"""What looking at the robot gives: an observation with its evidence, or a reason why there is none. No ROS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vla_core.errors import VlaError
from vla_core.types import Observation
from vla_inference.inference.samples import CameraProof


class Starved(VlaError):
    """An input is missing, stale, skewed or wrong; the message names it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An observation and the evidence for it.

    cameras: waits until the pictures are hashed, which goes on beside the inference.
    """

    observation: Observation
    cameras: Callable[[], tuple[CameraProof, ...]]


@dataclass(frozen=True, slots=True)
class ChunkTrace:
    """Whom a chunk serves and where its time went. ``*_ns``: ROS time; inference_ms: steady clock."""

    chunk_id: int
    instruction_id: int
    policy_id: str
    instruction: str
    speed_scale: float
    cameras: Sequence[CameraProof]
    joint_state_ns: int
    inference_start_ns: int
    inference_end_ns: int
    inference_ms: float
