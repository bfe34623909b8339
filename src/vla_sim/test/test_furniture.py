"""The drawer and the zone: that plain scenes stay as they are, and what the tasks of the furniture ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from vla_sim.expert import PERIOD_S, Expert
from vla_sim.follower import ChunkFollower
from vla_sim.furnished_sampling import sample_furnished_scene, scene_of
from vla_sim.furniture import DRAWER_TRAVEL_M, TRAY_FLOOR_M, DrawerSpec, FurnitureState, ZoneSpec
from vla_sim.labelling import FrameRecorder, choose_labels, is_possible, possible_instructions
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import (
    ALL_TASKS,
    CUBE_SIZE_M,
    DRAWER,
    DRAWER_TASKS,
    EVALUATION_SEEDS,
    FURNISHED_TASKS,
    SPACING_M,
    TARGETS,
    SceneError,
    SceneSpec,
)
from vla_sim.state import SimState
from vla_sim.state_log import StateRecorder, load_state_log
from vla_sim.tasks import CLOSED_M, OPENED_M, PLACED_M, EpisodeJudge, Verdict

HALF_M = CUBE_SIZE_M / 2
MAX_CHUNKS = 180
EXPERT = Expert()


@pytest.fixture(scope="module")
def furnished() -> Iterator[TabletopSim]:
    made = TabletopSim(furnished=True)
    yield made
    made.close()


def test_a_plain_scene_looks_and_moves_the_same_with_furniture_out_of_sight(
    sim: TabletopSim, furnished: TabletopSim
) -> None:
    scene = scene_from_seed(3)
    images, states = [], []
    for one in (sim, furnished):
        one.reset(scene)
        one.set_targets(one.state().q_rad + 0.1, 0.0)
        one.step(200)
        images.append([one.render(camera) for camera in ("front", "wrist")])
        states.append(one.state())
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_allclose(states[0].q_rad, states[1].q_rad, atol=1e-9)
    np.testing.assert_allclose(states[0].cube_positions_m, states[1].cube_positions_m, atol=1e-6)
    assert states[0].furniture is None and not states[1].furniture.has_drawer  # type: ignore[union-attr]


def test_furniture_needs_a_simulation_that_has_it(sim: TabletopSim) -> None:
    with pytest.raises(SceneError, match="furnished=True"):
        sim.reset(scene_of(0, task="place"))


def test_a_state_log_keeps_the_furniture(tmp_path: Path) -> None:
    scene = scene_of(4, task="store")
    recorder = StateRecorder()
    recorder.begin_episode(scene)
    recorder.record(0, np.zeros(3))
    recorder.save(tmp_path / "log.npz")
    assert load_state_log(tmp_path / "log.npz").scenes == (scene,)


@pytest.mark.parametrize("task", ALL_TASKS)
def test_scenes_have_what_their_task_needs(task: str) -> None:
    for seed in range(40):
        scene = scene_of(seed, task=task, furnished=True)
        assert scene == scene_of(seed, task=task, furnished=True)
        assert (scene.target == DRAWER) == (task in DRAWER_TASKS)
        assert scene.zone is not None or task != "place"
        if task in FURNISHED_TASKS and task != "place":
            assert scene.drawer is not None and 0.0 <= scene.drawer.open_m <= DRAWER_TRAVEL_M
        places = [(cube.x_m, cube.y_m) for cube in scene.cubes]
        if scene.zone is not None:
            places.append((scene.zone.x_m, scene.zone.y_m))
        for index, first in enumerate(places):
            assert all(np.hypot(*np.subtract(first, other)) >= SPACING_M - 1e-9 for other in places[:index])


@pytest.mark.parametrize("task", ALL_TASKS)
def test_what_a_furnished_scene_asks_for_is_possible(furnished: TabletopSim, task: str) -> None:
    for seed in range(5):
        scene = scene_of(seed, task=task, furnished=True)
        furnished.reset(scene)
        assert is_possible(furnished.state(), scene.task, scene.target)


def run(sim: TabletopSim, scene: SceneSpec) -> tuple[Verdict, bool]:
    """The verdict when the expert is asked anew every 0.1 s, and whether it ever said that it was done."""
    sim.reset(scene)
    state = sim.state()
    judge, follower, done = EpisodeJudge(scene.task, scene.target, state), ChunkFollower(state.q_rad, 0.04), False
    for _ in range(MAX_CHUNKS):
        chunk = EXPERT.chunk(state, scene.task, scene.target)
        done = done or chunk.done
        follower.start(chunk.q_rad, chunk.gripper_m)
        for _ in range(round(PERIOD_S / 0.01)):
            follower.advance(0.01)
            sim.set_targets(follower.q_rad, follower.gripper_m, follower.dq_rad_s)
            sim.step(round(0.01 / sim.timestep_s))
        state = sim.state()
        if judge.update(state).success and done:
            break
    return judge.verdict, done


@pytest.mark.parametrize("seed", [EVALUATION_SEEDS[1], EVALUATION_SEEDS[2]])
@pytest.mark.parametrize("task", ALL_TASKS)
def test_the_expert_does_the_task_in_physics(furnished: TabletopSim, task: str, seed: int) -> None:
    verdict, done = run(furnished, scene_of(seed, task=task, furnished=True))
    assert verdict.success and not verdict.wrong_object and done
    assert furnished.max_limit_violation == 0.0


@pytest.mark.parametrize("task", FURNISHED_TASKS)
def test_a_chunk_depends_on_the_state_alone(furnished: TabletopSim, task: str) -> None:
    scene = scene_of(7, task=task)
    furnished.reset(scene, furnished.state().q_rad + 0.05)
    state = furnished.state()
    first, again = EXPERT.chunk(state, task, scene.target), Expert().chunk(state, task, scene.target)
    np.testing.assert_array_equal(first.q_rad, again.q_rad)
    np.testing.assert_array_equal(first.gripper_m, again.gripper_m)


def test_the_expert_refuses_what_is_not_there(sim: TabletopSim, furnished: TabletopSim) -> None:
    sim.reset(scene_from_seed(1))
    furnished.reset(sample_furnished_scene(np.random.default_rng(0), "store", target="red", n_cubes=1))
    with pytest.raises(SceneError, match="needs a drawer"):
        EXPERT.chunk(sim.state(), "open_drawer", DRAWER)
    with pytest.raises(SceneError, match="needs a marked zone"):
        EXPERT.chunk(sim.state(), "place", sim.state().colors[0])
    with pytest.raises(SceneError, match="target 'red' is not one of drawer"):
        EXPERT.chunk(furnished.state(), "open_drawer", "red")


# --- the judge, on states made by hand


def state_with(
    make_state: Callable[..., SimState],
    time_s: float,
    cube: tuple[float, ...],
    *,
    open_m: float = 0.12,
    speed_m_s: float = 0.0,
    touched: tuple[str, ...] = (),
    blue: tuple[float, ...] = (0.6, 0.1),
) -> SimState:
    """A red cube at ``cube``, a blue one; the drawer's cabinet at (0.47, -0.27), the zone at (0.45, 0.1)."""
    there = FurnitureState(
        np.array([0.47, -0.27]), open_m, np.array([0.45, 0.1]), np.array([speed_m_s, np.nan, 0.0, np.nan]), touched
    )
    return dataclasses.replace(make_state(time_s, red=cube, blue=blue), furniture=there)


IN_TRAY = (0.42, -0.27, TRAY_FLOOR_M + HALF_M)


@pytest.mark.parametrize(
    ("task", "target", "change", "reached"),
    [
        ("place", "red", {"cube": (0.45, 0.1)}, True),
        ("place", "red", {"cube": (0.45, 0.1 - PLACED_M + 0.001)}, True),
        ("place", "red", {"cube": (0.45, 0.1 - PLACED_M - 0.001)}, False),
        ("place", "red", {"cube": (0.45, 0.1, 0.04)}, False),  # in the air, or on something
        ("place", "red", {"cube": (0.45, 0.1), "speed_m_s": 0.03}, False),
        ("place", "red", {"cube": (0.45, 0.1), "touched": ("red",)}, False),
        ("place", "red", {"cube": (0.45, 0.1), "touched": ("blue",)}, True),
        ("open_drawer", DRAWER, {"open_m": OPENED_M + 0.001}, True),
        ("open_drawer", DRAWER, {"open_m": OPENED_M - 0.001}, False),
        ("close_drawer", DRAWER, {"open_m": CLOSED_M - 0.001}, True),
        ("close_drawer", DRAWER, {"open_m": CLOSED_M + 0.001}, False),
        ("store", "red", {"cube": IN_TRAY}, True),
        ("store", "red", {"cube": (*IN_TRAY[:2], 0.06)}, False),  # above it
        ("store", "red", {"cube": (0.42, -0.2)}, False),  # beside it
        ("store", "red", {"cube": IN_TRAY, "touched": ("red",)}, False),
        ("store", "red", {"cube": IN_TRAY, "speed_m_s": 0.03}, False),
        ("store_close", "red", {"cube": IN_TRAY}, False),  # still open
        ("store_close", "red", {"cube": (0.52, *IN_TRAY[1:]), "open_m": 0.005}, True),
        ("store_close", "red", {"cube": (0.5, 0.0), "open_m": 0.005}, False),
    ],
)
def test_what_counts_as_reached(
    make_state: Callable[..., SimState], task: str, target: str, change: dict[str, object], reached: bool
) -> None:
    judge = EpisodeJudge(task, target, state_with(make_state, 0.0, (0.5, 0.0)))
    values = {"cube": (0.5, 0.0)} | change
    verdict = judge.update(state_with(make_state, 0.1, **values))  # type: ignore[arg-type]
    assert verdict.goal_reached is reached and not verdict.success


def test_success_takes_a_second_without_a_break(make_state: Callable[..., SimState]) -> None:
    judge = EpisodeJudge("open_drawer", DRAWER, state_with(make_state, 0.0, (0.5, 0.0), open_m=0.0))
    for time_s, open_m in ((0.1, 0.1), (1.0, 0.1), (1.05, 0.08), (1.1, 0.1), (2.05, 0.1)):
        assert not judge.update(state_with(make_state, time_s, (0.5, 0.0), open_m=open_m)).success
    assert judge.update(state_with(make_state, 2.1, (0.5, 0.0), open_m=0.1)).success


def test_a_drawer_that_was_not_meant_is_a_wrong_object(make_state: Callable[..., SimState]) -> None:
    for task, wrong in (("pick", True), ("place", True), ("store", False)):
        judge = EpisodeJudge(task, "red", state_with(make_state, 0.0, (0.5, 0.0), open_m=0.12))
        assert judge.update(state_with(make_state, 0.1, (0.5, 0.0), open_m=0.08)).wrong_object is wrong


def test_a_cube_that_rides_in_the_drawer_is_no_wrong_object(make_state: Callable[..., SimState]) -> None:
    start = state_with(make_state, 0.0, (0.5, 0.0), blue=IN_TRAY)
    judge = EpisodeJudge("close_drawer", DRAWER, start)
    after = state_with(make_state, 0.1, (0.5, 0.0), blue=(0.52, *IN_TRAY[1:]), open_m=0.005)
    assert not judge.update(after).wrong_object


def test_tasks_of_the_furniture_are_not_judged_without_it(make_state: Callable[..., SimState]) -> None:
    with pytest.raises(SceneError, match="no marked zone"):
        EpisodeJudge("place", "red", make_state(red=(0.5, 0.0)))
    with pytest.raises(SceneError, match="no drawer"):
        EpisodeJudge("store", "red", make_state(red=(0.5, 0.0)))


def test_instructions_of_the_furniture_are_possible_while_a_cube_is_carried(
    make_state: Callable[..., SimState],
) -> None:
    on_table = possible_instructions(state_with(make_state, 0.0, (0.5, 0.0)))
    assert {("store", "red"), ("open_drawer", DRAWER), ("place", "red")} <= set(on_table)
    carried = possible_instructions(state_with(make_state, 0.0, (0.42, -0.25, 0.12)))
    assert ("store", "red") in carried and ("push_left", "red") not in carried
    full = possible_instructions(state_with(make_state, 0.0, (0.5, 0.0), blue=IN_TRAY))
    assert ("store", "red") not in full and ("store_close", "blue") in full
    occupied = possible_instructions(state_with(make_state, 0.0, (0.5, 0.0), blue=(0.47, 0.12)))
    assert ("place", "red") not in occupied


def test_frames_are_labelled_with_the_drawer_too(furnished: TabletopSim) -> None:
    scene = SceneSpec(
        0, scene_from_seed(0).cubes, "open_drawer", DRAWER, drawer=DrawerSpec(0.47, 0.27, 0.0), zone=ZoneSpec(0.5, 0.0)
    )
    furnished.reset(scene)
    state, recorder = furnished.state(), FrameRecorder(EXPERT)
    labels = choose_labels(np.random.default_rng(0), state, (scene.task, scene.target))
    recorder.add(furnished, state, labels, 0)
    arrays = recorder.arrays()
    assert ALL_TASKS[arrays["task_id"][0, 0]] == "open_drawer" and TARGETS[arrays["color_id"][0, 0]] == DRAWER
    np.testing.assert_allclose(arrays["target"][0, 0], [0.425, 0.27, 0.04], atol=1e-6)
