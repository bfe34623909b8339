"""Random scenes with a drawer, a marked zone, or both; and scenes of every task by seed."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.random import Generator

from vla_sim.furniture import DRAWER_TRAVEL_M, DrawerSpec, ZoneSpec
from vla_sim.sampling import corridor_free, cube_rgb, sample_scene, sample_visual
from vla_sim.spec import (
    ALL_TASKS,
    COLORS,
    DRAWER,
    DRAWER_TASKS,
    FURNISHED_TASKS,
    PUSH_START_M,
    SPACING_M,
    YAW_RANGE_RAD,
    CubeSpec,
    SceneError,
    SceneSpec,
    require_choice,
)

CABINET_X_M: Final = (0.455, 0.485)
CABINET_Y_M: Final = (0.264, 0.272)  # on either side
CLOSED_UP_TO_M: Final = 0.02
OPEN_FROM_M: Final = 0.118

_X_M: Final = (0.39, 0.60)  # of cubes and zone
_Y_M: Final = 0.20
_Y_BESIDE_DRAWER_M: Final = 0.130
_ZONE_FROM_CUBE_M: Final = 0.118
_SHARE: Final = 0.5  # of scenes with furniture that the task does not need
_ATTEMPTS: Final = 400

Place = tuple[float, float]


def scene_of(
    seed: int,
    *,
    task: str = "",
    target: str = "",
    n_cubes: int | None = None,
    randomize: float = 1.0,
    furnished: bool | None = None,
) -> SceneSpec:
    """The scene of any task that belongs to ``seed``: the same every time. Arguments as for ``sample_any_scene``."""
    rng = np.random.default_rng(seed)
    return sample_any_scene(
        rng, (task,) if task else ALL_TASKS, seed=seed, target=target, n_cubes=n_cubes, randomize=randomize,
        furnished=furnished,
    )  # fmt: skip


def sample_any_scene(
    rng: Generator,
    tasks: Sequence[str] = ALL_TASKS,
    *,
    seed: int = -1,
    target: str = "",
    n_cubes: int | None = None,
    randomize: float = 1.0,
    furnished: bool | None = None,
) -> SceneSpec:
    """A random scene of one of ``tasks``.

    furnished: whether there is furniture around a task that needs none; None: in half of such scenes. Others as for
    ``sample_scene``. SceneError for unknown names.
    """
    task = require_choice("task", str(rng.choice(tasks)), ALL_TASKS)
    wanted = bool(rng.random() < _SHARE) if furnished is None else furnished
    if task in FURNISHED_TASKS or wanted:
        return sample_furnished_scene(rng, task, seed=seed, target=target, n_cubes=n_cubes, randomize=randomize)
    return sample_scene(rng, seed=seed, task=task, target=target, n_cubes=n_cubes, randomize=randomize)


def sample_furnished_scene(
    rng: Generator, task: str, *, seed: int = -1, target: str = "", n_cubes: int | None = None, randomize: float = 1.0
) -> SceneSpec:
    """A random scene with the furniture that ``task`` needs, and perhaps more. Arguments as for ``sample_scene``."""
    require_choice("task", task, ALL_TASKS)
    choices = (DRAWER,) if task in DRAWER_TASKS else COLORS
    target = require_choice("target", target, choices) if target else str(rng.choice(choices))
    count = int(rng.integers(2, 5)) if n_cubes is None else n_cubes
    if not 1 <= count <= len(COLORS):
        raise SceneError(f"n_cubes {count} is not between 1 and {len(COLORS)}")
    needs_drawer = task in FURNISHED_TASKS and task != "place"
    drawer = _drawer(rng, task, randomize) if needs_drawer or rng.random() < _SHARE else None
    with_zone = task == "place" or drawer is None or rng.random() < _SHARE
    first = [target] if target in COLORS else []
    others = [str(color) for color in rng.permutation([c for c in COLORS if c not in first])]
    places = _places(rng, task, drawer, with_zone, count)
    zone = None
    if with_zone:
        (x, y), places = places[-1], places[:-1]
        zone = ZoneSpec(x, y, _shade(rng, 0.79, 0.62, 0.62, randomize))
    cubes = [
        CubeSpec(color, x, y, float(rng.uniform(-YAW_RANGE_RAD, YAW_RANGE_RAD)), cube_rgb(rng, color, randomize))
        for color, (x, y) in zip([*first, *others][:count], places, strict=True)
    ]
    order = rng.permutation(count)
    return SceneSpec(seed, tuple(cubes[i] for i in order), task, target, sample_visual(rng, randomize), drawer, zone)


def _drawer(rng: Generator, task: str, randomize: float) -> DrawerSpec:
    y = float(rng.uniform(*CABINET_Y_M)) * (1.0 if rng.random() < 0.5 else -1.0)
    shut = {"open_drawer": True, "close_drawer": False}.get(task, bool(rng.random() < 0.5))
    low, high = (0.0, CLOSED_UP_TO_M) if shut else (OPEN_FROM_M, DRAWER_TRAVEL_M)
    if task == "close_drawer":
        low = 0.06
    return DrawerSpec(
        float(rng.uniform(*CABINET_X_M)), y, float(rng.uniform(low, high)),
        _shade(rng, 0.07, 0.5, 0.45, randomize), _shade(rng, 0.09, 0.2, 0.8, randomize),
    )  # fmt: skip


def _shade(rng: Generator, hue: float, saturation: float, value: float, randomize: float) -> tuple[float, float, float]:
    near = [
        v + randomize * spread * float(rng.uniform(-1, 1))
        for v, spread in zip((hue, saturation, value), (0.02, 0.1, 0.12), strict=True)
    ]
    return colorsys.hsv_to_rgb(*(min(max(v, 0.0), 1.0) for v in near))


def _places(rng: Generator, task: str, drawer: DrawerSpec | None, zone: bool, count: int) -> list[Place]:
    """Positions (x, y) [m] of the cubes, the target's first, and of the zone last if there is one."""
    direction = {"push_left": 1.0, "push_right": -1.0}.get(task, 0.0)
    low, high = -_Y_M, _Y_M
    if drawer is not None:
        low, high = (low, _Y_BESIDE_DRAWER_M) if drawer.y_m > 0 else (-_Y_BESIDE_DRAWER_M, high)
    first_low, first_high = (low, min(high, PUSH_START_M)) if direction > 0 else (low, high)
    if direction < 0:
        first_low = max(low, -PUSH_START_M)
    while True:
        places = [(float(rng.uniform(*_X_M)), float(rng.uniform(first_low, first_high)))]
        for _ in range(_ATTEMPTS):
            if len(places) == count and not zone:
                return places
            place = (float(rng.uniform(*_X_M)), float(rng.uniform(low, high)))
            if len(places) == count:
                place = (place[0], min(max(place[1], -0.17), 0.17))
                if all(np.hypot(place[0] - x, place[1] - y) >= _ZONE_FROM_CUBE_M for x, y in places):
                    return [*places, place]
            elif all(np.hypot(place[0] - x, place[1] - y) >= SPACING_M for x, y in places) and (
                direction == 0.0 or corridor_free(direction, places[0], place)
            ):
                places.append(place)
