"""Normalized <-> physical numbers, by the statistics that the contract states.

``mean_std``: (x - mean) / std. ``min_max`` and ``quantile``: [low, high] -> [-1, 1], values beyond stay beyond.
A dimension without spread (std 0, or low equal to high) normalizes to 0 and unnormalizes to its constant; no
epsilon is added anywhere, so that training and execution cannot disagree on it. Masked dimensions (mask false)
pass unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vla_core.contract.model import Contract, NormalizationSpec, Statistic
from vla_core.errors import ActionError, ObservationError, VlaError
from vla_core.types import FloatArray, read_only


class Normalizer:
    """normalized = (x - offset) / scale, per dimension (D,), or per step and dimension (H, D)."""

    def __init__(self, spec: NormalizationSpec, names: Sequence[str]) -> None:
        """``names``: (D,) of the dimensions, for messages."""
        self._names = tuple(names)
        offset, scale = _affine(spec, len(self._names))
        mask = np.ones(len(self._names), dtype=np.bool_) if spec.mask is None else np.array(spec.mask, dtype=np.bool_)
        self.offset = read_only(np.where(mask, offset, 0.0))
        self.scale = read_only(np.where(mask, scale, 1.0))
        inverse = np.divide(1.0, self.scale, out=np.zeros_like(self.scale), where=self.scale != 0.0)
        self._inverse = read_only(inverse)

    @classmethod
    def of_state(cls, contract: Contract) -> Self:
        """For ``Observation.state``."""
        return cls(contract.normalization.state, contract.state_names)

    @classmethod
    def of_action(cls, contract: Contract) -> Self:
        """For the rows of a chunk, gripper included."""
        return cls(contract.normalization.action, contract.action_names)

    def normalize(self, values: ArrayLike) -> FloatArray:
        """(..., D) or (..., H, D) physical -> normalized.

        Raises:
            ObservationError: wrong shape, or a number is not finite before or after.
        """
        array = self._checked(values, "value", ObservationError)
        with np.errstate(over="ignore", invalid="ignore"):
            result = (array - self.offset) * self._inverse
        return self._finite(result, "normalized value", ObservationError)

    def unnormalize(self, values: ArrayLike) -> FloatArray:
        """(..., D) or (..., H, D) normalized -> physical.

        Raises:
            ActionError: wrong shape, or a number is not finite before or after.
        """
        array = self._checked(values, "normalized value", ActionError)
        with np.errstate(over="ignore", invalid="ignore"):
            result = array * self.scale + self.offset
        return self._finite(result, "value", ActionError)

    def _checked(self, values: ArrayLike, what: str, error: type[VlaError]) -> FloatArray:
        array: FloatArray = np.asarray(values, dtype=np.float64)
        expected = self.offset.shape
        if array.shape[-len(expected) :] != expected:
            wanted = ", ".join(str(size) for size in expected)
            raise error(f"expected numbers of shape (..., {wanted}) for {', '.join(self._names)}; got {array.shape}")
        return self._finite(array, what, error)

    def _finite(self, array: FloatArray, what: str, error: type[VlaError]) -> FloatArray:
        finite: NDArray[np.bool_] = np.isfinite(array)
        if not finite.all():
            index = tuple(int(one) for one in np.argwhere(~finite)[0])
            raise error(f"{self._names[index[-1]]}: {what} is {array[index]} at index {index}; it must be finite")
        return array


def _affine(spec: NormalizationSpec, size: int) -> tuple[FloatArray, FloatArray]:
    """(offset, scale), each (D,) or (H, D)."""
    if spec.method == "none":
        return np.zeros(size), np.ones(size)
    if spec.method == "mean_std":
        return _array(spec.mean), _array(spec.std)
    low, high = (spec.min, spec.max) if spec.method == "min_max" else (spec.q01, spec.q99)
    lower, upper = _array(low), _array(high)
    return lower / 2 + upper / 2, upper / 2 - lower / 2  # halved first: extremes must not overflow


def _array(statistic: Statistic | None) -> FloatArray:
    if statistic is None:
        raise ValueError("a loaded contract states every statistic of its method")
    return np.array(statistic, dtype=np.float64)
