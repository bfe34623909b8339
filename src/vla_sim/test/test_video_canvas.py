from __future__ import annotations

import numpy as np
import pytest

from vla_sim.video_canvas import GREEN, GREY, RED, Caption, compose, fit, outcome_color, text_width

MAIN = np.full((360, 480, 3), 100, dtype=np.uint8)


def caption(**changes: object) -> Caption:
    values = {
        "instruction": "push the red cube",
        "gate_state": "EXECUTING",
        "outcome": "",
        "episode": 0,
        "progress": 0.5,
        "outcomes": ("", ""),
    }
    return Caption(**{**values, **changes})  # type: ignore[arg-type]


def test_the_inset_is_drawn_unchanged_and_the_frame_is_not_touched() -> None:
    inset = np.full((100, 100, 3), 7, dtype=np.uint8)
    frame = compose(MAIN, [("wrist", inset)], caption())
    assert (frame[60:110, -60:-20] == 7).all()
    assert (MAIN == 100).all()
    assert (frame[200, 200] == 100).all(), "the middle of the picture stays free"


def test_words_are_written_where_there_were_none() -> None:
    silent = compose(MAIN, [], caption(instruction="", gate_state="", outcome=""))
    spoken = compose(MAIN, [], caption(outcome="success"))
    changed = (silent != spoken).any(axis=2)
    assert changed[:60].any(), "gate"
    assert changed[-84:, :240].any(), "instruction"
    assert changed[-84:, 240:].any(), "outcome"


@pytest.mark.parametrize(
    ("outcome", "color"),
    [("", GREY), ("running", GREY), ("not judged", GREY), ("success", GREEN), ("COMPLETED", GREEN), ("TIMEOUT", RED)],
)
def test_outcomes_have_their_colours(outcome: str, color: tuple[int, int, int]) -> None:
    assert outcome_color(outcome) == color


def test_past_episodes_keep_their_colour_in_the_bar() -> None:
    frame = compose(MAIN, [], caption(episode=1, outcomes=("success", "")))
    assert tuple(frame[-12, 40]) == GREEN


def test_a_long_sentence_is_cut_to_fit() -> None:
    text = fit("x" * 10_000, 28, 300)
    assert text.endswith("…")
    assert text_width(text, 28) <= 300
    assert fit("short", 28, 300) == "short"
