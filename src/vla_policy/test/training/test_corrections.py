from types import SimpleNamespace

import numpy as np
import pytest

from vla_core.types import ActionChunk
from vla_policy.training.corrections import policy_actor
from vla_policy.training.grammar import meaning
from vla_sim.robot import HOME_Q
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim


class Listening:
    """Stays 0.1 rad beside where the arm is and remembers what it was told."""

    contract = SimpleNamespace(camera_names=())

    def __init__(self):
        self.sentences = []
        self.resets = 0

    def infer(self, observation):
        self.sentences.append(observation.instruction)
        return ActionChunk(np.full((8, 8), 0.1))

    def reset(self):
        self.resets += 1


@pytest.fixture
def sim():
    made = TabletopSim()
    made.reset(scene_from_seed(3))
    yield made
    made.close()


def test_a_new_instruction_gets_a_sentence_that_is_kept(sim):
    policy = Listening()
    act = policy_actor(policy, seed=0)
    for instruction, new in ((("pick", "red"), True), (("pick", "red"), False), (("reach", "blue"), True)):
        act(sim, instruction, new)
    assert [meaning(sentence) for sentence in policy.sentences] == [("pick", "red")] * 2 + [("reach", "blue")]
    assert policy.sentences[0] == policy.sentences[1]
    assert policy.resets == 2


def test_the_policy_moves_the_arm_from_where_it_is(sim):
    joints, gripper = policy_actor(Listening(), seed=0)(sim, ("pick", "red"), True)
    np.testing.assert_allclose(joints, np.tile(HOME_Q + 0.1, (8, 1)))
    np.testing.assert_allclose(gripper, 0.1)
