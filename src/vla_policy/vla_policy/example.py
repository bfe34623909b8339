"""An observation out of nothing, to see whether a policy answers and how fast."""

from __future__ import annotations

import numpy as np

from vla_core.contract import Contract
from vla_core.types import Observation, read_only


def example_observation(contract: Contract, instruction: str, seed: int = 0) -> Observation:
    """Noise images, and a state in the middle of the training range (or zeros where the contract states none)."""
    rng = np.random.default_rng(seed)
    images = {
        camera.name: rng.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)
        for camera in contract.cameras
    }
    training = contract.state_range
    middle = (
        np.zeros(len(contract.state)) if training is None else (np.array(training.min) + np.array(training.max)) / 2
    )
    return Observation(images, dict.fromkeys(images, 0), read_only(middle), 0, instruction)
