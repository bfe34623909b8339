from __future__ import annotations

import warnings
from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from vla_sim.env import ENV_ID, TabletopEnv
from vla_sim.expert import Expert
from vla_sim.sampling import scene_from_seed
from vla_sim.spec import EVALUATION_SEEDS, TASKS, SceneError

pytestmark = pytest.mark.render

SEED = EVALUATION_SEEDS[7]


@pytest.fixture(scope="module")
def env() -> Iterator[TabletopEnv]:
    made = TabletopEnv(render_mode="rgb_array")
    yield made
    made.close()


def hold(env: TabletopEnv, observation: dict[str, np.ndarray]) -> np.ndarray:
    return np.clip(observation["state"], env.action_space.low, env.action_space.high)


def test_it_is_an_environment_as_gymnasium_defines_it(env: TabletopEnv) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # what gymnasium would like, though absolute joint targets have a unit: actions within [-1, 1]
        warnings.filterwarnings("ignore", message=".*symmetric and normalized.*")
        warnings.filterwarnings("ignore", message=".*not wrapped|.*unwrapped environment.*")
        warnings.filterwarnings("ignore", message=".*wasn't made through.*|.*env.spec is None.*|.*`spec`.*")
        check_env(env, skip_render_check=True)


def test_it_is_made_by_its_id() -> None:
    made = gymnasium.make(f"vla_sim.env:{ENV_ID}", randomize=0.0)
    assert isinstance(made.unwrapped, TabletopEnv)
    assert made.spec is not None and made.spec.max_episode_steps == 200
    made.close()


def test_the_scene_of_a_seed_is_the_one_that_evaluation_uses(env: TabletopEnv) -> None:
    scene = scene_from_seed(SEED)
    observation, info = env.reset(seed=SEED)
    assert (info["task"], info["target"], info["seed"]) == (scene.task, scene.target, SEED)
    assert set(info["cubes"]) == set(scene.colors)
    for cube in scene.cubes:
        np.testing.assert_allclose(info["cubes"][cube.color][:2], [cube.x_m, cube.y_m])
    assert env.observation_space.contains(observation)


@pytest.mark.parametrize("task", TASKS)
def test_options_choose_task_and_target(env: TabletopEnv, task: str) -> None:
    observation, info = env.reset(seed=SEED, options={"task": task, "target": "blue", "n_cubes": 2})
    assert (info["task"], info["target"], len(info["cubes"])) == (task, "blue", 2)
    assert "blue" in observation["instruction"]


def test_an_instruction_can_be_worded_by_the_caller(env: TabletopEnv) -> None:
    observation, _ = env.reset(seed=SEED, options={"task": "pick", "target": "red", "instruction": "grab the ruby one"})
    assert observation["instruction"] == "grab the ruby one"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "red"}, "option 'color' is not one of task, target"),
        ({"task": "throw"}, "task 'throw' is not one of pick"),
        ({"target": "pink"}, "target 'pink' is not one of red"),
        ({"n_cubes": 5}, "n_cubes 5"),
        ({"instruction": ""}, "1 to 200"),
        ({"instruction": "x" * 201}, "1 to 200"),
    ],
)
def test_impossible_options_are_refused(env: TabletopEnv, options: dict[str, object], message: str) -> None:
    with pytest.raises(SceneError, match=message):
        env.reset(seed=SEED, options=options)


@pytest.mark.parametrize(
    ("index", "value", "name"), [(0, 2.95, "joint1"), (7, 0.05, "finger_joint1"), (3, np.nan, "joint4")]
)
def test_an_action_outside_the_space_is_refused_by_name(env: TabletopEnv, index: int, value: float, name: str) -> None:
    observation, _ = env.reset(seed=SEED)
    action = hold(env, observation)
    action[index] = value
    with pytest.raises(ValueError, match=f"{name} is"):
        env.step(action)


def test_a_step_before_the_first_reset_is_refused() -> None:
    with pytest.raises(ValueError, match="reset"):
        TabletopEnv().step(np.zeros(8, np.float32))


def test_an_unknown_render_mode_is_refused() -> None:
    with pytest.raises(SceneError, match="rgb_array"):
        TabletopEnv(render_mode="human")


def test_a_picture_for_people(env: TabletopEnv) -> None:
    env.reset(seed=SEED)
    picture = env.render()
    assert picture is not None and picture.shape == (480, 640, 3) and picture.std() > 10.0


def test_the_expert_earns_the_reward_once_and_ends_the_episode(env: TabletopEnv) -> None:
    _, info = env.reset(seed=SEED, options={"task": "reach"})
    expert = Expert()
    rewards, terminated = [], False
    for _ in range(100):
        chunk = expert.chunk(env._sim.state(), info["task"], info["target"], horizon=2)
        action = np.append(chunk.q_rad[1], chunk.gripper_m[0]).astype(np.float32)
        _, reward, terminated, _, info = env.step(np.clip(action, env.action_space.low, env.action_space.high))
        rewards.append(reward)
        if terminated:
            break
    assert terminated and info["success"] and not info["wrong_object"]
    assert rewards[-1] == 1.0 and sum(rewards) == 1.0
    assert info["time_s"] == pytest.approx(0.1 * len(rewards))
    assert info["max_limit_violation"] == 0.0


def test_doing_nothing_earns_nothing(env: TabletopEnv) -> None:
    observation, _ = env.reset(seed=SEED, options={"task": "pick"})
    still = hold(env, observation)
    outcomes = [env.step(still) for _ in range(5)]
    assert not any(reward or terminated or truncated for _, reward, terminated, truncated, _ in outcomes)
    np.testing.assert_allclose(outcomes[-1][0]["state"], observation["state"], atol=1e-3)
