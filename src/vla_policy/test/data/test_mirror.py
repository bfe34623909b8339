"""The mirror: twice is as before, geometry and pictures agree with it, left and right survive."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_policy.data.mirror import (
    Sample,
    mirrored_increments,
    mirrored_joints,
    mirrored_position,
    mirrored_sentence,
    mirrored_task,
)
from vla_policy.training.grammar import COLORS, meaning, sample_instruction
from vla_sim.furnished_sampling import scene_of
from vla_sim.kinematics import ToolKinematics
from vla_sim.robot import HOME_Q
from vla_sim.simulation import TabletopSim
from vla_sim.spec import ALL_TASKS, DRAWER, DRAWER_TASKS, SceneError, SceneSpec

ARM = ToolKinematics()
JOINTS = st.lists(st.floats(-2.5, 2.5), min_size=8, max_size=8).map(np.array)


def sample(relative: bool = False, task: str = "push_left") -> Sample:
    rng = np.random.default_rng(0)
    return Sample(
        {"front": rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)},
        rng.normal(size=8),
        rng.normal(size=(4, 8)),
        rng.normal(size=3),
        "Push the bright red cube to the left.",
        task,
        relative,
    )


@pytest.mark.parametrize("relative", [False, True])
def test_twice_mirrored_is_as_before(relative: bool) -> None:
    start = sample(relative)
    once, twice = start.mirrored(), start.mirrored().mirrored()
    assert (once.sentence, once.task) == ("Push the bright red cube to the right.", "push_right")
    assert (twice.sentence, twice.task) == (start.sentence, start.task)
    np.testing.assert_array_equal(twice.images["front"], start.images["front"])
    assert (once.images["front"] != start.images["front"]).any()
    for name in ("state", "actions", "positions"):
        np.testing.assert_allclose(getattr(twice, name), getattr(start, name), atol=1e-12)
        assert (getattr(once, name) != getattr(start, name)).any()


@settings(deadline=None)
@given(values=JOINTS)
def test_the_mirrored_arm_holds_its_tool_where_the_mirror_shows_it(values: np.ndarray) -> None:
    position, rotation = ARM.forward(values[:7])
    mirrored, turned = ARM.forward(mirrored_joints(values)[:7])
    np.testing.assert_allclose(mirrored, mirrored_position(position), atol=2e-6)
    flip = np.diag([1.0, -1.0, 1.0])
    np.testing.assert_allclose(turned, flip @ rotation @ flip, atol=5e-6)


@settings(deadline=None)
@given(values=JOINTS, steps=JOINTS)
def test_increments_are_mirrored_like_what_they_lead_to(values: np.ndarray, steps: np.ndarray) -> None:
    moved = mirrored_joints(values) + mirrored_increments(steps)
    np.testing.assert_allclose(moved, mirrored_joints(values + steps), atol=1e-12)
    assert mirrored_increments(steps)[7] == steps[7]


@pytest.mark.parametrize("split", ["train", "heldout"])
@pytest.mark.parametrize("task", ALL_TASKS)
def test_instructions_mean_the_mirrored_thing(task: str, split: str) -> None:
    rng = random.Random(4)
    for number in range(300):
        target = DRAWER if task in DRAWER_TASKS else COLORS[number % 4]
        text = sample_instruction(rng, task, target, split, rng.choice(["", "left", "right"])).text  # type: ignore[arg-type]
        mirrored = mirrored_sentence(text)
        assert meaning(mirrored, furnished=True) == (mirrored_task(task), target)
        assert mirrored_sentence(mirrored) == text
        if task in ("push_left", "push_right"):
            assert mirrored != text


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("Left, LEFT and left", "Right, RIGHT and right"),
        ("slide it leftwards, not rightward", "slide it rightwards, not leftward"),
        ("the bright copyright of what is leftover", "the bright copyright of what is leftover"),
    ],
)
def test_only_sides_are_exchanged(text: str, mirrored: str) -> None:
    assert mirrored_sentence(text) == mirrored


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(SceneError, match="'throw' is not one of pick"):
        sample(task="throw").mirrored()


def mirrored_scene(scene: SceneSpec) -> SceneSpec:
    """The scene itself in the mirror, by its own description."""

    def flip(vector: tuple[float, float, float], sign: tuple[float, float, float]) -> tuple[float, float, float]:
        first, second, third = (value * s for value, s in zip(vector, sign, strict=True))
        return (first, second, third)

    cubes = tuple(dataclasses.replace(cube, y_m=-cube.y_m, yaw_rad=-cube.yaw_rad) for cube in scene.cubes)
    visual = dataclasses.replace(scene.visual, light_direction=flip(scene.visual.light_direction, (1, -1, 1)))
    drawer = scene.drawer and dataclasses.replace(scene.drawer, y_m=-scene.drawer.y_m)
    zone = scene.zone and dataclasses.replace(scene.zone, y_m=-scene.zone.y_m)
    return dataclasses.replace(scene, cubes=cubes, visual=visual, drawer=drawer, zone=zone)


@pytest.mark.render
@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_image_is_what_the_mirrored_scene_looks_like(seed: int) -> None:
    scene = scene_of(seed, task="store", randomize=0.0)
    q = np.append(HOME_Q + np.random.default_rng(seed).uniform(-0.2, 0.2, 7), 0.03)
    sim = TabletopSim(furnished=True)
    sim.reset(scene, q[:7], q[7])
    seen = {camera: sim.render(camera).astype(int) for camera in ("front", "wrist")}
    mirrored = mirrored_joints(q)
    sim.reset(mirrored_scene(scene), mirrored[:7], mirrored[7])
    for camera, image in seen.items():
        other = sim.render(camera).astype(int)
        error = np.abs(image[:, ::-1] - other).mean()
        assert error < 3.0 and error < np.abs(image - other).mean() / 3  # edges fall on other pixels
    sim.close()
