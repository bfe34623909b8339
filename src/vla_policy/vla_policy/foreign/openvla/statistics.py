"""``dataset_statistics.json``: what normalized actions and states stand for, dataset by dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vla_core.contract.fields import refuse_unknown
from vla_core.errors import BundleError, ContractError, ObservationError
from vla_core.types import FloatArray, read_only
from vla_policy.foreign.files import read_json

BOUNDS = {"q99": ("q01", "q99"), "min_max": ("min", "max")}
"""Which statistics become -1 and 1, by the name of the normalization."""
_EPSILON = 1e-8  # the reference's, in OFT only; it decides what a state without spread becomes


@dataclass(frozen=True, slots=True)
class Bounds:
    """low, high: (D,) what -1 and 1 stand for. mask: (D,) False: that dimension is not normalized."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    mask: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class DatasetStatistics:
    """Of one dataset. ``proprio`` is None where the file has none."""

    key: str
    action: Bounds
    proprio: Bounds | None


def load_statistics(folder: Path, key: str | None, normalization: str = "q99") -> DatasetStatistics:
    """The statistics called ``key`` (None: the only ones) in ``folder``, or in its ``config.json`` (``norm_stats``).

    Raises:
        ContractError: there are several and none was named, or no such; lists the choices.
        BundleError: no statistics at all, or they are broken.
    """
    path = folder / "dataset_statistics.json"
    datasets = read_json(path) if path.is_file() else read_json(folder / "config.json").get("norm_stats")
    if not isinstance(datasets, dict) or not datasets:
        raise BundleError(f"{folder}: has neither dataset_statistics.json nor norm_stats in config.json")
    key = choose(datasets, key)
    entry = datasets[key]
    if not isinstance(entry, dict) or "action" not in entry:
        raise BundleError(f"{folder}: the statistics of '{key}' have no 'action'")
    proprio = entry.get("proprio")
    return DatasetStatistics(
        key,
        _bounds(entry["action"], normalization, f"{folder}: {key}.action"),
        None if proprio is None else _bounds(proprio, normalization, f"{folder}: {key}.proprio"),
    )


def choose(datasets: Mapping[str, object], key: str | None) -> str:
    """``key``, or the only one there is.

    Raises:
        ContractError: ambiguous or unknown; lists the choices.
    """
    if key is None:
        if len(datasets) != 1:
            raise ContractError(
                f"unnorm_key: the checkpoint has statistics of {len(datasets)} datasets; choose one with --unnorm-key: "
                f"{', '.join(datasets)}"
            )
        return next(iter(datasets))
    if key not in datasets:
        raise refuse_unknown(key, tuple(datasets), "unnorm_key", "dataset")
    return key


def normalize_proprio(state: FloatArray, bounds: Bounds) -> FloatArray:
    """(D,) state as OFT's projector wants it: [low, high] -> [-1, 1], clipped, as the reference does it.

    Raises:
        ObservationError: wrong length, or not finite (which clipping would hide).
    """
    if state.shape != (len(bounds.low),) or not np.isfinite(state).all():
        raise ObservationError(f"proprioception must be {len(bounds.low)} finite numbers; got {state}")
    low, high = np.array(bounds.low), np.array(bounds.high)
    scaled = np.where(np.array(bounds.mask), 2 * (state - low) / (high - low + _EPSILON) - 1, state)
    return read_only(np.clip(scaled, -1.0, 1.0))


def _bounds(entry: Mapping[str, Any], normalization: str, where: str) -> Bounds:
    names = BOUNDS[normalization]
    if not isinstance(entry, Mapping) or any(name not in entry for name in names):
        raise BundleError(f"{where}: needs {' and '.join(names)}; has {', '.join(map(str, entry))}")
    low, high = (_numbers(entry[name], f"{where}.{name}") for name in names)
    mask = tuple(entry.get("mask", [True] * len(low)))
    if not len(low) == len(high) == len(mask) or not all(isinstance(one, bool) for one in mask):
        raise BundleError(f"{where}: {', '.join(names)} and mask must have one entry per dimension")
    if any(most < least for least, most in zip(low, high, strict=True)):
        raise BundleError(f"{where}: {names[1]} is below {names[0]}: {high} and {low}")
    return Bounds(low, high, mask)


def _numbers(value: object, where: str) -> tuple[float, ...]:
    try:
        numbers = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BundleError(f"{where}: expected numbers; got {value!r}") from error
    if numbers.ndim != 1 or not len(numbers) or not np.isfinite(numbers).all():
        raise BundleError(f"{where}: expected a list of finite numbers; got {value!r}")
    return tuple(map(float, numbers))
