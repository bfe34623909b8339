"""OpenVLA's tokens: the centres of the bins between uniform edges, at the end of the vocabulary, in reverse."""

from __future__ import annotations

import numpy as np

from vla_core.tokenizers.base import ActionTokenizer, IdArray
from vla_core.types import FloatArray


class BinCentersTokenizer(ActionTokenizer):
    """``bins`` uniform EDGES over [low, high] make ``bins - 1`` centres; ids are the last ``bins`` of the vocabulary.

    Kim et al., "OpenVLA", 2024: ``id = vocabulary - np.digitize(x, edges)``, so the id falls as the number rises.
    ``digitize`` gives ``bins`` different results, one more than there are centres: only ``x == high`` gives the
    last one (id ``vocabulary - bins``), and OpenVLA decodes it to the last centre. So two ids share that centre here
    too. OpenVLA gets there by clipping, which also turns every word of the vocabulary into the extreme action; here
    an id outside the last ``bins`` is an error.
    """

    def __init__(self, bins: int, low: float, high: float, *, vocabulary: int | None = None) -> None:
        """``vocabulary``: number of ids of the language model; None: the action ids are all there are (0 to bins-1)."""
        size = bins if vocabulary is None else vocabulary
        if size < bins:
            raise ValueError(f"a vocabulary of {size} has no room for {bins} action ids")
        self._edges = np.linspace(low, high, bins)
        centers = (self._edges[:-1] + self._edges[1:]) / 2
        rising = np.append(centers, centers[-1])  # by digitize's result 1..bins
        super().__init__(low=low, high=high, values=rising[::-1], first_id=size - bins)
        self._vocabulary = size

    @property
    def max_error(self) -> float:
        """Half the distance of two edges."""
        return (self.high - self.low) / (self.bins - 1) / 2

    def _nearest(self, values: FloatArray) -> IdArray:
        return np.asarray(self._vocabulary - np.digitize(values, self._edges), dtype=np.int64)
