import dataclasses

import pytest

from vla_policy.training import evaluate
from vla_policy.training.grammar import HELDOUT_FRAMES, HELDOUT_PHRASES, PHRASES, TASKS, meaning
from vla_policy.training.rollout import Attempt
from vla_sim.simulation import TabletopSim
from vla_sim.spec import EVALUATION_SEEDS


@dataclasses.dataclass
class Seen:
    sim: TabletopSim
    sentences: list[str]
    judges: list[object]


@pytest.fixture
def seen(monkeypatch):
    """What ``_evaluate`` hands to an attempt, without the attempt."""
    record = Seen(TabletopSim(), [], [])

    def attempt(sim, policy, instruction, judge, *, latency_s):
        assert (policy, latency_s) == ("policy", 0.02)
        record.sentences.append(instruction)
        record.judges.append(judge)
        return Attempt(True, False, 3.0)

    monkeypatch.setattr(evaluate, "attempt", attempt)
    monkeypatch.setattr(evaluate, "_WORKER", {"sim": record.sim, "policy": "policy", "latency_s": 0.02})
    return record


@pytest.mark.parametrize("task", TASKS)
def test_sentence_scene_and_judge_mean_the_same(seen, task):
    for number in range(5):
        evaluate._evaluate((task, "train", number))
        judge = seen.judges[-1]
        assert meaning(seen.sentences[-1]) == (judge.task, judge.target)
        assert (seen.sim.scene.task, seen.sim.scene.target) == (judge.task, judge.target)


def test_scenes_are_those_that_training_never_has(seen):
    for number in (0, 3):
        evaluate._evaluate(("pick", "train", number))
        assert seen.sim.scene.seed == EVALUATION_SEEDS[number]


def test_held_out_sentences_use_phrases_that_training_never_has(seen):
    for number in range(20):
        evaluate._evaluate(("pick", "heldout", number))
    starts = [phrase.split("{o}")[0] for phrase in HELDOUT_PHRASES["pick"]]
    for sentence in map(str.lower, seen.sentences):
        assert any(start in sentence for start in starts), sentence
    assert len({*seen.sentences}) > 10 and PHRASES and HELDOUT_FRAMES


def test_an_attempt_can_be_repeated(seen):
    first = evaluate._evaluate(("reach", "heldout", 4))
    scene = seen.sim.scene
    assert evaluate._evaluate(("reach", "heldout", 4)) == first
    assert seen.sim.scene == scene


def test_the_table_gives_each_task_the_mean_and_the_wrong_objects():
    def rates(*values):
        return {
            task: {"success": value, "wrong_object": wrong, "duration_s": 4.0}
            for task, value, wrong in zip(TASKS, values, (0.0, 0.02, 0.0, 0.0), strict=True)
        }

    report = {
        "scenes_per_task": 50,
        "latency_s": 0.04,
        "train": rates(1.0, 0.98, 0.96, 0.94),
        "heldout": rates(0.9, 0.8, 0.9, 0.8),
    }
    text, _, header, rule, trained, heldout = evaluate.markdown(report).splitlines()
    assert "50 unseen scenes per task" in text and "40 ms" in text
    assert header.count("|") == rule.count("|") == trained.count("|") == 8
    assert trained == "| training | 100.0% | 98.0% | 96.0% | 94.0% | **97.0%** | 0.50% |"
    assert heldout == "| held out | 90.0% | 80.0% | 90.0% | 80.0% | **85.0%** | 0.50% |"
