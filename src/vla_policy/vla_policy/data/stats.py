"""Statistics of features: exact, with quantiles, over an episode or a whole dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

QUANTILES: Final = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}

Statistics = dict[str, NDArray[np.float64]]
"""Name of the statistic -> values in the shape of the feature; ``count`` (1,) is the number of frames."""


def of_frames(values: NDArray[Any]) -> Statistics:
    """Statistics over the first axis of (T, *shape). Scalars per frame, (T,), get the shape (1,)."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    result = {
        "min": array.min(0),
        "max": array.max(0),
        "mean": array.mean(0),
        "std": array.std(0),
        "count": np.array([len(array)], dtype=np.float64),
    }
    quantiles = np.quantile(array, list(QUANTILES.values()), axis=0)
    return result | dict(zip(QUANTILES, quantiles, strict=True))


def histogram(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each value occurs in each channel of (T, H, W, 3): (3, 256). Sums over episodes add up."""
    return np.stack([np.bincount(images[..., channel].ravel(), minlength=256) for channel in range(images.shape[-1])])


def of_histogram(counts: NDArray[np.int64], frames: int) -> Statistics:
    """Statistics of images from their histogram: (channels, 1, 1), values in [0, 1]."""
    values = np.arange(256) / 255.0
    total = counts.sum(1, keepdims=True)
    mean = (counts * values).sum(1) / total[:, 0]
    variance = (counts * (values - mean[:, None]) ** 2).sum(1) / total[:, 0]
    result = {
        "min": values[(counts > 0).argmax(1)],
        "max": values[255 - (counts[:, ::-1] > 0).argmax(1)],
        "mean": mean,
        "std": np.sqrt(variance),
    }
    share = counts.cumsum(1) / total
    for name, quantile in QUANTILES.items():
        result[name] = values[(share >= quantile - 1e-12).argmax(1)]
    shaped = {name: value[:, None, None] for name, value in result.items()}
    return shaped | {"count": np.array([frames], dtype=np.float64)}


def to_json(statistics: Mapping[str, Statistics]) -> dict[str, Any]:
    """As ``meta/stats.json`` has it."""
    return {
        key: {name: _whole(values) if name == "count" else values.tolist() for name, values in entry.items()}
        for key, entry in statistics.items()
    }


def from_json(entry: Mapping[str, Any]) -> dict[str, Statistics]:
    """The inverse of ``to_json``. ValueError or AttributeError where it is not such a thing."""
    return {
        str(key): {str(name): np.asarray(values, dtype=np.float64) for name, values in value.items()}
        for key, value in entry.items()
    }


def _whole(values: NDArray[np.float64]) -> list[int]:
    return [int(value) for value in values]
