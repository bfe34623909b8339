"""Small demonstration shards in the layout of recorded ones, and an encoder whose output tells the meaning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vla_policy.training.grammar import COLORS, TASKS, meaning

LABELS = 3
MakeShards = Callable[..., Path]


def frames(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Random frames whose labelled chunks move every joint by up to 0.07 rad and close the gripper."""
    state = rng.uniform(-1, 1, (count, 8)).astype(np.float32)
    chunk = np.repeat(state[:, None, None], LABELS, axis=1).repeat(8, axis=2)
    chunk[..., :7] += rng.uniform(0, 0.01, (count, LABELS, 1, 7)) * np.arange(8)[:, None]
    chunk[..., 7] = 0.0
    return {
        "front": rng.integers(0, 256, (count, 96, 96, 3), dtype=np.uint8),
        "wrist": rng.integers(0, 256, (count, 96, 96, 3), dtype=np.uint8),
        "state": state,
        "task_id": rng.integers(0, len(TASKS), (count, LABELS), dtype=np.uint8),
        "color_id": rng.integers(0, len(COLORS), (count, LABELS), dtype=np.uint8),
        "chunk": chunk.astype(np.float32),
        "done": rng.random((count, LABELS)) < 0.5,
        "target": rng.uniform(0, 0.5, (count, LABELS, 3)).astype(np.float32),
    }


@pytest.fixture
def make_shards(tmp_path: Path) -> MakeShards:
    """Writes one shard for each of ``lengths`` frames into a folder; called again it adds shards."""

    def make(folder: str = "demonstrations", lengths: tuple[int, ...] = (5, 3), first: int = 0) -> Path:
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        for number, length in enumerate(lengths, start=first):
            np.savez(path / f"shard_{number:06d}.npz", **frames(np.random.default_rng(number), length))
        return path

    return make


@pytest.fixture
def encoder() -> Callable[[str], np.ndarray]:
    """A sentence of n words becomes (n, 384), filled with 1 + the number of its meaning."""

    def encode(text: str) -> np.ndarray:
        known = meaning(text)
        assert known is not None, text
        value = 1 + TASKS.index(known[0]) * len(COLORS) + COLORS.index(known[1])
        return np.full((len(text.split()), 384), value, np.float32)

    return encode
