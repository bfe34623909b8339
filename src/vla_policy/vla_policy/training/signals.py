"""Numbers in a policy's output that its doubt could be read from; the larger, the less sure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vla_core.uncertainty import token_entropy

FloatArray = NDArray[np.float64]

SIGNALS = {
    "entropy": "token entropy, all steps and columns [nat]",
    "entropy_first": "token entropy, first half of the chunk [nat]",
    "entropy_last": "token entropy, last step [nat]",
    "entropy_gripper": "token entropy, gripper [nat]",
    "flatness": "1 - largest probability of a token",
    "spread": "standard deviation of a joint's token, of its range",
    "done": "entropy of the done probability [nat]",
    "disagreement": "increments that differ from those of the chunk before [rad]",
}


def measure(
    probabilities: FloatArray, values: FloatArray, done: float, actions: FloatArray, before: FloatArray | None
) -> dict[str, float]:
    """Every signal of one chunk.

    probabilities: (H, D, bins), the gripper last. values: (bins,) what the bins decode to.
    actions: (H, D) unnormalized. before: those of the chunk one period earlier, None for the first.
    """
    joints = probabilities[:, :-1]
    mean = joints @ values
    variance = np.maximum(joints @ values**2 - mean**2, 0.0)
    return {
        "entropy": token_entropy(probabilities),
        "entropy_first": token_entropy(joints[: len(joints) // 2]),
        "entropy_last": token_entropy(joints[-1]),
        "entropy_gripper": token_entropy(probabilities[:, -1]),
        "flatness": 1.0 - float(probabilities.max(axis=-1).mean()),
        "spread": float(np.sqrt(variance).mean()) / float(np.ptp(values)),
        "done": token_entropy([done, 1.0 - done]),
        "disagreement": 0.0 if before is None else _disagreement(actions, before),
    }


def _disagreement(actions: FloatArray, before: FloatArray) -> float:
    """Mean difference of the joints' increments where both chunks speak of the same period."""
    now, then = (np.diff(chunk[:, :-1], axis=0) for chunk in (actions, before))
    return float(np.abs(now[:-1] - then[1:]).mean())
