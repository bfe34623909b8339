"""An imported OpenVLA or OpenVLA-OFT checkpoint as a policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vla_core.checks import check_observation
from vla_core.contract import Bundle, Contract, GripperSpec
from vla_core.errors import ActionError, BundleError
from vla_core.normalization import Normalizer
from vla_core.tokenizers.bin_centers import BinCentersTokenizer
from vla_core.types import ActionChunk, FloatArray, ImageArray, Observation, read_only
from vla_policy.foreign.embodiment import GripperValues
from vla_policy.foreign.openvla.config import OpenVlaConfig, load_config
from vla_policy.foreign.openvla.importing import check_statistics
from vla_policy.foreign.openvla.prompt import PromptTokenizer
from vla_policy.foreign.openvla.settings import CHECKPOINT, SETTINGS_FILE, OpenVlaSettings, read_settings
from vla_policy.foreign.openvla.statistics import DatasetStatistics, load_statistics, normalize_proprio

Pixels = NDArray[np.float32]


class Network(Protocol):
    """What the policy needs of the model; ``network.runner.Runner`` is one."""

    def pixels(self, image: ImageArray, *, center_crop: bool) -> Pixels:
        """(3 * towers, size, size) of an (H, W, 3) image."""
        ...

    def tokens(self, ids: list[int], pixels: Pixels, count: int) -> NDArray[np.int64]:
        """(count,) action tokens."""
        ...

    def chunk(self, ids: list[int], pixels: Pixels, proprio: FloatArray | None) -> FloatArray | NDArray[np.int64]:
        """(horizon, columns) normalized actions, or as many tokens."""
        ...


class OpenVlaPolicy:
    """Runs the checkpoint of ``bundle``. Constructing it loads the statistics and the tokenizer.

    load: gives the network; called once.

    Raises:
        BundleError: files are missing or broken, or state something else than the contract.
    """

    def __init__(self, bundle: Bundle, load: Callable[[Bundle, OpenVlaConfig, OpenVlaSettings], Network]) -> None:
        self._contract = contract = bundle.contract
        folder = bundle.path / CHECKPOINT
        self._settings = settings = read_settings(bundle.file(SETTINGS_FILE))
        self._config = load_config(folder)
        self._statistics = _statistics(bundle, settings)
        self._prompt = PromptTokenizer(folder, self._config.vocabulary)
        self._action = Normalizer.of_action(contract)
        bins, vocabulary = self._config.action_bins, self._config.vocabulary
        self._tokenizer = BinCentersTokenizer(bins, -1.0, 1.0, vocabulary=vocabulary)
        if (contract.action.gripper is None) != (settings.gripper is None):
            raise BundleError(f"{bundle.path}: {SETTINGS_FILE} and policy.yaml disagree on the gripper; import again")
        self._network = load(bundle, self._config, settings)

    @property
    def contract(self) -> Contract:
        """What the numbers mean."""
        return self._contract

    def infer(self, observation: Observation) -> ActionChunk:
        """The chunk for ``observation``; its ``timing_ms`` has preprocess, model and decode.

        Raises:
            ObservationError: it does not satisfy the contract, or the sentence is too long.
            ActionError: the model answered with words instead of actions, or with numbers that are not finite.
        """
        check_observation(observation, self._contract)
        times = [time.perf_counter()]
        ids = self._prompt.encode(observation.instruction)
        pixels = self._pixels(observation)
        times.append(time.perf_counter())
        answer = self._answer(ids, pixels, observation)
        times.append(time.perf_counter())
        actions = self._actions(answer)
        times.append(time.perf_counter())
        laps = np.diff(times) * 1e3
        return ActionChunk(
            actions, timing_ms=dict(zip(("preprocess", "model", "decode"), map(float, laps), strict=True))
        )

    def reset(self) -> None:
        """Nothing to forget: each answer depends on its observation alone."""

    def _pixels(self, observation: Observation) -> Pixels:
        crop = self._settings.center_crop
        names = self._contract.camera_names
        return np.concatenate([self._network.pixels(observation.images[name], center_crop=crop) for name in names])

    def _answer(self, ids: list[int], pixels: Pixels, observation: Observation) -> FloatArray | NDArray[np.int64]:
        if self._settings.oft is None:
            return self._network.tokens(ids, pixels, self._contract.action_size)
        return self._network.chunk(ids, pixels, self._proprio(observation))

    def _proprio(self, observation: Observation) -> FloatArray | None:
        bounds = self._statistics.proprio
        if not self._settings.proprio or bounds is None:
            return None
        order = [self._contract.state_names.index(name) for name in self._settings.proprio]
        return normalize_proprio(observation.state[order], bounds)

    def _actions(self, answer: FloatArray | NDArray[np.int64]) -> FloatArray:
        shape = (self._contract.action.horizon, self._contract.action_size)
        values = self._tokenizer.decode(answer) if answer.dtype.kind == "i" else answer
        actions = self._action.unnormalize(np.asarray(values, dtype=np.float64).reshape(shape)).copy()
        gripper, meant = self._contract.action.gripper, self._settings.gripper
        if gripper is not None and meant is not None:
            actions[:, -1] = gripper_position(actions[:, -1], gripper, meant)
        return read_only(actions)


def gripper_position(values: FloatArray, gripper: GripperSpec, meant: GripperValues) -> FloatArray:
    """(H,) numbers of the dataset -> (H,) positions of the gripper's joint; beyond open or closed is open or closed.

    Raises:
        ActionError: a number is not finite (which clipping would hide).
    """
    if not np.isfinite(values).all():
        raise ActionError(f"{gripper.name}: {values}; it must be finite")
    share = np.clip((values - meant.closed) / (meant.open - meant.closed), 0.0, 1.0)
    return read_only(gripper.closed + share * (gripper.open - gripper.closed))


def _statistics(bundle: Bundle, settings: OpenVlaSettings) -> DatasetStatistics:
    found = load_statistics(bundle.path / CHECKPOINT, settings.unnorm_key, settings.normalization)
    check_statistics(bundle.contract, found.action, settings.normalization)
    unknown = [name for name in settings.proprio if name not in bundle.contract.state_names]
    if unknown:
        raise BundleError(
            f"{bundle.path}: {SETTINGS_FILE}: proprio names {', '.join(unknown)}; the contract's state has "
            f"{', '.join(bundle.contract.state_names)}"
        )
    return found
