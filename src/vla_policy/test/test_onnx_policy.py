from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import Bundle, write_bundle
from vla_core.errors import ActionError, BundleError, ContractError, ObservationError
from vla_core.policy import Policy
from vla_core.testing import make_contract_mapping, make_observation_example
from vla_core.testing.policy_conformance import PolicyConformance
from vla_core.types import Observation, read_only
from vla_policy.onnx_policy import OnnxPolicy

MakeBundle = Callable[..., Bundle]
Q99 = np.array([0.2] * 7 + [0.04])
Q01 = np.array([-0.2] * 7 + [0.0])


def observation_of(policy: OnnxPolicy, *, front: int = 0, wrist: int = 0, state: float = 0.0) -> Observation:
    """Flat images; a state that is ``state`` standard deviations from the mean; 'pick up' (mean text 0.15)."""
    contract = policy.contract
    stats = contract.normalization.state
    assert stats.mean is not None and stats.std is not None
    example = make_observation_example(contract, instruction="pick up")
    images = {name: np.full((96, 96, 3), value, np.uint8) for name, value in (("front", front), ("wrist", wrist))}
    row = np.array(stats.mean) + state * np.array(stats.std)
    return dataclasses.replace(example, images=images, state=read_only(row))


def expected_actions(bin_number: float) -> np.ndarray:
    """Every step, when all weight lies about ``bin_number`` of 256 over [-1, 1]."""
    normalized = -1.0 + 2.0 * bin_number / 255.0
    return np.tile((Q01 + Q99) / 2 + normalized * (Q99 - Q01) / 2, (8, 1))


class TestConformance(PolicyConformance):
    @pytest.fixture(autouse=True)
    def _bundle(self, bundle: Bundle) -> None:
        self._policy_bundle = bundle

    def make_object_under_test(self) -> Policy:
        return OnnxPolicy(self._policy_bundle)


@pytest.mark.parametrize(
    ("front", "wrist", "state", "bin_number"),
    [(0, 0, 0.0, 129.0), (255, 0, 0.0, 139.0), (0, 255, 0.0, 119.0), (0, 0, 2.0, 169.0), (51, 102, -1.0, 107.0)],
)
def test_every_input_reaches_the_network_and_its_answer_is_decoded(
    bundle: Bundle, front: int, wrist: int, state: float, bin_number: float
) -> None:
    """Worked out by hand: 127.5 + 20 state + 10 (text 0.15) + 10 front/255 - 10 wrist/255."""
    policy = OnnxPolicy(bundle)
    chunk = policy.infer(observation_of(policy, front=front, wrist=wrist, state=state))
    np.testing.assert_allclose(chunk.actions, expected_actions(bin_number), atol=1e-6)
    assert chunk.done == pytest.approx(1 / (1 + math.exp(-state)), abs=1e-6)
    assert chunk.speed_scale == 1.0


def test_argmax_gives_the_nearest_bin(make_bundle: MakeBundle) -> None:
    tokenizer = {"convention": "endpoint_grid", "bins": 256, "low": -1.0, "high": 1.0, "decode": "argmax"}
    policy = OnnxPolicy(make_bundle({"base": 127.8}, tokenizer=tokenizer))
    chunk = policy.infer(observation_of(policy))
    np.testing.assert_allclose(chunk.actions, expected_actions(129.0), atol=1e-9)


def test_each_stage_is_timed(bundle: Bundle) -> None:
    policy = OnnxPolicy(bundle)
    timing = policy.infer(observation_of(policy)).timing_ms
    assert set(timing) == {"preprocess", "language", "model", "decode"}


def test_a_network_that_answers_nan_is_an_error_and_not_a_motion(make_bundle: MakeBundle) -> None:
    policy = OnnxPolicy(make_bundle({"base": math.nan}))
    with pytest.raises(ActionError, match="NaN"):
        policy.infer(observation_of(policy))


def test_a_sentence_is_encoded_once(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = OnnxPolicy(bundle)
    assert policy._encoder is not None
    encoded: list[str] = []
    encode = policy._encoder._encode
    monkeypatch.setattr(policy._encoder, "_encode", lambda sentence: (encoded.append(sentence), encode(sentence))[1])
    example = make_observation_example(policy.contract)
    for sentence in ("pick up", "pick up", "the red cube", "pick up"):
        policy.infer(dataclasses.replace(example, instruction=sentence))
    assert encoded == ["pick up", "the red cube"]


def test_a_newer_sentence_gets_an_answer_of_its_own(bundle: Bundle) -> None:
    policy = OnnxPolicy(bundle)
    example = observation_of(policy)
    policy.infer(example)
    chunk = policy.infer(dataclasses.replace(example, instruction="red cube"))  # mean text 0.5
    np.testing.assert_allclose(chunk.actions, expected_actions(132.5), atol=1e-6)


# Every token of the small network is a discrete normal distribution of variance 1/2, whose entropy is this [nat].
ENTROPY = 0.5 * math.log(math.pi * math.e)


@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [(ENTROPY + 0.01, 2.0, 1.0), (ENTROPY - 0.1, ENTROPY + 0.1, 0.6), (0.1, ENTROPY - 0.01, 0.01)],
)
def test_doubt_that_lasts_slows_the_policy_until_its_reset(
    make_bundle: MakeBundle, low: float, high: float, scale: float
) -> None:
    spec = {"kind": "token_entropy", "window_s": 0.2, "full_speed_below": low, "hold_above": high}
    policy = OnnxPolicy(make_bundle(uncertainty=spec))
    for _ in range(2):
        scales = []
        for step in range(4):
            stamps = dict.fromkeys(("front", "wrist"), 1_000_000_000 + step * 100_000_000)
            scales.append(policy.infer(dataclasses.replace(observation_of(policy), image_stamps_ns=stamps)).speed_scale)
        assert scales == [1.0, 1.0, pytest.approx(scale, abs=0.01), pytest.approx(scale, abs=0.01)]
        policy.reset()


@pytest.mark.parametrize("sentence", ["", "  \n", "pick " * 9])
def test_a_sentence_that_cannot_be_understood_is_refused_and_never_cut(bundle: Bundle, sentence: str) -> None:
    policy = OnnxPolicy(bundle)
    with pytest.raises(ObservationError, match="instruction"):
        policy.infer(dataclasses.replace(observation_of(policy), instruction=sentence))


def test_the_longest_sentence_allowed_is_not_cut(bundle: Bundle) -> None:
    """The tokenizer file says that it cuts after three tokens, which would lose the last word."""
    policy = OnnxPolicy(bundle)
    assert policy._encoder is not None
    assert len(policy._encoder.encode("pick up the red cube the blue cube")) == 8


@pytest.mark.parametrize("size", [(48, 96), (480, 640)])
def test_an_image_of_another_size_is_refused(bundle: Bundle, size: tuple[int, int]) -> None:
    policy = OnnxPolicy(bundle)
    example = observation_of(policy)
    images = {**example.images, "wrist": np.zeros((*size, 3), np.uint8)}
    with pytest.raises(ObservationError, match="camera wrist"):
        policy.infer(dataclasses.replace(example, images=images))


def test_an_image_is_resized_where_the_contract_makes_that_the_policys_work(make_bundle: MakeBundle) -> None:
    camera = {"width": 96, "height": 96, "encoding": "rgb8", "resize_method": "stretch", "max_age_s": 0.3}
    cameras = [{"name": "front", "resize": "policy", **camera}, {"name": "wrist", "resize": "none", **camera}]
    policy = OnnxPolicy(make_bundle(cameras=cameras))
    example = observation_of(policy)
    large = {**example.images, "front": np.full((480, 480, 3), 255, np.uint8)}
    chunk = policy.infer(dataclasses.replace(example, images=large))
    np.testing.assert_allclose(chunk.actions, expected_actions(139.0), atol=1e-6)


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        ({"horizon": 4}, r"output 'logits' is float\(1, 4, 8, 256\); the contract makes it float\(1, 8, 8, 256\)"),
        ({"bins": 255}, r"output 'logits'"),
        ({"size": 64}, r"input 'front' is uint8\(1, 64, 64, 3\).*input 'wrist'"),
        ({"columns": 7}, r"input 'state' is float\(1, 7\)"),
    ],
)
def test_a_network_of_another_shape_is_refused_when_loaded(
    make_bundle: MakeBundle, net: dict[str, int], expected: str
) -> None:
    with pytest.raises(ContractError, match=expected):
        OnnxPolicy(make_bundle(net))


def test_inputs_and_outputs_that_the_contract_does_not_know_are_refused(make_bundle: MakeBundle) -> None:
    with pytest.raises(ContractError, match=r"input 'text' .* is fed by nothing"):
        OnnxPolicy(make_bundle(language=None))
    with pytest.raises(ContractError, match="output 'actions' is missing"):
        OnnxPolicy(make_bundle(folder="other", tokenizer=None))


@pytest.mark.parametrize("name", ["model.onnx", "language/model.onnx", "language/tokenizer.json"])
def test_a_file_that_is_something_else_is_refused_by_its_name(bundle: Bundle, name: str) -> None:
    bundle.file(name).write_bytes(b"something else")
    with pytest.raises(BundleError, match=name):
        OnnxPolicy(bundle)


def test_a_bundle_without_a_network_is_refused(tmp_path: Path) -> None:
    mapping = make_contract_mapping(runtime="onnx")
    del mapping["mock"]
    with pytest.raises(BundleError, match=r"no file 'model\.onnx'"):
        OnnxPolicy(write_bundle(tmp_path, mapping))


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_device_that_is_not_there_is_refused(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(BundleError, match="onnxruntime-gpu"):
        OnnxPolicy(bundle, device="cuda")
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(BundleError, match="cannot be used here"):  # offered by the library, but it has no device
        OnnxPolicy(bundle, device="cuda")
    assert OnnxPolicy(bundle, device="auto").providers == ["CPUExecutionProvider"]
