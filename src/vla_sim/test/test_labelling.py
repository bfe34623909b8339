"""Which instructions a state allows, and how frames are labelled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vla_sim.expert import Expert
from vla_sim.labelling import LABELS_PER_FRAME, FrameRecorder, choose_labels, is_possible, possible_instructions
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import TASKS
from vla_sim.state import SimState

MakeState = Callable[..., SimState]


@pytest.mark.parametrize("seed", range(10))
def test_what_a_scene_asks_for_is_possible(sim: TabletopSim, seed: int) -> None:
    scene = scene_from_seed(seed)
    sim.reset(scene)
    assert is_possible(sim.state(), scene.task, scene.target)


@pytest.mark.parametrize(
    ("task", "other", "possible"),
    [
        ("pick", (0.5, 0.0951), True),
        ("pick", (0.5, 0.0949), False),
        ("reach", (0.5, 0.05), True),
        ("push_left", (0.5, 0.12), False),  # in its way
        ("push_left", (0.5, -0.12), False),  # where the fingers come down
        ("push_left", (0.6, 0.12), True),  # beside its way
        ("push_right", (0.5, -0.12), False),
        ("push_right", (0.5, -0.30), True),  # beyond where the push ends
    ],
)
def test_room_is_needed(make_state: MakeState, task: str, other: tuple[float, float], possible: bool) -> None:
    assert is_possible(make_state(red=(0.5, 0.0), blue=other), task, "red") is possible


@pytest.mark.parametrize("place", [(0.36, 0.0), (0.67, 0.0), (0.5, 0.33), (0.5, -0.33)])
def test_out_of_reach_nothing_is_possible(make_state: MakeState, place: tuple[float, float]) -> None:
    assert possible_instructions(make_state(red=place)) == []


def test_alone_in_the_middle_everything_is_possible(make_state: MakeState) -> None:
    assert possible_instructions(make_state(green=(0.5, 0.0))) == [(task, "green") for task in TASKS]


def test_labels_differ_as_long_as_there_are_enough(make_state: MakeState) -> None:
    state = make_state(red=(0.5, 0.1), blue=(0.5, -0.15))
    for seed in range(20):
        labels = choose_labels(np.random.default_rng(seed), state, ("pick", "red"))
        assert labels[0] == ("pick", "red")
        assert len(set(labels)) == len(labels) == LABELS_PER_FRAME
        assert set(labels[1:]) <= set(possible_instructions(state))


def test_an_impossible_instruction_is_its_own_label(make_state: MakeState) -> None:
    labels = choose_labels(np.random.default_rng(0), make_state(red=(0.2, 0.0)), ("reach", "red"))
    assert labels == [("reach", "red")] * LABELS_PER_FRAME


@pytest.mark.render
def test_a_frame_is_labelled_by_the_expert(sim: TabletopSim) -> None:
    scene = scene_from_seed(4)
    sim.reset(scene)
    state, expert = sim.state(), Expert()
    recorder = FrameRecorder(expert)
    instructions = possible_instructions(state)[:LABELS_PER_FRAME]
    recorder.add(sim, state, instructions, episode=4)
    arrays = recorder.arrays()
    assert len(recorder) == 1
    np.testing.assert_array_equal(arrays["front"][0], sim.render("front"))
    np.testing.assert_array_equal(arrays["wrist"][0], sim.render("wrist"))
    np.testing.assert_array_equal(arrays["state"][0], np.append(state.q_rad, state.gripper_m).astype(np.float32))
    for label, (task, target) in enumerate(instructions):
        chunk = expert.chunk(state, task, target)
        np.testing.assert_array_equal(arrays["chunk"][0, label, :, :7], chunk.q_rad.astype(np.float32))
        np.testing.assert_array_equal(arrays["chunk"][0, label, :, 7], chunk.gripper_m.astype(np.float32))
        place = state.cube_positions_m[state.cube_index(target)]
        np.testing.assert_array_equal(arrays["target"][0, label], place.astype(np.float32))


def test_no_frames_are_not_an_empty_recording() -> None:
    with pytest.raises(ValueError, match="no frames"):
        FrameRecorder(Expert()).arrays()
