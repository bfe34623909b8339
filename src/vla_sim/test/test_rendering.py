"""What the cameras see."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from vla_sim.rendering import SceneRenderer
from vla_sim.robot import HOME_Q
from vla_sim.sampling import NOMINAL_HUE, cube_rgb, scene_from_seed
from vla_sim.scene import CAMERAS
from vla_sim.simulation import TabletopSim
from vla_sim.spec import COLORS, CubeSpec, SceneError, SceneSpec

pytestmark = pytest.mark.render


def coloured(image: np.ndarray, color: str) -> int:
    """How many pixels have the colour's hue and are as saturated as only a cube is."""
    pixels = [colorsys.rgb_to_hsv(*pixel) for pixel in image.reshape(-1, 3) / 255.0]
    hue = NOMINAL_HUE[color]
    return sum(abs((h - hue + 0.5) % 1.0 - 0.5) < 0.05 and s > 0.6 and v > 0.2 for h, s, v in pixels)


def one_cube(color: str, x_m: float = 0.45, y_m: float = 0.0) -> SceneSpec:
    rgb = cube_rgb(np.random.default_rng(0), color, randomize=0.0)
    return SceneSpec(-1, (CubeSpec(color, x_m, y_m, 0.2, rgb),), "pick", color)


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("color", COLORS)
def test_both_cameras_see_the_cube_in_its_colour(sim: TabletopSim, camera: str, color: str) -> None:
    sim.reset(one_cube(color))
    image = sim.render(camera)
    assert image.shape == (96, 96, 3) and image.dtype == np.uint8
    seen = {other: coloured(image, other) for other in COLORS}
    assert seen[color] > 15, seen
    assert all(count < 5 for other, count in seen.items() if other != color), seen


@pytest.mark.parametrize("place", [(0.40, -0.20), (0.40, 0.20), (0.60, -0.20), (0.60, 0.20)])
def test_the_front_camera_sees_every_corner_of_the_table(sim: TabletopSim, place: tuple[float, float]) -> None:
    sim.reset(one_cube("red", *place), HOME_Q)
    assert coloured(sim.render("front"), "red") > 15


def test_left_of_the_robot_is_right_for_the_camera_that_faces_it(sim: TabletopSim) -> None:
    columns = {}
    for y_m in (-0.2, 0.2):
        sim.reset(one_cube("red", 0.5, y_m))
        front = sim.render("front").astype(int)
        reddest = (front[..., 0] - front[..., 1:].max(axis=-1)) > 60
        columns[y_m] = np.nonzero(reddest)[1].mean()
    assert columns[0.2] > 60.0 and columns[-0.2] < 36.0


def test_a_state_is_always_drawn_alike(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(8))
    first = sim.render("front")
    sim.reset(scene_from_seed(9))
    assert (sim.render("front") != first).any()
    sim.reset(scene_from_seed(8))
    np.testing.assert_array_equal(sim.render("front"), first)


def test_an_image_does_not_change_afterwards(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(8))
    first = sim.render("front")
    before = first.copy()
    sim.reset(scene_from_seed(9))
    sim.render("front")
    np.testing.assert_array_equal(first, before)


def test_another_renderer_draws_the_same(sim: TabletopSim) -> None:
    sim.reset(scene_from_seed(8))
    renderer = SceneRenderer(sim.model)
    renderer.set_qpos(sim.qpos())
    image = renderer.render("wrist")
    renderer.close()
    np.testing.assert_array_equal(image, sim.render("wrist"))


def test_an_unknown_camera_is_refused_with_the_choices(sim: TabletopSim) -> None:
    with pytest.raises(SceneError, match="'side' is not one of front, wrist, overview"):
        sim.render("side")
