"""Commands of few points on vla/joint_command: a servo loop, goals, boundaries, short paths."""

from __future__ import annotations

import numpy as np

from proof.fuzz.aims import Aims
from proof.fuzz.offers import Offer
from proof.fuzz.polynomials import FloatArray


def command(name: str, aims: Aims, times: FloatArray | list[float], positions: FloatArray, **more: object) -> Offer:
    rows = np.atleast_2d(positions).tolist()
    return Offer(name, aims.limits.names, np.asarray(times, dtype=np.float64), rows, **more)  # type: ignore[arg-type]


def servo(aims: Aims, state: FloatArray) -> Offer:
    """A small step in the direction it goes anyway, as from a loop at 100 Hz."""
    duration = float(aims.rng.uniform(0.03, 0.15))
    wish = state[0] + 0.5 * state[1] * duration + aims.rng.normal(0.0, 0.004, len(state[0]))
    return command("servo", aims, [duration], np.clip(wish, aims.limits.lower, aims.limits.upper))


def goal(aims: Aims, state: FloatArray) -> Offer:
    """One point anywhere, in good time or far too soon."""
    target = aims.target(state[0])
    duration = aims.duration(target - state[0]) * float(np.exp(aims.rng.normal(0.2, 0.6)))
    return command("goal", aims, [duration], target)


def boundary(aims: Aims, state: FloatArray) -> Offer:
    """One joint to a limit of position, or at a limit of velocity, acceleration or jerk, a hair to either side."""
    if aims.rng.random() < 0.5:
        target = aims.edge(state[0])
        return command("boundary", aims, [1.3 * aims.duration(target - state[0])], target)
    target = state[0].copy()
    joint = int(aims.rng.integers(len(target)))
    room = aims.limits.upper[joint] - target[joint], aims.limits.lower[joint] - target[joint]
    target[joint] += float(aims.rng.uniform(0.02, 0.9)) * max(room, key=abs)
    duration = aims.duration(target - state[0]) * (1.0 + aims.epsilon())
    return command("boundary", aims, [duration], target)


def at_once(aims: Aims, state: FloatArray) -> Offer:
    """A point without a time, or due within microseconds."""
    duration = float(aims.rng.choice([0.0, 1e-9, 1e-6, 1e-3, 5e-3, 9.9e-3, 1e-2, 1.01e-2]))
    return command("at_once", aims, [duration], aims.near(state[0], float(aims.rng.choice([1e-6, 1e-3, 0.1]))))


def in_motion(aims: Aims, state: FloatArray) -> Offer:
    """A point to be passed at speed: the gate has to add the stop."""
    target = aims.near(state[0], 0.3)
    duration = 1.2 * aims.duration(target - state[0])
    velocity = aims.rng.uniform(-1.1, 1.1, len(target)) * aims.limits.velocity
    more: dict[str, object] = {"velocities": [velocity.tolist()]}
    if aims.rng.random() < 0.5:
        acceleration = aims.rng.uniform(-1.1, 1.1, len(target)) * aims.limits.acceleration
        more["accelerations"] = [acceleration.tolist()]
    return command("in_motion", aims, [duration], target, **more)


def path(aims: Aims, state: FloatArray) -> Offer:
    """Two to six way-points, some of them stating velocities that do not fit."""
    count = int(aims.rng.integers(2, 7))
    points, times, here, now = [], [], state[0], 0.0
    for _ in range(count):
        target = aims.near(here, 0.3) if aims.rng.random() < 0.8 else aims.target(here)
        now += max(aims.duration(target - here) * float(np.exp(aims.rng.normal(0.0, 0.5))), 2e-3)
        points.append(target)
        times.append(now)
        here = target
    more: dict[str, object] = {}
    if aims.rng.random() < 0.3:
        velocities = (
            aims.rng.uniform(-1.0, 1.0, (count, len(here))) * aims.limits.velocity * aims.rng.choice([0.1, 1.5])
        )
        velocities[-1] = 0.0
        more["velocities"] = velocities.tolist()
    return command("path", aims, times, np.array(points), **more)


def oscillation(aims: Aims, state: FloatArray) -> Offer:
    """To and fro at about the limit of velocity or acceleration."""
    count = int(aims.rng.integers(2, 11))
    way = aims.rng.uniform(-1.0, 1.0, len(state[0])) * float(aims.rng.choice([0.01, 0.1, 0.3]))
    step = aims.duration(way) * float(aims.rng.choice([0.9, 0.999, 1.0, 1.001, 1.3])) + 2e-3
    points = state[0] + np.outer(np.arange(1, count + 1) % 2, way)
    return command("oscillation", aims, step * np.arange(1.0, count + 1.0), points)


SINGLES = (servo, goal, boundary, at_once, in_motion)
SHORTS = (path, oscillation)
