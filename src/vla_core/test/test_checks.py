"""Each broken promise of an observation or a chunk is named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vla_core.checks import check_chunk, check_observation
from vla_core.errors import ActionError, ObservationError
from vla_core.testing import make_base_twist_example, make_contract_example, make_ee_delta_example
from vla_core.testing import make_observation_example as example
from vla_core.types import ActionChunk, Observation

CONTRACT = make_contract_example()
GOOD = example(CONTRACT)


@pytest.mark.parametrize("contract", [CONTRACT, make_base_twist_example(), make_ee_delta_example()])
def test_the_examples_are_good(contract: object) -> None:
    check_observation(example(contract), contract)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (dataclasses.replace(GOOD, images={}), r"has the cameras \(none\); the contract wants exactly front, wrist"),
        (dataclasses.replace(GOOD, images={**GOOD.images, "left": GOOD.images["front"]}), r"front, left, wrist"),
        (dataclasses.replace(GOOD, image_stamps_ns={"front": 1}), r"stamps of front for images of front, wrist"),
        (
            dataclasses.replace(GOOD, images={**GOOD.images, "front": np.zeros((95, 96, 3), np.uint8)}),
            r"camera front: expected \(96, 96, 3\) of uint8; got \(95, 96, 3\)",
        ),
        (dataclasses.replace(GOOD, state=np.zeros(7)), r"state has shape \(7,\); the contract wants \(8,\) for joint1"),
        (dataclasses.replace(GOOD, state=np.append(GOOD.state[:-1], np.inf)), r"state finger_joint1 is inf"),
        (dataclasses.replace(GOOD, instruction="  "), r"instruction is empty"),
    ],
)
def test_a_bad_observation_is_refused(observation: Observation, message: str) -> None:
    with pytest.raises(ObservationError, match=message):
        check_observation(observation, CONTRACT)


def test_a_policy_that_resizes_takes_any_size() -> None:
    camera = dataclasses.replace(CONTRACT.cameras[0], resize="policy")
    contract = dataclasses.replace(CONTRACT, cameras=(camera, CONTRACT.cameras[1]))
    large = {**GOOD.images, "front": np.zeros((480, 480, 3), np.uint8)}
    check_observation(dataclasses.replace(GOOD, images=large), contract)
    flat = {**GOOD.images, "front": np.zeros((480, 480), np.uint8)}
    with pytest.raises(ObservationError, match="camera front"):
        check_observation(dataclasses.replace(GOOD, images=flat), contract)


def chunk(**changes: object) -> ActionChunk:
    return dataclasses.replace(ActionChunk(np.zeros((8, 8)), done=0.5), **changes)


def test_a_good_chunk_passes() -> None:
    check_chunk(chunk(), CONTRACT)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (chunk(actions=np.zeros((7, 8))), r"actions of \(7, 8\) float64; the contract promises \(8, 8\) for joint1"),
        (chunk(actions=np.zeros((8, 8), dtype=np.int64)), r"int64"),
        (chunk(actions=np.where(np.eye(8), np.nan, 0.0)), r"nan for joint1 at step 0"),
        (chunk(speed_scale=0.0), r"speed_scale 0.0; valid: \(0, 1\]"),
        (chunk(speed_scale=float("nan")), r"speed_scale nan"),
        (chunk(done=1.01), r"done 1.01; valid: \[0, 1\]"),
        (chunk(done=float("nan")), r"done nan"),
        (chunk(done=None), r"no done score, but its contract promises one"),
    ],
)
def test_a_bad_chunk_is_refused(bad: ActionChunk, message: str) -> None:
    with pytest.raises(ActionError, match=message):
        check_chunk(bad, CONTRACT)
