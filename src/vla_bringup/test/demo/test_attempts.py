from pathlib import Path

import pytest

from vla_bringup.demo.attempts import plan_attempts
from vla_bringup.demo.options import DemoOptions
from vla_policy.training.grammar import TASKS
from vla_sim.spec import EVALUATION_SEEDS, TRAINING_SEEDS


def options(instruction: str = "", seed: int = 0, episodes: int | None = None, heldout: bool = False) -> DemoOptions:
    return DemoOptions(instruction, seed, episodes, heldout, None, False, Path("out"))


def test_the_series_has_every_task_twice_and_no_scene_twice() -> None:
    attempts = plan_attempts(options())
    assert sorted(attempt.task for attempt in attempts) == sorted(2 * TASKS)
    assert len({attempt.scene_seed for attempt in attempts}) == len(attempts)


@pytest.mark.parametrize("seed", [0, 7, 1_000_000])
def test_scenes_are_neither_those_of_training_nor_of_evaluation(seed: int) -> None:
    seeds = {attempt.scene_seed for attempt in plan_attempts(options(seed=seed))}
    assert not [used for used in seeds if used in TRAINING_SEEDS or used in EVALUATION_SEEDS]


def test_a_seed_gives_the_same_run_and_another_seed_another() -> None:
    assert plan_attempts(options(seed=3)) == plan_attempts(options(seed=3))
    assert plan_attempts(options(seed=3)) != plan_attempts(options(seed=4))


@pytest.mark.parametrize(
    ("sentence", "task", "color"),
    [("grab the blue block", "pick", "blue"), ("Push the YELLOW cube to the left!", "push_left", "yellow")],
)
def test_a_sentence_of_the_user_gets_a_scene_that_has_its_cube(sentence: str, task: str, color: str) -> None:
    (attempt,) = plan_attempts(options(sentence))
    assert (attempt.sentence, attempt.task, attempt.color) == (sentence, task, color)
    assert attempt.judged


def test_a_sentence_that_names_nothing_known_is_run_but_not_judged() -> None:
    (attempt,) = plan_attempts(options("make me a coffee"))
    assert attempt.sentence == "make me a coffee"
    assert not attempt.judged


def test_heldout_wordings_differ_from_those_of_training() -> None:
    assert [a.sentence for a in plan_attempts(options(heldout=True))] != [a.sentence for a in plan_attempts(options())]
