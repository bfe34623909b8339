import random

import pytest

from vla_policy.training.grammar import (
    COLORS,
    FRAMES,
    HELDOUT_FRAMES,
    HELDOUT_PHRASES,
    PHRASES,
    TASKS,
    meaning,
    sample_instruction,
)
from vla_policy.training.grammar_furniture import FURNISHED_PHRASES, HELDOUT_FURNISHED_PHRASES
from vla_sim.spec import DRAWER, DRAWER_TASKS, FURNISHED_TASKS


def test_held_out_phrases_never_occur_in_training():
    for task in TASKS:
        assert not {*PHRASES[task]} & {*HELDOUT_PHRASES[task]}
    assert {*FRAMES} & {*HELDOUT_FRAMES} == {"{p}"}


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_sentences_never_name_the_other_side(split):
    rng = random.Random(0)
    for _ in range(500):
        assert "right" not in sample_instruction(rng, "push_left", "red", split).text.replace("bright", "").lower()
        assert "left" not in sample_instruction(rng, "push_right", "red", split).text.lower()


@pytest.mark.parametrize("split", ["train", "heldout"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("color", COLORS)
def test_key_words_give_back_the_meaning(task, color, split):
    rng = random.Random(1)
    for _ in range(200):
        sentence = sample_instruction(rng, task, color, split)
        assert meaning(sentence.text) == (task, color), sentence.text


def test_same_seed_same_sentence():
    assert sample_instruction(random.Random(3), "pick", "red") == sample_instruction(random.Random(3), "pick", "red")


@pytest.mark.parametrize("text", ["", "dance", "pick up the cube", "pick up the red or the blue cube"])
def test_unclear_sentences_have_no_meaning(text):
    assert meaning(text) is None


def test_unknown_task_or_color_is_named_with_the_choices():
    with pytest.raises(ValueError, match=r"'juggle'; valid tasks: pick, reach"):
        sample_instruction(random.Random(0), "juggle", "red")
    with pytest.raises(ValueError, match=r"'pink'; valid colors: red"):
        sample_instruction(random.Random(0), "pick", "pink")


@pytest.mark.parametrize("split", ["train", "heldout"])
@pytest.mark.parametrize("task", FURNISHED_TASKS)
def test_key_words_give_back_what_is_asked_of_the_furniture(split, task):
    rng = random.Random(2)
    for number in range(400):
        target = DRAWER if task in DRAWER_TASKS else COLORS[number % 4]
        sentence = sample_instruction(rng, task, target, split, rng.choice(["", "left", "right"]))
        assert meaning(sentence.text, furnished=True) == (task, target), sentence.text
        assert meaning(sentence.text) is None, sentence.text  # there is no furniture on the plain table
        assert "{" not in sentence.text


def test_held_out_phrases_of_the_furniture_never_occur_in_training():
    assert FURNISHED_PHRASES.keys() == HELDOUT_FURNISHED_PHRASES.keys() == {*FURNISHED_TASKS}
    for task in FURNISHED_TASKS:
        assert not {*FURNISHED_PHRASES[task]} & {*HELDOUT_FURNISHED_PHRASES[task]}
        assert len({*FURNISHED_PHRASES[task]}) == len(FURNISHED_PHRASES[task]) >= 13


def test_a_side_is_said_only_where_it_is_known_and_as_it_is():
    rng = random.Random(3)
    said = [sample_instruction(rng, "open_drawer", DRAWER, side="left").text for _ in range(300)]
    assert any("left" in text for text in said) and not any("right" in text for text in said)
    assert not any("left" in sample_instruction(rng, "open_drawer", DRAWER).text for _ in range(300))


@pytest.mark.parametrize("text", ["the drawer", "put the cube in the drawer", "put the drawer in the red circle"])
def test_unclear_sentences_about_furniture_have_no_meaning(text):
    assert meaning(text, furnished=True) is None


def test_a_drawer_has_no_colour():
    with pytest.raises(ValueError, match="'red'; valid colors: drawer"):
        sample_instruction(random.Random(0), "open_drawer", "red")
