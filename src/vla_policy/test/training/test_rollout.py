from types import SimpleNamespace

import numpy as np
import pytest

from vla_core.types import ActionChunk
from vla_policy.training.rollout import Attempt, absolute, attempt, observe
from vla_sim.expert import Expert
from vla_sim.robot import HOME_Q
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import EVALUATION_SEEDS
from vla_sim.tasks import EpisodeJudge

BLIND = SimpleNamespace(camera_names=())  # no pictures: nothing has to be rendered


class Constant:
    """The same chunk whatever it sees: joint1 goes ``rad`` away, the gripper stays open."""

    contract = BLIND

    def __init__(self, rad=0.0):
        self.actions = np.zeros((8, 8))
        self.actions[:, 0], self.actions[:, 7] = rad, 0.04
        self.seen = []
        self.resets = 0

    def infer(self, observation):
        self.seen.append(observation)
        return ActionChunk(self.actions)

    def reset(self):
        self.resets += 1


class Scripted(Constant):
    """The expert, who looks at the simulator itself."""

    def __init__(self, sim, task, target):
        super().__init__()
        self._expert, self._sim, self._goal = Expert(), sim, (task, target)

    def infer(self, observation):
        chunk = self._expert.chunk(self._sim.state(), *self._goal)
        return ActionChunk(np.column_stack([chunk.q_rad - observation.state[:7], chunk.gripper_m]))


@pytest.fixture(scope="module")
def sim():
    made = TabletopSim()
    yield made
    made.close()


def start(sim, task="reach"):
    scene = scene_from_seed(EVALUATION_SEEDS[1], task=task)
    sim.reset(scene)
    return scene, EpisodeJudge(scene.task, scene.target, sim.state())


def test_an_attempt_without_success_ends_with_its_time(sim):
    _, judge = start(sim)
    policy = Constant()
    result = attempt(sim, policy, "reach the red cube", judge, timeout_s=0.5)
    assert result == Attempt(False, False, pytest.approx(0.5))
    assert policy.resets == 1 and len(policy.seen) == 5, "asked every 0.1 s"
    assert {observation.instruction for observation in policy.seen} == {"reach the red cube"}


@pytest.mark.parametrize("latency_s", [0.0, 0.05])
@pytest.mark.parametrize("task", ["reach", "push_left"])
def test_a_policy_that_is_right_succeeds(sim, task, latency_s):
    scene, judge = start(sim, task)
    result = attempt(sim, Scripted(sim, scene.task, scene.target), "do it", judge, latency_s=latency_s)
    assert result.success and not result.wrong_object
    assert 1.0 < result.duration_s < 15.0


def test_a_late_chunk_moves_the_arm_later(sim):
    moved = []
    for latency_s in (0.0, 0.05, 0.09):
        _, judge = start(sim)
        attempt(sim, Constant(0.3), "go", judge, latency_s=latency_s, timeout_s=0.05)  # one chunk
        moved.append(sim.joint_positions()[0])
    assert moved[0] > moved[1] > moved[2] > -1e-4


def test_relative_actions_start_at_the_measured_state():
    actions = np.arange(64.0).reshape(8, 8)
    joints, gripper = absolute(actions, np.full(8, 100.0))
    np.testing.assert_array_equal(joints, actions[:, :7] + 100.0)
    np.testing.assert_array_equal(gripper, actions[:, 7])


@pytest.mark.render
def test_a_policy_sees_pictures_joints_and_the_sentence(sim):
    start(sim)
    seen = observe(sim, ("front", "wrist"), "reach it")
    assert set(seen.images) == set(seen.image_stamps_ns) == {"front", "wrist"}
    for name, image in seen.images.items():
        np.testing.assert_array_equal(image, sim.render(name))
    np.testing.assert_array_equal(seen.state, [*HOME_Q, 0.04])
    assert seen.t0_ns == seen.state_stamp_ns == round(sim.time_s * 1e9)
