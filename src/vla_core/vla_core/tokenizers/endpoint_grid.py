"""RT-style tokens: the bins' values are a grid that holds both ends of the range."""

from __future__ import annotations

import numpy as np

from vla_core.tokenizers.base import ActionTokenizer, IdArray
from vla_core.types import FloatArray


class EndpointGridTokenizer(ActionTokenizer):
    """Id ``first_id + k`` is ``low + k * (high - low) / (bins - 1)``; both ends are exact.

    Brohan et al., "RT-1", 2022. RT-1 truncates to the grid point below, an error of up to a whole bin; this rounds
    to the nearest one. Decoding is the same.
    """

    def __init__(self, bins: int, low: float, high: float, *, first_id: int = 0) -> None:
        super().__init__(low=low, high=high, values=np.linspace(low, high, bins), first_id=first_id)

    @property
    def max_error(self) -> float:
        """Half the distance of two grid points."""
        return (self.high - self.low) / (self.bins - 1) / 2

    def _nearest(self, values: FloatArray) -> IdArray:
        steps = (values - self.low) / (self.high - self.low) * (self.bins - 1)
        return np.rint(steps).astype(np.int64) + self.first_id
