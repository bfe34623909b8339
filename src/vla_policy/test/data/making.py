"""A small dataset of made-up numbers and images: two parts, five episodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vla_policy.data.episode import Episode
from vla_policy.data.layout import Feature, Info
from vla_policy.data.writer import merge, write_part

FPS = 10.0
CAMERA = "observation.images.front"
FEATURES = {
    CAMERA: Feature("video", (32, 48, 3), ("height", "width", "channels")),
    "observation.state": Feature("float32", (3,), ("a", "b", "c")),
    "action": Feature("float32", (3,), ("a", "b", "c")),
    "labels.chunk": Feature("float32", (2, 4, 3)),
    "labels.done": Feature("bool", (2,)),
    "seed": Feature("int64", (1,)),
}
LENGTHS = ((7, 12, 5), (9, 4))


def make_episode(seed: int, length: int) -> Episode:
    rng = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(0, 1, 48), np.linspace(0, 1, 32))
    shift = rng.uniform(0, 1, (length, 1, 1, 3)) + np.stack([across, down, across * down], axis=-1)
    return Episode(
        {
            "observation.state": rng.normal(size=(length, 3)).astype(np.float32),
            "action": rng.normal(size=(length, 3)).astype(np.float32),
            "labels.chunk": rng.normal(size=(length, 2, 4, 3)).astype(np.float32),
            "labels.done": rng.random((length, 2)) < 0.3,
            "seed": np.full(length, seed),
        },
        {CAMERA: (127.5 + 127.5 * np.cos(3 * shift)).astype(np.uint8)},
        ["pick up the red cube"] * (length - 2) + [f"now number {seed % 3}"] * 2,
    )


EPISODES = [make_episode(seed, length) for seed, length in enumerate(sum(LENGTHS, ()))]


def write(root: Path, lengths: tuple[tuple[int, ...], ...] = LENGTHS) -> Path:
    """The dataset of ``EPISODES`` in ``root``, in as many parts as ``lengths`` has."""
    parts, first = [], 0
    for number, sizes in enumerate(lengths):
        parts.append(root / ".parts" / f"part_{number}")
        write_part(parts[-1], FPS, FEATURES, EPISODES[first : first + len(sizes)], first)
        first += len(sizes)
    merge(parts, root, Info(FPS, FEATURES, "test"))
    return root
