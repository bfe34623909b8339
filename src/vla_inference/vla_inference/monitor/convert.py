"""Messages as proposals and states, unchecked but for their shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from vla_core.safety.proposal import (
    SOURCE_CHUNK,
    SOURCE_JOINT,
    CameraEvidence,
    Evidence,
    Proposal,
    Trace,
    matrix,
)
from vla_core.types import FloatArray
from vla_msgs.msg import ActionChunk

_NS = 1_000_000_000


def nanoseconds(stamp: Time) -> int:
    """A stamp or duration in ns."""
    return int(stamp.sec) * _NS + int(stamp.nanosec)


def to_time(ns: int) -> Time:
    """``ns`` as a stamp."""
    return Time(sec=ns // _NS, nanosec=ns % _NS)


def _times(trajectory: JointTrajectory) -> FloatArray:
    return np.array([nanoseconds(point.time_from_start) * 1e-9 for point in trajectory.points], dtype=np.float64)


def trace_of(chunk: ActionChunk) -> Trace:
    """Identity of a chunk."""
    return Trace(SOURCE_CHUNK, int(chunk.chunk_id), int(chunk.instruction_id))


def evidence_of(chunk: ActionChunk) -> Evidence:
    """What a chunk says about its inputs."""
    cameras = [CameraEvidence(str(c.name), nanoseconds(c.stamp), int(c.content_hash)) for c in chunk.cameras]
    return Evidence(tuple(cameras), nanoseconds(chunk.joint_state_stamp))


def chunk_proposal(chunk: ActionChunk) -> Proposal:
    """A joint chunk. Raises Refused when its points have unequal lengths."""
    trajectory = chunk.joint_trajectory
    width, points = len(trajectory.joint_names), trajectory.points
    positions = matrix([point.positions for point in points], width, "positions")
    return Proposal(
        trace_of(chunk),
        tuple(trajectory.joint_names),
        _times(trajectory),
        positions if positions is not None else np.zeros((0, width)),
        matrix([point.velocities for point in points], width, "velocities"),
        matrix([point.accelerations for point in points], width, "accelerations"),
        chunk.gripper_joint or None,
        np.array(chunk.gripper_positions, dtype=np.float64) if chunk.gripper_joint else None,
        nanoseconds(chunk.header.stamp),
        float(chunk.speed_scale),
        evidence_of(chunk),
    )


def command_proposal(trajectory: JointTrajectory) -> Proposal:
    """A joint command; stamp 0 means now. Raises Refused when its points have unequal lengths."""
    width, points = len(trajectory.joint_names), trajectory.points
    positions = matrix([point.positions for point in points], width, "positions")
    stamp = nanoseconds(trajectory.header.stamp)
    return Proposal(
        Trace(SOURCE_JOINT),
        tuple(trajectory.joint_names),
        _times(trajectory),
        positions if positions is not None else np.zeros((0, width)),
        matrix([point.velocities for point in points], width, "velocities"),
        matrix([point.accelerations for point in points], width, "accelerations"),
        t0_ns=stamp or None,
    )


class Reading(NamedTuple):
    """A joint state of the arm, (J,) each: position [rad or m], velocity, effort [N m or N]; gripper [m]."""

    position: FloatArray
    velocity: FloatArray | None
    grip: float | None
    effort: FloatArray | None


class StateReader:
    """Picks the arm's joints out of JointState messages by name."""

    def __init__(self, joints: tuple[str, ...], gripper: str | None) -> None:
        self._joints = joints
        self._gripper = gripper
        self._names: list[str] = []
        self._index: list[int] | None = None
        self._grip_index: int | None = None

    def read(self, message: JointState) -> Reading | None:
        """What ``message`` says of the arm; None when it lacks a joint."""
        if message.name != self._names:
            self._learn(list(message.name))
        if self._index is None or len(message.position) < len(self._names):
            return None
        position = np.array(message.position, dtype=np.float64)
        velocity = effort = None
        if len(message.velocity) == len(position):
            velocity = np.array(message.velocity, dtype=np.float64)[self._index]
        if len(message.effort) == len(position):
            effort = np.array(message.effort, dtype=np.float64)[self._index]
        grip = None if self._grip_index is None else float(position[self._grip_index])
        return Reading(position[self._index], velocity, grip, effort)

    def _learn(self, names: list[str]) -> None:
        self._names = names
        known = all(joint in names for joint in self._joints)
        self._index = [names.index(joint) for joint in self._joints] if known else None
        self._grip_index = names.index(self._gripper) if self._gripper in names else None
