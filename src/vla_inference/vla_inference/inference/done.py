"""When the policy's own done score counts as the instruction fulfilled."""

from __future__ import annotations

import math


class DoneJudge:
    """Done when the score has been at least ``threshold`` for ``hold_chunks`` chunks in a row.

    ``threshold`` None: the policy has no done signal, and only a timeout or a person ends its instructions.
    """

    def __init__(self, threshold: float | None, hold_chunks: int = 1) -> None:
        if hold_chunks < 1:
            raise ValueError(f"hold_chunks is {hold_chunks}, must be at least 1")
        self._threshold = threshold
        self._hold_chunks = hold_chunks
        self._run = 0

    def reset(self) -> None:
        """A new instruction starts."""
        self._run = 0

    def judge(self, score: float | None) -> bool:
        """Count one chunk's score; a score that is missing or NaN breaks the row."""
        if self._threshold is None:
            return False
        reached = score is not None and not math.isnan(score) and score >= self._threshold
        self._run = self._run + 1 if reached else 0
        return self._run >= self._hold_chunks
