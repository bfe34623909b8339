import numpy as np
import pytest

from vla_core.types import Observation
from vla_policy.evaluation.condition import Condition
from vla_policy.evaluation.disturbances import Pushed, Spoiler, disturbed
from vla_policy.training.rollout import FollowerMover
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import EVALUATION_SEEDS

SCENE = scene_from_seed(EVALUATION_SEEDS[3], task="reach")


def rng():
    return np.random.default_rng(5)


def observation(number):
    images = {name: np.full((96, 96, 3), number, dtype=np.uint8) for name in ("front", "wrist")}
    stamp = 100_000_000 * number
    return Observation(images, dict.fromkeys(images, stamp), np.full(8, float(number)), stamp, "go")


def test_nothing_asked_nothing_changed():
    assert disturbed(SCENE, Condition("plain", ""), rng()) == SCENE
    seen = Spoiler(Condition("plain", ""), 0.1, rng())(observation(7))
    assert (seen.images["front"] == 7).all() and seen.images["front"].dtype == np.uint8


def test_the_camera_stands_exactly_as_far_off_as_said():
    moved = disturbed(SCENE, Condition("moved", "", camera_m=0.03), rng())
    assert np.linalg.norm(moved.visual.front_shift_m) == pytest.approx(0.03)
    assert moved.cubes == SCENE.cubes


def test_light_and_table_change_only_themselves():
    lit, laid = (disturbed(SCENE, Condition("x", "", **{what: True}), rng()) for what in ("light", "table"))
    assert lit.visual.light_direction != SCENE.visual.light_direction
    assert lit.visual.table_rgb == SCENE.visual.table_rgb
    assert laid.visual.table_rgb != SCENE.visual.table_rgb
    assert laid.visual.light_direction == SCENE.visual.light_direction


def test_late_images_are_old_but_the_joints_are_not():
    spoil = Spoiler(Condition("late", "", late_s=0.2), 0.1, rng())
    seen = [spoil(observation(number)) for number in range(5)]
    assert [int(one.images["front"][0, 0, 0]) for one in seen] == [0, 0, 0, 1, 2]
    assert seen[4].image_stamps_ns["front"] == 200_000_000
    assert seen[4].state[0] == 4.0 and seen[4].state_stamp_ns == 400_000_000


def test_a_quarter_of_each_side_is_covered_in_the_front_image_alone():
    seen = Spoiler(Condition("covered", "", covered=0.25), 0.1, rng())(observation(7))
    assert (seen.images["front"] != 7).all(axis=2).sum() == 24 * 24
    assert (seen.images["wrist"] == 7).all()


def test_noise_has_the_deviation_asked_for_and_does_not_wrap():
    spoil = Spoiler(Condition("noise", "", noise=12 / 255), 0.1, rng())
    grey = spoil(observation(128)).images["front"].astype(float)
    assert spoil(observation(128)).images["front"].dtype == np.uint8
    assert grey.std() == pytest.approx(12.0, rel=0.03)
    assert spoil(observation(0)).images["front"].max() < 100


def test_a_push_moves_the_hand_and_ends():
    sim = TabletopSim()
    sim.reset(SCENE)
    mover = Pushed(FollowerMover(sim), sim, 30.0, rng())
    home = sim.state().tool_position_m
    away = []
    for _ in range(600):
        mover.step()
        away.append(float(np.linalg.norm(sim.state().tool_position_m - home)))
    assert max(away) > 5e-4
    assert min(away[away.index(max(away)) :]) < 1e-4
    sim.close()
