"""The embedded default: a policy network run by ONNX Runtime, on the CPU or on CUDA where it is present.

Inputs, batch of one: each camera under its name (1, H, W, 3) uint8 RGB; ``state`` (1, n) float32, normalized;
``text`` (1, T, width) float32 token embeddings and ``text_mask`` (1, T) bool, where the contract has ``language``.
Outputs: ``logits`` (1, horizon, columns, bins) float32, or normalized ``actions`` (1, horizon, columns) float32 where
the contract has no tokenizer; ``done`` (1, 1) float32 probability, where the contract has a done section.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_core.checks import check_observation
from vla_core.contract import Bundle, CameraSpec, Contract
from vla_core.errors import ActionError, ContractError
from vla_core.normalization import Normalizer
from vla_core.tokenizers import decode_logits, make_tokenizer
from vla_core.types import ActionChunk, FloatArray, ImageArray, Observation, read_only
from vla_core.uncertainty import DoubtMeter, speed_scale, token_entropy
from vla_policy.language import SentenceEncoder
from vla_policy.onnx_session import Tensor, describe, differences, open_session

MODEL_FILE = "model.onnx"
_WARM_UP_RUNS = 3


class OnnxPolicy:
    """Runs ``model.onnx`` of ``bundle``. Constructing it loads, checks and warms up the models.

    Raises:
        BundleError: a file is missing or no model, or the device is not to be had.
        ContractError: the model's inputs and outputs are not those that the contract describes.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1, device: str = "auto") -> None:
        self._contract = contract = bundle.contract
        self._session = open_session(bundle.file(MODEL_FILE), threads=threads, device=device)
        self._encoder = (
            SentenceEncoder(bundle, contract.language, threads=threads) if contract.language is not None else None
        )
        self._check_model()
        self._state = Normalizer.of_state(contract)
        self._action = Normalizer.of_action(contract)
        self._tokenizer = make_tokenizer(contract.tokenizer) if contract.tokenizer is not None else None
        self._doubt = DoubtMeter(contract.uncertainty.window_s) if contract.uncertainty is not None else None
        self._outputs = list(model_outputs(contract))
        self._warm_up()

    @property
    def contract(self) -> Contract:
        """What the numbers mean."""
        return self._contract

    @property
    def providers(self) -> list[str]:
        """What ONNX Runtime runs the network on, first choice first."""
        return list(self._session.get_providers())

    def infer(self, observation: Observation) -> ActionChunk:
        """The chunk for ``observation``; its ``timing_ms`` has preprocess, language, model and decode.

        Raises:
            ObservationError: it does not satisfy the contract, or the sentence has too many tokens.
            ActionError: the network's output is not finite.
        """
        watch = _Stopwatch()
        feed = self._preprocess(observation)
        watch.lap("preprocess")
        feed |= self._language(observation.instruction)
        watch.lap("language")
        outputs = dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))
        watch.lap("model")
        actions = self._actions(outputs)
        done = _probability(outputs["done"]) if "done" in outputs else None
        scale = self._speed_scale(outputs, observation.t0_ns)
        watch.lap("decode")
        return ActionChunk(actions=actions, speed_scale=scale, done=done, timing_ms=watch.laps_ms)

    def reset(self) -> None:
        """Forget earlier doubt. The actions themselves depend on their observation alone."""
        if self._doubt is not None:
            self._doubt.reset()

    def _preprocess(self, observation: Observation) -> dict[str, NDArray[Any]]:
        check_observation(observation, self._contract)
        feed: dict[str, NDArray[Any]] = {}
        for camera in self._contract.cameras:
            image = observation.images[camera.name]
            feed[camera.name] = (_resize(image, camera) if camera.resize == "policy" else image)[np.newaxis]
        state = self._state.normalize(observation.state)
        if self._contract.state:
            feed["state"] = state.astype(np.float32)[np.newaxis]
        return feed

    def _language(self, instruction: str) -> dict[str, NDArray[Any]]:
        if self._encoder is None:
            return {}
        embeddings = self._encoder.encode(instruction)
        return {"text": embeddings[np.newaxis], "text_mask": np.ones((1, len(embeddings)), dtype=np.bool_)}

    def _actions(self, outputs: dict[str, NDArray[Any]]) -> FloatArray:
        spec = self._contract.tokenizer
        if self._tokenizer is None or spec is None:
            normalized = outputs["actions"][0]
        else:
            normalized = decode_logits(self._tokenizer, spec, outputs["logits"][0])
        return read_only(self._action.unnormalize(normalized))

    def _speed_scale(self, outputs: dict[str, NDArray[Any]], t0_ns: int) -> float:
        spec = self._contract.uncertainty
        if spec is None or self._doubt is None or self._tokenizer is None:
            return 1.0
        doubt = self._doubt.add(t0_ns, token_entropy(self._tokenizer.probabilities(outputs["logits"][0])))
        return 1.0 if doubt is None else speed_scale(spec, doubt)

    def _check_model(self) -> None:
        inputs, outputs = describe(self._session)
        width = self._encoder.width if self._encoder is not None else None
        lines = differences(inputs, model_inputs(self._contract, width), "input")
        lines += differences(outputs, model_outputs(self._contract), "output")
        if lines:
            raise ContractError(
                f"{self._contract.policy_id}: {MODEL_FILE} is not what it describes: {'; '.join(lines)}"
            )

    def _warm_up(self) -> None:
        """The first runs allocate; the result is thrown away."""
        for _ in range(_WARM_UP_RUNS):
            self._session.run(self._outputs, self._warm_up_feed())

    def _warm_up_feed(self) -> dict[str, NDArray[Any]]:
        feed: dict[str, NDArray[Any]] = {
            camera.name: np.full((1, camera.height, camera.width, 3), 128, dtype=np.uint8)
            for camera in self._contract.cameras
        }
        if self._contract.state:
            feed["state"] = np.zeros((1, len(self._contract.state)), dtype=np.float32)
        return feed | self._language("warm up")


def model_inputs(contract: Contract, text_width: int | None) -> dict[str, Tensor]:
    """Inputs that the contract makes the network have."""
    wanted = {camera.name: Tensor((1, camera.height, camera.width, 3), "uint8") for camera in contract.cameras}
    if contract.state:
        wanted["state"] = Tensor((1, len(contract.state)), "float")
    if contract.language is not None:
        wanted["text"] = Tensor((1, None, text_width), "float")
        wanted["text_mask"] = Tensor((1, None), "bool")
    return wanted


def model_outputs(contract: Contract) -> dict[str, Tensor]:
    """Outputs that the contract makes the network have."""
    chunk = (1, contract.action.horizon, contract.action_size)
    if contract.tokenizer is not None:
        wanted = {"logits": Tensor((*chunk, contract.tokenizer.bins), "float")}
    else:
        wanted = {"actions": Tensor(chunk, "float")}
    if contract.done is not None:
        wanted["done"] = Tensor((1, 1), "float")
    return wanted


def _resize(image: ImageArray, camera: CameraSpec) -> ImageArray:
    # Imported here, so that a worker needs OpenCV only for a policy that resizes.
    from vla_core.images import fit_to_input

    return fit_to_input(image, camera)


def _probability(done: NDArray[Any]) -> float:
    value = float(done[0, 0])
    if not 0.0 <= value <= 1.0:  # NaN fails this as well
        raise ActionError(f"the network's done signal is {value}; it must lie in [0, 1]")
    return value


class _Stopwatch:
    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._last = clock()
        self.laps_ms: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = self._clock()
        self.laps_ms[stage] = (now - self._last) * 1e3
        self._last = now
