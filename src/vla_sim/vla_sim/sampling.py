"""Random scenes: cubes where the arm can reach them, and looks drawn wide (domain randomization)."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.random import Generator

from vla_sim.spec import (
    COLORS,
    PUSH_LINE_M,
    PUSH_START_M,
    SPACING_M,
    TASKS,
    X_RANGE_M,
    Y_RANGE_M,
    YAW_RANGE_RAD,
    CubeSpec,
    SceneError,
    SceneSpec,
    VisualSpec,
    require_choice,
)

NOMINAL_HUE = {"red": 0.0, "green": 0.36, "blue": 0.61, "yellow": 0.145}
CORRIDOR_HALF_WIDTH_M = 0.090  # fingers spread for a push, plus half a turned cube, plus a margin
CORRIDOR_BEHIND_M = 0.130  # room to come down behind the cube
CORRIDOR_AHEAD_M = 0.070

_ATTEMPTS = 2000


def sample_scene(
    rng: Generator,
    *,
    seed: int = -1,
    task: str = "",
    target: str = "",
    n_cubes: int | None = None,
    randomize: float = 1.0,
) -> SceneSpec:
    """A random scene.

    task, target: empty to draw them. n_cubes: 2 to 4, None to draw. randomize: 0 nominal looks, 1 full
    domain randomization. seed is only noted in the result. Raises SceneError for unknown names.
    """
    task = require_choice("task", task, TASKS) if task else str(rng.choice(TASKS))
    target = require_choice("target", target, COLORS) if target else str(rng.choice(COLORS))
    count = int(rng.integers(2, 5)) if n_cubes is None else n_cubes
    if not 1 <= count <= len(COLORS):
        raise SceneError(f"n_cubes {count} is not between 1 and {len(COLORS)}")
    others = [str(color) for color in rng.permutation([c for c in COLORS if c != target])][: count - 1]
    places = _places(rng, task, count)
    cubes = [
        CubeSpec(color, x, y, float(rng.uniform(-YAW_RANGE_RAD, YAW_RANGE_RAD)), cube_rgb(rng, color, randomize))
        for color, (x, y) in zip([target, *others], places, strict=True)
    ]
    order = rng.permutation(count)
    return SceneSpec(seed, tuple(cubes[i] for i in order), task, target, sample_visual(rng, randomize))


def scene_from_seed(seed: int, *, task: str = "", target: str = "", randomize: float = 1.0) -> SceneSpec:
    """The scene that belongs to ``seed``: the same every time."""
    return sample_scene(np.random.default_rng(seed), seed=seed, task=task, target=target, randomize=randomize)


def corridor_free(direction: float, target_xy: tuple[float, float], other_xy: tuple[float, float]) -> bool:
    """Whether a push of the target towards ``direction`` (+1 left, -1 right) would miss the other cube."""
    if abs(other_xy[0] - target_xy[0]) > CORRIDOR_HALF_WIDTH_M:
        return True
    ahead = direction * (other_xy[1] - target_xy[1])
    reach = max(direction * (direction * PUSH_LINE_M - target_xy[1]), 0.0)
    return not -CORRIDOR_BEHIND_M < ahead < reach + CORRIDOR_AHEAD_M


def _places(rng: Generator, task: str, count: int) -> list[tuple[float, float]]:
    """Positions (x, y) [m] in base_link; the target's first."""
    direction = {"push_left": 1.0, "push_right": -1.0}.get(task, 0.0)
    low, high = Y_RANGE_M
    if direction > 0:
        high = PUSH_START_M
    elif direction < 0:
        low = -PUSH_START_M
    while True:
        places = [(float(rng.uniform(*X_RANGE_M)), float(rng.uniform(low, high)))]
        for _ in range(_ATTEMPTS):
            if len(places) == count:
                return places
            place = (float(rng.uniform(*X_RANGE_M)), float(rng.uniform(*Y_RANGE_M)))
            if all(np.hypot(place[0] - x, place[1] - y) >= SPACING_M for x, y in places) and (
                direction == 0.0 or corridor_free(direction, places[0], place)
            ):
                places.append(place)


def cube_rgb(rng: Generator, color: str, randomize: float = 1.0) -> tuple[float, float, float]:
    """A shade that people would still call by that name."""
    hue = NOMINAL_HUE[color] + randomize * float(rng.uniform(-0.02, 0.02))
    saturation = 0.88 - randomize * float(rng.uniform(0.0, 0.22))
    value = {"red": 0.82, "green": 0.66, "blue": 0.85, "yellow": 0.93}[color] * (
        1.0 - randomize * float(rng.uniform(0.0, 0.2))
    )
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return (red, green, blue)


def sample_visual(rng: Generator, randomize: float = 1.0) -> VisualSpec:
    """Looks drawn around the nominal ones; ``randomize`` scales how far."""
    nominal = VisualSpec()
    if randomize <= 0.0:
        return nominal

    def near(values: tuple[float, ...], spread: float) -> tuple[float, float, float]:
        first, second, third = (v + randomize * spread * float(rng.uniform(-1, 1)) for v in values)
        return (first, second, third)

    return VisualSpec(
        table_rgb=_mix(nominal.table_rgb, _surface_rgb(rng), randomize),
        floor_rgb=_mix(nominal.floor_rgb, _surface_rgb(rng), randomize),
        robot_tint=1.0 - randomize * float(rng.uniform(0.0, 0.25)),
        light_direction=near(nominal.light_direction, 0.5),
        light_intensity=nominal.light_intensity + randomize * float(rng.uniform(-0.25, 0.25)),
        ambient=nominal.ambient + randomize * float(rng.uniform(-0.15, 0.15)),
        front_shift_m=near((0.0, 0.0, 0.0), 0.03),
        front_turn_rad=near((0.0, 0.0, 0.0), 0.035),
        wrist_shift_m=near((0.0, 0.0, 0.0), 0.005),
        wrist_turn_rad=near((0.0, 0.0, 0.0), 0.025),
        fov_scale=1.0 + randomize * float(rng.uniform(-0.03, 0.03)),
    )


def _surface_rgb(rng: Generator) -> tuple[float, float, float]:
    """A table or floor colour: any hue, but never as saturated as a cube."""
    return colorsys.hsv_to_rgb(float(rng.uniform()), float(rng.uniform(0.0, 0.42)), float(rng.uniform(0.22, 0.95)))


def _mix(
    start: tuple[float, float, float], end: tuple[float, float, float], share: float
) -> tuple[float, float, float]:
    red, green, blue = ((1.0 - share) * a + share * b for a, b in zip(start, end, strict=True))
    return (red, green, blue)
