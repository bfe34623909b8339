"""Properties of every chunk of the expert, and that its chunks do the tasks in physics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.expert import HORIZON, PERIOD_S, Expert
from vla_sim.follower import ChunkFollower
from vla_sim.kinematics import MAX_JOINT_SPEED_RAD_S
from vla_sim.robot import GRIPPER_CLOSED_M, GRIPPER_OPEN_M, HOME_Q
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import EVALUATION_SEEDS, TASKS, SceneError, SceneSpec
from vla_sim.state import SimState
from vla_sim.tasks import EpisodeJudge, Verdict

CONTROL_S = 0.01
MAX_CHUNKS = 120
EXPERT, SIM = Expert(), TabletopSim()


def state_of(seed: int, spread_rad: float, gripper_m: float) -> tuple[SceneSpec, SimState]:
    scene = scene_from_seed(seed)
    SIM.reset(scene, HOME_Q + np.random.default_rng(seed).uniform(-spread_rad, spread_rad, 7), gripper_m)
    return scene, SIM.state()


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    task=st.sampled_from(TASKS),
    spread_rad=st.sampled_from([0.0, 0.1, 0.3]),
    gripper_m=st.floats(GRIPPER_CLOSED_M, GRIPPER_OPEN_M),
)
def test_every_chunk(seed: int, task: str, spread_rad: float, gripper_m: float) -> None:
    scene, state = state_of(seed, spread_rad, gripper_m)
    chunk = EXPERT.chunk(state, task, scene.target)
    assert chunk.q_rad.shape == (HORIZON, 7) and chunk.gripper_m.shape == (HORIZON,)
    np.testing.assert_array_equal(chunk.q_rad[0], state.q_rad)
    assert np.isfinite(chunk.q_rad).all()
    assert np.abs(np.diff(chunk.q_rad, axis=0)).max() <= MAX_JOINT_SPEED_RAD_S * PERIOD_S + 1e-9
    assert chunk.gripper_m.min() >= GRIPPER_CLOSED_M and chunk.gripper_m.max() <= GRIPPER_OPEN_M
    again = Expert().chunk(state, task, scene.target)  # one that has seen nothing before
    np.testing.assert_array_equal(chunk.q_rad, again.q_rad)
    np.testing.assert_array_equal(chunk.gripper_m, again.gripper_m)
    assert chunk.done == again.done


def test_the_state_is_left_alone() -> None:
    scene, state = state_of(5, 0.1, 0.03)
    before = [np.copy(value) for value in (state.q_rad, state.cube_positions_m, state.cube_yaws_rad)]
    EXPERT.chunk(state, scene.task, scene.target)
    for old, new in zip(before, (state.q_rad, state.cube_positions_m, state.cube_yaws_rad), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_longer_chunk_begins_with_the_shorter_one() -> None:
    scene, state = state_of(5, 0.1, 0.03)
    short, long = (EXPERT.chunk(state, scene.task, scene.target, horizon) for horizon in (4, 12))
    np.testing.assert_array_equal(short.q_rad, long.q_rad[:4])
    np.testing.assert_array_equal(short.gripper_m, long.gripper_m[:4])


def run(scene: SceneSpec) -> tuple[Verdict, bool]:
    """The verdict when the expert is asked anew every 0.1 s, and whether it ever said that it was done."""
    SIM.reset(scene)
    state = SIM.state()
    judge, follower, done = EpisodeJudge(scene.task, scene.target, state), ChunkFollower(state.q_rad, 0.04), False
    for _ in range(MAX_CHUNKS):
        chunk = EXPERT.chunk(state, scene.task, scene.target)
        done = done or chunk.done
        follower.start(chunk.q_rad, chunk.gripper_m)
        for _ in range(round(PERIOD_S / CONTROL_S)):
            follower.advance(CONTROL_S)
            SIM.set_targets(follower.q_rad, follower.gripper_m, follower.dq_rad_s)
            SIM.step(round(CONTROL_S / SIM.timestep_s))
        state = SIM.state()
        if judge.update(state).success and done:  # a long push is judged a success before it has ended
            break
    return judge.verdict, done


@pytest.mark.parametrize("seed", [EVALUATION_SEEDS[1], EVALUATION_SEEDS[2]])
@pytest.mark.parametrize("task", TASKS)
def test_it_does_the_task_in_physics(task: str, seed: int) -> None:
    verdict, done = run(scene_from_seed(seed, task=task))
    assert verdict.success and not verdict.wrong_object and done
    assert SIM.max_limit_violation == 0.0


def test_what_it_cannot_do_is_refused(make_state: Callable[..., SimState]) -> None:
    state = make_state(red=(0.5, 0.0))
    with pytest.raises(SceneError, match="pick, reach"):
        EXPERT.chunk(state, "throw", "red")
    with pytest.raises(SceneError, match="there: red"):
        EXPERT.chunk(state, "pick", "blue")
