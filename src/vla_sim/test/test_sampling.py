"""Properties of every random scene."""

from __future__ import annotations

import colorsys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.sampling import NOMINAL_HUE, corridor_free, sample_scene, scene_from_seed
from vla_sim.spec import (
    COLORS,
    EVALUATION_SEEDS,
    PUSH_LINE_M,
    SPACING_M,
    TASKS,
    TRAINING_SEEDS,
    X_RANGE_M,
    Y_RANGE_M,
    YAW_RANGE_RAD,
    CubeSpec,
    SceneError,
    SceneSpec,
    VisualSpec,
)

SEEDS = st.integers(0, EVALUATION_SEEDS[-1])
DIRECTIONS = {"push_left": 1.0, "push_right": -1.0}


def target_of(scene: SceneSpec) -> CubeSpec:
    return next(cube for cube in scene.cubes if cube.color == scene.target)


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_cubes_are_distinct_within_reach_and_apart(seed: int) -> None:
    scene = scene_from_seed(seed)
    assert 2 <= len(scene.cubes) <= 4
    assert len(set(scene.colors)) == len(scene.cubes) and set(scene.colors) <= set(COLORS)
    assert scene.target in scene.colors and scene.task in TASKS
    for cube in scene.cubes:
        assert X_RANGE_M[0] <= cube.x_m <= X_RANGE_M[1]
        assert Y_RANGE_M[0] <= cube.y_m <= Y_RANGE_M[1]
        assert abs(cube.yaw_rad) <= YAW_RANGE_RAD < np.pi / 4
    for one, other in combinations(scene.cubes, 2):
        assert np.hypot(one.x_m - other.x_m, one.y_m - other.y_m) >= SPACING_M


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, task=st.sampled_from(sorted(DIRECTIONS)))
def test_a_push_has_a_way_to_go_and_nothing_on_it(seed: int, task: str) -> None:
    scene = scene_from_seed(seed, task=task)
    direction, target = DIRECTIONS[task], target_of(scene)
    assert direction * (direction * PUSH_LINE_M - target.y_m) >= 0.10 - 1e-9
    for cube in scene.cubes:
        if cube is not target:
            assert corridor_free(direction, (target.x_m, target.y_m), (cube.x_m, cube.y_m))
            ahead = direction * (cube.y_m - target.y_m)
            assert abs(cube.x_m - target.x_m) > 0.07 or not 0.0 < ahead < direction * (PUSH_LINE_M - target.y_m)


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_a_seed_always_gives_the_same_scene(seed: int) -> None:
    assert scene_from_seed(seed) == scene_from_seed(seed)
    assert scene_from_seed(seed).seed == seed


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_another_seed_gives_another_scene(seed: int) -> None:
    assert replace(scene_from_seed(seed), seed=0) != replace(scene_from_seed(seed + 1), seed=0)


def test_evaluation_seeds_are_apart_from_training_seeds() -> None:
    assert TRAINING_SEEDS[-1] < EVALUATION_SEEDS[0] and TRAINING_SEEDS[0] == 0


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, task=st.sampled_from(TASKS), target=st.sampled_from(COLORS), count=st.integers(1, 4))
def test_what_was_asked_for_is_there(seed: int, task: str, target: str, count: int) -> None:
    scene = sample_scene(np.random.default_rng(seed), task=task, target=target, n_cubes=count)
    assert (scene.task, scene.target, len(scene.cubes)) == (task, target, count)
    assert target in scene.colors


def test_without_randomization_every_scene_has_the_nominal_looks() -> None:
    assert {scene_from_seed(seed, randomize=0.0).visual for seed in range(20)} == {VisualSpec()}


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_people_would_still_call_a_cube_by_its_colour(seed: int) -> None:
    for cube in scene_from_seed(seed).cubes:
        hue, saturation, value = colorsys.rgb_to_hsv(*cube.rgb)
        assert all(0.0 <= channel <= 1.0 for channel in cube.rgb)
        distances = {c: abs((hue - nominal + 0.5) % 1.0 - 0.5) for c, nominal in NOMINAL_HUE.items()}
        assert min(distances, key=distances.__getitem__) == cube.color
        assert saturation > 0.6 and value > 0.4


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_looks_stay_within_what_a_camera_can_bear(seed: int) -> None:
    visual = scene_from_seed(seed).visual
    assert all(0.0 <= channel <= 1.0 for channel in (*visual.table_rgb, *visual.floor_rgb))
    assert visual.light_direction[2] < -0.2, "the light comes from above"
    assert 0.0 < visual.ambient < 1.0 and 0.0 < visual.light_intensity < 1.0
    assert np.abs(visual.front_shift_m).max() <= 0.03 and np.abs(visual.wrist_shift_m).max() <= 0.005


@pytest.mark.parametrize(
    ("wanted", "message"),
    [({"task": "throw"}, "pick, reach"), ({"target": "pink"}, "red, green"), ({"n_cubes": 5}, "n_cubes 5")],
)
def test_what_cannot_be_built_is_refused_with_the_choices(wanted: dict[str, object], message: str) -> None:
    with pytest.raises(SceneError, match=message):
        sample_scene(np.random.default_rng(0), **wanted)
