"""The policy around the network: what is not an action never becomes one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vla_core.contract import Bundle, GripperSpec
from vla_core.contract.bundle import write_bundle
from vla_core.contract.load import contract_to_mapping
from vla_core.errors import ActionError, BundleError, ObservationError
from vla_core.testing import make_observation_example
from vla_policy.foreign.embodiment import GripperValues
from vla_policy.foreign.openvla import tiny
from vla_policy.foreign.openvla.policy import OpenVlaPolicy, gripper_position
from vla_policy.foreign.openvla.prompt import EMPTY_TOKEN, PromptTokenizer, prompt_of
from vla_policy.foreign.openvla.settings import CHECKPOINT

pytestmark = pytest.mark.train
FINGER = GripperSpec("finger_joint1", "m", "absolute", open=0.04, closed=0.0)


class FakeNetwork:
    """Answers what it is told to."""

    def __init__(self, answer: object) -> None:
        self.answer = np.array(answer)

    def pixels(self, image: Any, *, center_crop: bool) -> Any:
        return np.zeros((6, 2, 2), np.float32)

    def tokens(self, ids: list[int], pixels: Any, count: int) -> Any:
        return self.answer

    def chunk(self, ids: list[int], pixels: Any, proprio: Any) -> Any:
        return self.answer


def policy_of(bundle: Bundle, answer: object) -> OpenVlaPolicy:
    return OpenVlaPolicy(bundle, lambda *_: FakeNetwork(answer))


def test_the_last_tokens_of_the_vocabulary_are_actions(imported: Callable[..., Bundle]) -> None:
    bundle = imported()
    lowest, highest = tiny.VOCABULARY - 1, tiny.VOCABULARY - 255
    policy = policy_of(bundle, [lowest] * 3 + [highest] * 4)
    row = policy.infer(make_observation_example(bundle.contract)).actions[0]
    spec = bundle.contract.normalization.action
    low, high = np.array(spec.q01), np.array(spec.q99)
    centre = 1 - 1 / 255  # of the outermost bins
    np.testing.assert_allclose(row[:3], ((1 - centre) / 2 * (high - low) + low)[:3])
    np.testing.assert_allclose(row[3:6], ((1 + centre) / 2 * (high - low) + low)[3:6])
    assert row[6] == pytest.approx(0.04 * centre)


def test_a_word_among_the_actions_is_an_error(imported: Callable[..., Bundle]) -> None:
    bundle = imported()
    for word in (2, 0, tiny.VOCABULARY, tiny.VOCABULARY - 257):
        with pytest.raises(ActionError, match=f"token id {word} is not an action"):
            policy_of(bundle, [tiny.VOCABULARY - 1] * 6 + [word]).infer(make_observation_example(bundle.contract))


def test_numbers_that_are_not_finite_are_an_error(imported: Callable[..., Bundle]) -> None:
    bundle = imported("head", horizon=8, images=1)
    for column in (0, 6):
        answer = np.zeros((8, 7))
        answer[3, column] = np.nan
        with pytest.raises(ActionError, match="finite"):
            policy_of(bundle, answer).infer(make_observation_example(bundle.contract))


def test_statistics_of_another_robot_are_refused(imported: Callable[..., Bundle]) -> None:
    bundle = imported()
    mapping = contract_to_mapping(bundle.contract)
    mapping["normalization"]["action"]["q99"][0] *= 2  # type: ignore[index]
    with pytest.raises(BundleError, match=r"normalization\.action is not what the checkpoint's statistics say"):
        policy_of(write_bundle(bundle.path, mapping), [])


def test_settings_without_the_gripper_that_the_contract_has_are_refused(imported: Callable[..., Bundle]) -> None:
    bundle = imported()
    path = bundle.path / "openvla.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"gripper": None}))
    with pytest.raises(BundleError, match="disagree on the gripper"):
        policy_of(write_bundle(bundle.path, contract_to_mapping(bundle.contract)), [])


def test_the_gripper_closes_at_the_number_that_means_closed() -> None:
    bridge = GripperValues(open=1.0, closed=0.0)
    np.testing.assert_allclose(gripper_position(np.array([-0.5, 0.0, 0.5, 1.5]), FINGER, bridge), [0, 0, 0.02, 0.04])
    libero = GripperValues(open=-1.0, closed=1.0)
    np.testing.assert_allclose(gripper_position(np.array([-1.0, 0.0, 1.0]), FINGER, libero), [0.04, 0.02, 0.0])
    with pytest.raises(ActionError, match="finite"):
        gripper_position(np.array([np.nan]), FINGER, bridge)


def test_the_prompt(imported: Callable[..., Bundle]) -> None:
    assert prompt_of("Pick UP") == "In: What action should the robot take to pick up?\nOut:"
    prompt = PromptTokenizer(imported().path / CHECKPOINT, tiny.VOCABULARY)
    ids = prompt.encode("pick up")
    assert ids[0] == 1 and ids.count(1) == 1 and ids[-1] == EMPTY_TOKEN
    assert prompt.encode("PICK Up") == ids
    with pytest.raises(ObservationError, match="at most 256"):
        prompt.encode("a" * 300)
    with pytest.raises(ObservationError, match="the model knows 29000"):
        PromptTokenizer(imported(out="other").path / CHECKPOINT, 29000).encode("pick")
