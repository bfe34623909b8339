"""What the demo was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SERIES_EPISODES = 8
"""Two of each task."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """instruction: a sentence of the user's, or empty for the built-in series. out: absolute folder."""

    instruction: str
    seed: int
    episodes: int | None
    heldout: bool
    bundle: Path | None
    video: bool
    out: Path

    @property
    def count(self) -> int:
        """How many attempts."""
        return self.episodes or (1 if self.instruction else SERIES_EPISODES)

    @property
    def wording(self) -> str:
        """Where the sentences come from."""
        if self.instruction:
            return "yours"
        return "heldout" if self.heldout else "train"
