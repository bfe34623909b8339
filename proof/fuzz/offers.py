"""One command as it would come over ROS, before anything about it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proof.fuzz.polynomials import FloatArray
from vla_core.safety.proposal import (
    SOURCE_CHUNK,
    SOURCE_JOINT,
    SOURCE_TWIST,
    CameraEvidence,
    Evidence,
    Proposal,
    Trace,
    matrix,
)
from vla_core.safety.rules.twist import TwistProposal

Rows = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Offer:
    """A joint chunk or a joint command. generator: what made it, for the report.

    rows: one a point, of any lengths; velocities and accelerations: empty when the message states none.
    stamp_ns: ROS time; 0 in a joint command: from now. chunk_id: 0 marks a joint command.
    cameras: what a chunk says about its images.
    """

    generator: str
    names: tuple[str, ...]
    times_s: FloatArray
    positions: Rows
    velocities: Rows = ()
    accelerations: Rows = ()
    gripper_joint: str = ""
    gripper: FloatArray | None = None
    stamp_ns: int = 0
    speed_scale: float = 1.0
    chunk_id: int = 0
    cameras: tuple[CameraEvidence, ...] = ()

    @property
    def source(self) -> str:
        """The topic it comes by."""
        return SOURCE_CHUNK if self.chunk_id else SOURCE_JOINT

    def proposal(self) -> Proposal:
        """As the monitor converts it. Raises Refused when points have unequal lengths."""
        width = len(self.names)
        empty: Rows = [()] * len(self.positions)
        positions = matrix(self.positions, width, "positions")
        return Proposal(
            Trace(self.source, self.chunk_id, 1 if self.chunk_id else 0),
            self.names,
            self.times_s,
            _none_as_empty(positions, width),
            matrix(self.velocities or empty, width, "velocities"),
            matrix(self.accelerations or empty, width, "accelerations"),
            self.gripper_joint or None,
            self.gripper if self.gripper_joint else None,
            self.stamp_ns if self.chunk_id else self.stamp_ns or None,
            self.speed_scale,
            Evidence(self.cameras, self.stamp_ns if self.chunk_id else 0),
        )


def _none_as_empty(positions: FloatArray | None, width: int) -> FloatArray:
    return np.zeros((0, width)) if positions is None else positions


@dataclass(frozen=True, slots=True)
class TwistOffer:
    """Timed twists, or one twist. twists: (N, 6) [m/s, rad/s]. stamp_ns: ROS time, None: not stated.

    chunk_id: 0 marks a twist command. cameras: what a chunk says about its images.
    """

    generator: str
    frame_id: str
    times_s: FloatArray
    twists: FloatArray
    stamp_ns: int | None = None
    speed_scale: float = 1.0
    chunk_id: int = 0
    cameras: tuple[CameraEvidence, ...] = ()

    def proposal(self) -> TwistProposal:
        """As the monitor converts it."""
        trace = Trace(SOURCE_CHUNK if self.chunk_id else SOURCE_TWIST, self.chunk_id, 1 if self.chunk_id else 0)
        evidence = Evidence(self.cameras, self.stamp_ns or 0)
        return TwistProposal(trace, self.frame_id, self.times_s, self.twists, self.stamp_ns, self.speed_scale, evidence)
