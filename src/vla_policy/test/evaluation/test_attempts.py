from dataclasses import replace
from itertools import groupby
from types import SimpleNamespace

import numpy as np
import pytest

from vla_core.types import ActionChunk
from vla_policy.evaluation.attempts import Job, film, make
from vla_policy.evaluation.condition import NOMINAL, Condition
from vla_sim.expert import Expert
from vla_sim.simulation import TabletopSim

BLIND = SimpleNamespace(camera_names=())  # no pictures: nothing has to be rendered


class Idle:
    """Stays where it is."""

    contract = BLIND

    def __init__(self):
        self.sentences = []

    def infer(self, observation):
        self.sentences.append(observation.instruction)
        actions = np.zeros((8, 8))
        actions[:, 7] = 0.04
        return ActionChunk(actions)

    def reset(self):
        pass


class Scripted(Idle):
    """The expert, who looks at the simulator itself and always wants the scene's own task."""

    def __init__(self, sim):
        super().__init__()
        self._expert, self._sim = Expert(), sim

    def infer(self, observation):
        self.sentences.append(observation.instruction)
        scene = self._sim.scene
        chunk = self._expert.chunk(self._sim.state(), scene.task, scene.target)
        return ActionChunk(np.column_stack([chunk.q_rad - observation.state[:7], chunk.gripper_m]))


@pytest.fixture(scope="module")
def sim():
    made = TabletopSim()
    yield made
    made.close()


def test_an_expert_succeeds_and_is_measured(sim):
    result = make(Job(NOMINAL, "reach", 0), sim, Scripted(sim))
    assert result.success and not result.failure and not result.wrong_object
    assert 1.0 < result.time_s < 15.0
    assert result.path_rad > 0.3 and result.tool_path_m > 0.05 and result.energy_j > 0.0
    assert result.precision_m < 0.03
    assert -6.0 < result.sparc < -1.3
    assert len(result.calls_ms) == pytest.approx(result.time_s / 0.1, abs=1)


def test_the_same_job_gives_the_same_result(sim):
    job = Job(Condition("pushed", "", push_n=30.0, noise=0.02), "push_left", 4, seed=3)
    first, second = (make(job, sim, Scripted(sim)) for _ in range(2))
    assert replace(first, precision_m=0.0, calls_ms=()) == replace(second, precision_m=0.0, calls_ms=())
    other = make(replace(job, seed=4), sim, Scripted(sim))
    assert other.sentence != first.sentence or other.time_s != first.time_s


def test_an_arm_that_does_nothing_has_not_touched_the_cube(sim):
    result = make(Job(NOMINAL, "pick", 1), sim, Idle())
    assert not result.success and result.failure == "untouched"
    assert result.time_s == pytest.approx(15.0, abs=0.11)


def test_a_changed_instruction_is_heard_second_and_counts_alone(sim):
    policy = Idle()
    make(Job(Condition("changed", "", instead_s=0.5), "push_right", 2), sim, policy)
    before, counting = (len(list(group)) for _, group in groupby(policy.sentences))
    assert before == pytest.approx(5, abs=1) and counting == pytest.approx(150, abs=1)


def test_a_film_shows_the_same_attempt(sim):
    job = Job(NOMINAL, "reach", 0)
    plain = make(job, sim, Scripted(sim))
    filmed, scene, frames = film(job, sim, Scripted(sim))
    assert (filmed.time_s, filmed.path_rad) == (plain.time_s, plain.path_rad)
    assert scene.task == "reach"
    assert len(frames) == pytest.approx(15.0 * filmed.time_s, rel=0.2)
