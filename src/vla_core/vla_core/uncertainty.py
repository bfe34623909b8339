"""How much a policy's doubt slows the arm: from the entropy of its action tokens to ``ActionChunk.speed_scale``.

A distribution over the bins of a token that is spread wide has a high entropy. At the start of a motion that is usual;
that it stays high is not. So the mean of the last ``window_s`` is judged, and not one chunk alone.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import ArrayLike

from vla_core.contract.model import UncertaintySpec
from vla_core.errors import ActionError

SLOWEST = 0.2  # speed scale at ``hold_above``; slower than this is hardly a motion any more
HOLD = 0.01  # asked for beyond it; every gate takes so low a scale for a hold


def token_entropy(probabilities: ArrayLike) -> float:
    """Mean entropy [nat] of distributions (..., bins): 0 when each is sure of one bin, log(bins) when none knows.

    Raises:
        ActionError: a probability is not finite or negative.
    """
    array = np.asarray(probabilities, dtype=np.float64)
    if not np.isfinite(array).all() or (array < 0.0).any():
        raise ActionError("the probabilities of the action tokens are not finite or negative")
    logarithms = np.log(np.where(array > 0.0, array, 1.0))  # p log p goes to 0 with p
    return max(0.0, float(-(array * logarithms).sum(axis=-1).mean()))


def speed_scale(spec: UncertaintySpec, doubt: float) -> float:
    """(0, 1]: 1 up to ``full_speed_below``, falling in a straight line to SLOWEST at ``hold_above``, beyond it HOLD.

    Raises:
        ActionError: ``doubt`` is not finite.
    """
    if not np.isfinite(doubt):
        raise ActionError(f"the policy's doubt is {doubt}")
    if doubt <= spec.full_speed_below:
        return 1.0
    if doubt > spec.hold_above:
        return HOLD
    share = (doubt - spec.full_speed_below) / (spec.hold_above - spec.full_speed_below)
    return 1.0 - share * (1.0 - SLOWEST)


class DoubtMeter:
    """The doubt of the chunks of one instruction, averaged over ``window_s`` [s] of observation time."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = round(window_s * 1e9)
        self._seen: deque[tuple[int, float]] = deque()

    def reset(self) -> None:
        """A new instruction: what was seen before says nothing about it."""
        self._seen.clear()

    def add(self, t0_ns: int, doubt: float) -> float | None:
        """The mean with the chunk of ``t0_ns``; None as long as the window is not yet full.

        Time that goes back begins anew.
        """
        seen = self._seen
        if seen and t0_ns < seen[-1][0]:
            seen.clear()
        seen.append((t0_ns, doubt))
        begin_ns = t0_ns - self._window_ns
        while len(seen) > 1 and seen[1][0] <= begin_ns:
            seen.popleft()
        if seen[0][0] > begin_ns:
            return None
        return sum(value for _, value in seen) / len(seen)
