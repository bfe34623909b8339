"""Noise of a camera's sensor. Without it two pictures of one scene are the same to the bit, as no real camera's are."""

from __future__ import annotations

import numpy as np

from vla_core.types import ImageArray


class SensorNoise:
    """Changes every value of a picture by up to ``levels`` of 255, uniformly; the same series for the same seed."""

    def __init__(self, levels: int, seed: int = 0) -> None:
        self._levels = levels
        self._rng = np.random.default_rng(seed)

    def __call__(self, image: ImageArray) -> ImageArray:
        """``image`` uint8 with noise; itself when there is none."""
        if not self._levels:
            return image
        change = self._rng.integers(-self._levels, self._levels, image.shape, np.int16, endpoint=True)
        return np.clip(image + change, 0, 255).astype(np.uint8)
