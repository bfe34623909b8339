"""A made-up task: two sentences, an image whose brightness and a state that together say where to go."""

from __future__ import annotations

import numpy as np

from vla_policy.data.episode import Episode

NAMES = ("a", "b", "grip")
CHANGES = {
    "cameras": {"front": 32},
    "robots": [{"name": "made_up", "state": 3, "action": 3, "space": "joint_position", "kind": "chunk_relative"}],
    "horizon": 4,
}


def make_episode(seed: int, length: int = 8) -> Episode:
    rng = np.random.default_rng(seed)
    left = seed % 2 == 0
    goal = rng.uniform(0.3, 0.9)
    at = np.zeros((length, 3), np.float32)
    at[:, 0] = np.linspace(0, goal, length) * (1 if left else -1)
    at[:, 1] = np.linspace(0, 0.3, length)
    at[:, 2] = left
    action = np.concatenate([at[1:], at[-1:]])
    images = np.full((length, 32, 32, 3), int(255 * goal), np.uint8)
    columns = {"observation.state": at, "action": action}
    return Episode(columns, {"observation.images.front": images}, [f"go {'left' if left else 'right'}"] * length)
