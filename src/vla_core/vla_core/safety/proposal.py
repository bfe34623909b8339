"""What a commander proposes, before anything about it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vla_core.safety.decision import Decision, Verdict
from vla_core.types import FloatArray

SOURCE_CHUNK = "vla/action_chunk"
SOURCE_JOINT = "vla/joint_command"
SOURCE_TWIST = "vla/twist_command"


class Refused(Exception):
    """A message so malformed that it cannot even become a Proposal; carries the verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.detail)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Trace:
    """Identity of a proposal, handed through to status and latency reports."""

    source: str
    chunk_id: int = 0
    instruction_id: int = 0

    @property
    def of_chunk(self) -> bool:
        """Whether a planner sent it, chunk after chunk; whatever number it gave the chunk."""
        return self.source == SOURCE_CHUNK


@dataclass(frozen=True, slots=True)
class CameraEvidence:
    """What a camera gave to a chunk. stamp_ns: ROS time. content_hash: of the picture; 0: not stated."""

    name: str
    stamp_ns: int
    content_hash: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a chunk says about its inputs. joint_state_ns: ROS time of the joint state used; 0: not stated."""

    cameras: tuple[CameraEvidence, ...] = ()
    joint_state_ns: int = 0


NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A joint motion that somebody wants, arrays unchecked.

    joint_names: (J,) any order. times_s: (N,) from ``t0_ns`` [s]. positions: (N, J).
    velocities, accelerations: (N, J) or None.
    gripper_joint, gripper_positions: name and (N,) [m], or both None.
    t0_ns: ROS time that the times count from; None: from now, and from where the arm is.
    speed_scale: (0, 1] asked for. evidence: of the inputs of a chunk.
    """

    trace: Trace
    joint_names: tuple[str, ...]
    times_s: FloatArray
    positions: FloatArray
    velocities: FloatArray | None = None
    accelerations: FloatArray | None = None
    gripper_joint: str | None = None
    gripper_positions: FloatArray | None = None
    t0_ns: int | None = None
    speed_scale: float = 1.0
    evidence: Evidence = NO_EVIDENCE

    def columns(self, order: Sequence[str]) -> Proposal:
        """The same with joints in ``order``; every name must be there."""
        if self.joint_names == tuple(order):
            return self
        index = [self.joint_names.index(name) for name in order]

        def pick(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else values[:, index]

        return replace(
            self,
            joint_names=tuple(order),
            positions=self.positions[:, index],
            velocities=pick(self.velocities),
            accelerations=pick(self.accelerations),
        )

    def without_gripper_column(self, gripper: str) -> Proposal:
        """The same with the column of joint ``gripper``, if there is one, moved to the gripper's own field."""
        if gripper not in self.joint_names or self.gripper_joint is not None:
            return self
        column = self.joint_names.index(gripper)
        taken = self.columns([name for name in self.joint_names if name != gripper])
        return replace(taken, gripper_joint=gripper, gripper_positions=self.positions[:, column])


def matrix(rows: Sequence[Sequence[float]], width: int, field: str) -> FloatArray | None:
    """(N, width) from one row per point; None when every row is empty.

    Raises:
        Refused: rows of unequal or wrong length.
    """
    lengths = {len(row) for row in rows}
    if lengths == {0}:
        return None
    if lengths != {width}:
        wrong = sorted(lengths - {width})
        raise Refused(
            Verdict(
                Decision.HOLD,
                "dimensions",
                "dimensions",
                f"{field} has points of {', '.join(map(str, wrong)) or 'no'} values for {width} joints; "
                "fill every point with one value for each joint, or none at all",
                float(wrong[0]) if wrong else 0.0,
                float(width),
            )
        )
    return np.array(rows, dtype=np.float64)
