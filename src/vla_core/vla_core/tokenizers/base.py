"""What every action tokenizer can do: numbers in [low, high] <-> token ids, and logits -> numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vla_core.errors import ActionError
from vla_core.types import FloatArray, read_only

IdArray = NDArray[np.int64]


class ActionTokenizer(ABC):
    """``bins`` consecutive ids from ``first_id`` on.

    values: (bins,) the number that each id decodes to, id ``first_id`` first.
    """

    def __init__(self, *, low: float, high: float, values: FloatArray, first_id: int) -> None:
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ValueError(f"low {low} and high {high} must be finite and in this order")
        self.low = low
        self.high = high
        self.values = read_only(values)
        self.first_id = first_id

    @property
    def bins(self) -> int:
        """Number of ids."""
        return len(self.values)

    @property
    @abstractmethod
    def max_error(self) -> float:
        """Largest difference between a number in [low, high] and what its id decodes to: half a bin."""

    @abstractmethod
    def _nearest(self, values: FloatArray) -> IdArray:
        """Ids of numbers that lie in [low, high]."""

    def encode(self, values: ArrayLike, *, clip: bool = False) -> IdArray:
        """Ids of ``values``, any shape.

        Args:
            values: numbers in [low, high].
            clip: bring numbers outside to the nearest end first, as training on q01/q99 ranges does.

        Raises:
            ActionError: a number is not finite, or outside [low, high] without ``clip``.
        """
        array: FloatArray = np.asarray(values, dtype=np.float64)
        if not np.isfinite(array).all():
            raise ActionError("cannot tokenize numbers that are not finite")
        inside = np.clip(array, self.low, self.high)
        if not clip and not np.array_equal(inside, array):
            wrong = array[inside != array].flat[0]
            raise ActionError(
                f"cannot tokenize {wrong:g}: outside [{self.low:g}, {self.high:g}]; pass clip=True to clip"
            )
        return self._nearest(inside)

    def decode(self, ids: ArrayLike) -> FloatArray:
        """Numbers of ``ids``, any shape.

        Raises:
            ActionError: an id is no action id. It is never clipped: a word among the actions means that the model
                did not answer with an action at all.
        """
        array = np.asarray(ids)
        if not np.issubdtype(array.dtype, np.integer):
            raise ActionError(f"token ids must be integers; got {array.dtype}")
        last = self.first_id + self.bins - 1
        outside = (array < self.first_id) | (array > last)
        if outside.any():
            raise ActionError(
                f"token id {array[outside].flat[0]} is not an action; action ids are {self.first_id} to {last}"
            )
        decoded: FloatArray = self.values[array - self.first_id]
        return decoded

    def decode_argmax(self, logits: ArrayLike) -> FloatArray:
        """(..., bins) logits of the action ids -> (...) the number of the likeliest id.

        Raises:
            ActionError: wrong number of bins, NaN, or nothing possible.
        """
        array = self._logits(logits)
        decoded: FloatArray = self.values[np.argmax(array, axis=-1)]
        return decoded

    def decode_expected(self, logits: ArrayLike) -> FloatArray:
        """(..., bins) logits of the action ids -> (...) the mean number under their softmax.

        Raises:
            ActionError: wrong number of bins, NaN, or nothing possible.
        """
        expected: FloatArray = self.probabilities(logits) @ self.values
        return np.clip(expected, self.low, self.high)  # a sum of weights may round to more than 1

    def probabilities(self, logits: ArrayLike) -> FloatArray:
        """(..., bins) logits -> (..., bins) softmax over the action ids alone.

        Raises:
            ActionError: wrong number of bins, NaN, or nothing possible.
        """
        array = self._logits(logits)
        weights = np.exp(array - array.max(axis=-1, keepdims=True))
        result: FloatArray = weights / weights.sum(axis=-1, keepdims=True)
        return result

    def _logits(self, logits: ArrayLike) -> FloatArray:
        array: FloatArray = np.asarray(logits, dtype=np.float64)
        if array.ndim == 0 or array.shape[-1] != self.bins:
            raise ActionError(f"expected logits of shape (..., {self.bins}); got {array.shape}")
        # -inf is a masked id and fine, as long as one id is left.
        if np.isnan(array).any() or not np.isfinite(array.max(axis=-1)).all():
            raise ActionError("logits are NaN or infinite; the model's output cannot be decoded")
        return array
