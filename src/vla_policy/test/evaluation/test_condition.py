import pytest

from vla_policy.evaluation.condition import CONDITIONS, ConditionError, chosen


def test_none_named_means_all():
    assert chosen([]) == CONDITIONS


def test_names_are_taken_in_their_order():
    assert [condition.name for condition in chosen(["pushes", "nominal"])] == ["pushes", "nominal"]


def test_an_unknown_name_is_refused_with_the_valid_ones():
    with pytest.raises(ConditionError, match=r"'fog' unknown; valid: nominal, paraphrases.*images_late, pushes"):
        chosen(["nominal", "fog"])


def test_only_the_paraphrases_use_held_out_sentences():
    assert [condition.name for condition in CONDITIONS if condition.split == "heldout"] == ["paraphrases"]
