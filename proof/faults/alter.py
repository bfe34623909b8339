"""What a broken planner or sensor would send: messages in, other messages out."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from proof.faults.config import PlanConfig
from proof.faults.interfaces import field_of
from proof.faults.tap import Alter

Points = list[Any]

JUMP_RAD = 1.0
SHAKE_RAD_S = 2.0
STALE_S = 1.5
CLOCK_BACK_S = 5.0
NOISE_RAD = 0.5
FAR_OPEN_M = 0.5


def _plan(config: PlanConfig, change: Callable[[Points], None]) -> Alter:
    def alter(message: Any) -> list[Any]:
        change(field_of(message, config.trajectory).points)
        return [message]

    return alter


def value(config: PlanConfig, number: float) -> Alter:
    """One position in the middle of the plan is ``number``."""

    def change(points: Points) -> None:
        points[len(points) // 2].positions[0] = number

    return _plan(config, change)


def jump(config: PlanConfig) -> Alter:
    """The whole plan lies elsewhere: one joint is JUMP_RAD away."""

    def change(points: Points) -> None:
        for point in points:
            point.positions[0] += JUMP_RAD

    return _plan(config, change)


def shake(config: PlanConfig) -> Alter:
    """The first joint goes to and fro between the points at SHAKE_RAD_S, near the limit of every joint."""

    def change(points: Points) -> None:
        times = [point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 for point in points]
        gap_s = float(np.diff(times).mean()) if len(times) > 1 else 0.1
        for index, point in enumerate(points):
            point.positions[0] += (0.5 - index % 2) * SHAKE_RAD_S * gap_s
            point.velocities, point.accelerations = [], []

    return _plan(config, change)


def wrong_order(config: PlanConfig) -> Alter:
    """The numbers of each joint stand at the next one's name."""

    def change(points: Points) -> None:
        for point in points:
            for name in ("positions", "velocities", "accelerations"):
                setattr(point, name, np.roll(np.array(getattr(point, name)), 1).tolist())

    return _plan(config, change)


def out_of_date(message: Any) -> list[Any]:
    """What was planned STALE_S ago."""
    message.header.stamp = _shifted(message.header.stamp, -STALE_S)
    return [message]


def repeated() -> Alter:
    """Each plan twice, and then once more the one before it."""
    before: list[Any] = []

    def alter(message: Any) -> list[Any]:
        sent = [message, message, *before]
        before[:] = [message]
        return sent

    return alter


def wide_gripper(config: PlanConfig) -> Alter:
    """Every gripper position is FAR_OPEN_M."""

    def alter(message: Any) -> list[Any]:
        holder, _, name = config.gripper.rpartition(".")
        target = field_of(message, holder)
        setattr(target, name, [FAR_OPEN_M] * len(getattr(target, name)))
        return [message]

    return alter


def nothing(message: Any) -> list[Any]:
    """Silence."""
    return []


def same_picture() -> Alter:
    """The first picture again and again, under fresh stamps."""
    first: list[Any] = []

    def alter(message: Any) -> list[Any]:
        if not first:
            first.append(copy.copy(message.data))
        message.data = first[0]
        return [message]

    return alter


def same_joints() -> Alter:
    """The first joint values again and again, under fresh stamps."""
    first: list[Any] = []

    def alter(message: Any) -> list[Any]:
        if not first:
            first.append(message)
        message.position, message.velocity = first[0].position, first[0].velocity
        return [message]

    return alter


def noisy_joints(joints: Sequence[str], seed: int = 0) -> Alter:
    """Noise of NOISE_RAD on every position of ``joints``; the same for the same seed."""
    rng = np.random.default_rng(seed)

    def alter(message: Any) -> list[Any]:
        for index, name in enumerate(message.name):
            if name in joints:
                message.position[index] += rng.normal(0.0, NOISE_RAD)
        return [message]

    return alter


def clock_back(message: Any) -> list[Any]:
    """Time CLOCK_BACK_S ago."""
    message.clock = _shifted(message.clock, -CLOCK_BACK_S)
    return [message]


def _shifted(stamp: Any, by_s: float) -> Any:
    total_ns = max(stamp.sec * 1_000_000_000 + stamp.nanosec + math.floor(by_s * 1e9), 0)
    return type(stamp)(sec=total_ns // 1_000_000_000, nanosec=total_ns % 1_000_000_000)
