"""Good commands made bad: values, shapes, names, times, stamps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from proof.fuzz.offers import Offer, Rows

Rng = np.random.Generator
WILD = (np.nan, np.inf, -np.inf, 5e-324, -5e-324, 1e-310, 1e308, -1e308, 1.8e300, 1e9, -1e9, 0.0, -0.0)
SCALES = (
    np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 5e-324, 1e-9, 0.05, 0.0999, 0.1, 0.5, 1.0, 1.0 + 2e-16, 1.0 + 1e-9, 2.0,
)  # fmt: skip
GRIPS = (np.nan, np.inf, -1e-3, -1.001e-3, -1.0, 0.0, 5e-324, 0.04, 0.041, 0.041001, 0.05, 1e300)


def wild(offer: Offer, rng: Rng) -> Offer:
    """One number is one that arithmetic trips over."""
    return _one_number(offer, rng, lambda value: float(rng.choice(WILD)))


def bit_flip(offer: Offer, rng: Rng) -> Offer:
    """One bit of one number is wrong."""

    def flip(value: float) -> float:
        bits = np.array([value], dtype=np.float64).view(np.uint64)
        bits[0] ^= np.uint64(1) << np.uint64(rng.integers(64))
        return float(bits.view(np.float64)[0])

    return _one_number(offer, rng, flip)


def jump(offer: Offer, rng: Rng) -> Offer:
    """Somewhere else altogether, from some point on."""
    first, offset = int(rng.integers(len(offer.positions))), float(rng.choice([1e-4, 0.01, 0.2, 0.5, 3.0]))
    rows = [[v + offset for v in row] if k >= first else list(row) for k, row in enumerate(offer.positions)]
    return replace(offer, positions=rows)


def names(offer: Offer, rng: Rng) -> Offer:
    """Joints in another order, which is fine, or missing, unknown, repeated."""
    kind, joints = int(rng.integers(5)), list(offer.names)
    if kind <= 1:
        order = rng.permutation(len(joints)).tolist()

        def pick(rows: Rows) -> Rows:
            return [[row[k] for k in order] for row in rows]

        return replace(
            offer, names=tuple(joints[k] for k in order), positions=pick(offer.positions),
            velocities=pick(offer.velocities), accelerations=pick(offer.accelerations),
        )  # fmt: skip
    joints[int(rng.integers(len(joints)))] = ("", "joint99", joints[0])[kind - 2]
    return replace(offer, names=tuple(joints))


def shape(offer: Offer, rng: Rng) -> Offer:
    """Rows of unequal length, a column or everything missing."""
    rows = [list(row) for row in offer.positions]
    kind = int(rng.integers(6))
    if kind == 0:
        rows[int(rng.integers(len(rows)))].pop()
    elif kind == 1:
        rows[int(rng.integers(len(rows)))].append(0.0)
    elif kind == 2:
        rows = [[] for _ in rows]
    elif kind == 3:
        return replace(offer, times_s=np.zeros(0), positions=[], velocities=[], accelerations=[])
    elif kind == 4:
        return replace(offer, velocities=[], accelerations=[[0.0] * len(row) for row in rows])
    else:
        return replace(offer, names=(), positions=[[] for _ in rows], velocities=[], accelerations=[])
    return replace(offer, positions=rows)


def times(offer: Offer, rng: Rng) -> Offer:
    """Times that repeat, fall, are dense, negative or absurd."""
    values, kind = np.array(offer.times_s), int(rng.integers(7))
    k = int(rng.integers(len(values)))
    if kind == 0:
        rng.shuffle(values)
    elif kind == 1:
        values[:] = values[k]
    elif kind == 2:
        values *= 1e-3
    elif kind == 3:
        values -= values[k]
    elif kind == 4:
        values *= 1e3
    elif kind == 5:
        values[k] = -values[k]
    else:
        values = values[0] + (1e-3 + 1e-9 * float(rng.integers(-1, 2))) * np.arange(len(values))
    return replace(offer, times_s=values)


def stamp(offer: Offer, rng: Rng) -> Offer:
    """Too old, of the future, a duplicate, out of order, a number that nobody set."""
    shift = float(rng.choice([-30.0, -1.001, -0.999, -0.4, -0.05, -1e-9, 0.05, 0.0999, 0.1001, 5.0, 1e6]))
    if rng.random() < 0.1:
        return replace(offer, stamp_ns=int(rng.choice([0, 1, 2**31, 2**62])))
    return replace(offer, stamp_ns=max(offer.stamp_ns + round(shift * 1e9), 0))


def scale(offer: Offer, rng: Rng) -> Offer:
    """Any speed_scale."""
    return replace(offer, speed_scale=float(rng.choice(SCALES)))


def grip(offer: Offer, rng: Rng) -> Offer:
    """Set-points of the gripper about and beyond its range; of no gripper, of another, too many."""
    count = len(offer.times_s) + int(rng.random() < 0.1)
    joint = str(rng.choice(["finger_joint1", "finger_joint1", "finger_joint1", "finger_joint2", "joint1"]))
    values = rng.uniform(0.0, 0.04, count)
    if count:
        values[int(rng.integers(count))] = float(rng.choice(GRIPS))
    return replace(offer, gripper_joint=joint, gripper=values)


def cameras(offer: Offer, rng: Rng) -> Offer:
    """A camera that is missing, frozen, stands still, of the future; or none at all."""
    kind, seen = int(rng.integers(5)), list(offer.cameras)
    if kind == 0 or not seen:
        return replace(offer, cameras=())
    k = int(rng.integers(len(seen)))
    if kind == 1:
        del seen[k]
    elif kind == 2:
        seen[k] = replace(seen[k], content_hash=7)
    else:
        shift = int(rng.choice([-2_000_000_000, -400_000_000, 90_000_000, 500_000_000]))
        seen[k] = replace(seen[k], stamp_ns=max(seen[k].stamp_ns + shift, 0))
    return replace(offer, cameras=tuple(seen))


SPOILERS: tuple[Callable[[Offer, Rng], Offer], ...] = (
    wild, bit_flip, jump, names, shape, times, stamp, scale, grip, cameras,
)  # fmt: skip


def spoiled(offer: Offer, rng: Rng) -> Offer:
    """By one of them."""
    spoiler = SPOILERS[int(rng.integers(len(SPOILERS)))]
    return replace(spoiler(offer, rng), generator=f"{offer.generator}+{spoiler.__name__}")


def _one_number(offer: Offer, rng: Rng, change: Callable[[float], float]) -> Offer:
    field = str(rng.choice(["positions", "positions", "velocities", "accelerations", "times_s"]))
    if field == "times_s" or not len(getattr(offer, field)):
        values = np.array(offer.times_s)
        k = int(rng.integers(len(values)))
        values[k] = change(float(values[k]))
        return replace(offer, times_s=values)
    rows = [list(row) for row in getattr(offer, field)]
    k, joint = int(rng.integers(len(rows))), int(rng.integers(len(rows[0])))
    rows[k][joint] = change(rows[k][joint])
    changed: dict[str, Any] = {field: rows}
    return replace(offer, **changed)
