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
