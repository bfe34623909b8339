"""``vla policy data check``: every number and every image of a dataset, and whether it fits a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_core.contract import Contract
from vla_policy.data import stats, video
from vla_policy.data.errors import DatasetError, where
from vla_policy.data.layout import ACTION, IMAGE_PREFIX, STATE
from vla_policy.data.reader import Dataset, open_dataset

_STATS_TOLERANCE = 1e-4  # relative to the range of the values


@dataclass(frozen=True, slots=True)
class Summary:
    """Of a sound dataset. duration_s: of all episodes; instructions: different sentences."""

    episodes: int
    frames: int
    duration_s: float
    instructions: int
    cameras: tuple[str, ...]


def check(root: Path, contract: Contract | None = None, progress: Callable[[int, int], None] | None = None) -> Summary:
    """Read everything. DatasetError names the first thing that is wrong, with episode and frame.

    contract: of a policy that the dataset shall fit: names, rate, image sizes. progress: (episodes done, in all).
    """
    dataset = open_dataset(root)
    if contract is not None:
        require_fit(dataset, contract)
    for path, key in {(place.videos[key][0], key) for place in dataset.places for key in dataset.info.cameras}:
        _require_video(dataset, key, path)
    low: dict[str, NDArray[np.float64]] = {}
    high: dict[str, NDArray[np.float64]] = {}
    for number in range(len(dataset)):
        for key, values in dataset.columns(number).items():
            own = stats.of_frames(values) if dataset.info.features[key].dtype != "string" else {}
            if own:
                low[key] = np.minimum(low.get(key, own["min"]), own["min"])
                high[key] = np.maximum(high.get(key, own["max"]), own["max"])
        for key in dataset.info.cameras:
            for _ in dataset.stream(key, number):
                pass
        if progress is not None:
            progress(number + 1, len(dataset))
    _require_stats(dataset, low, high)
    info = dataset.info
    return Summary(len(dataset), info.frames, info.frames / info.fps, len(dataset.instructions), info.cameras)


def require_fit(dataset: Dataset, contract: Contract) -> None:
    """DatasetError where names, rate or images are not those of the policy; it lists every difference."""
    features, wrong = dataset.info.features, []
    gripper = contract.action.gripper
    action = (*contract.action.names, *(() if gripper is None else (gripper.name,)))
    for key, wanted in ((STATE, contract.state_names), (ACTION, action)):
        names = features[key].names if key in features else None
        if names != wanted:
            wrong.append(f"{key} has {_listed(names)}, the policy {_listed(wanted)}")
    for camera in contract.cameras:
        feature = features.get(IMAGE_PREFIX + camera.name)
        if feature is None:
            wrong.append(f"there is no {IMAGE_PREFIX}{camera.name} among {_listed(dataset.info.cameras)}")
        elif feature.shape[:2] != (camera.height, camera.width):
            height, width, _ = feature.shape
            wrong.append(f"{camera.name} has {width}x{height} pixels, the policy {camera.width}x{camera.height}")
    if abs(1.0 / dataset.info.fps - contract.action.period_s) > 1e-6:
        wrong.append(f"the rate is {dataset.info.fps:g} frames/s, the policy's {1.0 / contract.action.period_s:g}")
    if wrong:
        raise DatasetError(f"{dataset.root} does not fit {contract.policy_id}: {'; '.join(wrong)}")


def _listed(names: tuple[str, ...] | None) -> str:
    return ", ".join(names) if names else "no names"


def _require_video(dataset: Dataset, key: str, path: str) -> None:
    rate, height, width = video.rate_and_size(dataset.root / path)
    feature = dataset.info.features[key]
    if abs(rate - dataset.info.fps) > 1e-3:
        raise DatasetError(
            f"{dataset.root / path}: has {rate:g} frames/s, the dataset {dataset.info.fps:g}; rates cannot be mixed"
        )
    if (height, width) != feature.shape[:2]:
        raise DatasetError(
            f"{dataset.root / path}: images are {width}x{height}, not {feature.shape[1]}x{feature.shape[0]}"
        )


def _require_stats(dataset: Dataset, low: dict[str, NDArray[np.float64]], high: dict[str, NDArray[np.float64]]) -> None:
    """Whether the noted extremes are those of the numbers, and every count is that of the frames."""
    for key, entry in dataset.stats.items():
        if key not in low:
            continue
        slack = _STATS_TOLERANCE * np.maximum(high[key] - low[key], 1e-3)
        if (np.abs(entry["min"] - low[key]) > slack).any() or (np.abs(entry["max"] - high[key]) > slack).any():
            raise DatasetError(
                f"{where(dataset.root)}: meta/stats.json is not of these data: {key} is in {low[key].tolist()} to "
                f"{high[key].tolist()}; `vla policy data stats {dataset.root}` computes them anew"
            )
