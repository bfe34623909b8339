"""Whether a run still learns."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MEMORY = 0.9  # of the smoothed loss, a step
_SKIPS = 50  # steps in a row without an update that half precision may need to find its scale


@dataclass(slots=True)
class DivergenceWatch:
    """Watches loss and norm of the gradient; ``reason`` after a step says why to stop, or None.

    above: multiple of the lowest smoothed loss. after: steps in a row beyond it. scaled: whether half precision scales
    the loss, so that single gradients that are not finite are skipped and no sign of divergence.
    """

    above: float
    after: int
    scaled: bool = False
    smoothed: float | None = None
    lowest: float = math.inf
    risen: int = 0
    skipped: int = 0

    def reason(self, loss: float, norm: float) -> str | None:
        """To be called before the optimizer's step, so that bad numbers never reach the weights."""
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if not math.isfinite(norm):
            self.skipped += 1
            if not self.scaled or self.skipped > _SKIPS:
                return f"the norm of the gradient is {norm}"
            return None
        self.skipped = 0
        self.smoothed = loss if self.smoothed is None else _MEMORY * self.smoothed + (1 - _MEMORY) * loss
        self.lowest = min(self.lowest, self.smoothed)
        self.risen = self.risen + 1 if self.smoothed > self.above * self.lowest else 0
        if self.risen >= self.after:
            return (
                f"the loss, {self.smoothed:.4g}, was above {self.above:g} times its lowest, {self.lowest:.4g}, "
                f"for {self.risen} steps"
            )
        return None

    def state(self) -> dict[str, float | int | None]:
        """What a run that goes on needs to know; JSON has no infinity, so an unset lowest is None."""
        lowest = self.lowest if math.isfinite(self.lowest) else None
        return {"smoothed": self.smoothed, "lowest": lowest, "risen": self.risen, "skipped": self.skipped}

    def restore(self, state: dict[str, float | int | None]) -> None:
        """The inverse of ``state``."""
        self.smoothed = state["smoothed"]
        self.lowest = math.inf if state["lowest"] is None else state["lowest"]
        self.risen, self.skipped = int(state["risen"] or 0), int(state["skipped"] or 0)
