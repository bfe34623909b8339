"""Demonstration shards as memory-mapped arrays, their statistics, and the sentences that label them.

A shard is what ``vla_sim.demonstrations`` writes: one ``.npz`` per group of episodes with

========== ================= =========================================================================
``front``  (T, 96, 96, 3)    uint8 RGB
``wrist``  (T, 96, 96, 3)    uint8 RGB
``state``  (T, 8)            measured joint1..7 [rad], finger_joint1 [m]
``task_id`` (T, K)           index into TASKS of each instruction the frame is labelled for
``color_id`` (T, K)          index into COLORS
``chunk``  (T, K, 8, 8)      absolute joint positions [rad] and gripper [m] that the expert would take
``done``   (T, K)            the expert regards the instruction as fulfilled
``target`` (T, K, 3)         position of the cube meant, base_link [m]; an auxiliary label, never an input
========== ================= =========================================================================
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.format import open_memmap

from vla_policy.training.grammar import COLORS, TASKS, sample_instruction

if TYPE_CHECKING:  # it needs torch, nothing else here does
    from vla_policy.training.language import LanguageEncoder

KEYS = ("front", "wrist", "state", "task_id", "color_id", "chunk", "done", "target")


def consolidate(shards: Path) -> None:
    """Copy every shard of a folder into one ``.npy`` per key, so that training processes share the page cache."""
    names = sorted(shards.glob("*.npz"))
    if not names:
        raise FileNotFoundError(f"{shards} holds no .npz shards; record demonstrations first")
    marker = shards / "consolidated.json"
    if marker.exists() and json.loads(marker.read_text()) == [n.name for n in names]:
        return
    lengths = [len(np.load(name)["state"]) for name in names]
    first = np.load(names[0])
    out = {
        key: open_memmap(shards / f"{key}.npy", "w+", first[key].dtype, (sum(lengths), *first[key].shape[1:]))
        for key in KEYS
    }
    start = 0
    for name, length in zip(names, lengths, strict=True):
        with np.load(name) as shard:
            for key in KEYS:
                out[key][start : start + length] = shard[key]
        start += length
    for array in out.values():
        array.flush()
    marker.write_text(json.dumps([n.name for n in names]))


class Demonstrations:
    """The frames of several consolidated folders, addressed by one index."""

    def __init__(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            consolidate(folder)
        self.parts = [{key: np.load(folder / f"{key}.npy", mmap_mode="r") for key in KEYS} for folder in folders]
        self.starts = np.cumsum([0] + [len(part["state"]) for part in self.parts])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """The frames of ``indices``, in their order."""
        order = np.argsort(indices)
        ordered = indices[order]
        pieces: dict[str, list[np.ndarray]] = {key: [] for key in KEYS}
        for number, part in enumerate(self.parts):
            mine = ordered[(ordered >= self.starts[number]) & (ordered < self.starts[number + 1])]
            for key in KEYS:
                pieces[key].append(part[key][mine - self.starts[number]])
        inverse = np.argsort(order)
        return {key: np.concatenate(values)[inverse] for key, values in pieces.items()}


@dataclass(frozen=True)
class Statistics:
    """What normalization needs. Actions are chunk-relative for the arm, absolute for the gripper.

    state_*: (8,). action_q01, action_q99: (8, 8) per step and dimension. All lists, so that they go into YAML.
    """

    state_mean: list[float]
    state_std: list[float]
    state_min: list[float]
    state_max: list[float]
    action_q01: list[list[float]]
    action_q99: list[list[float]]

    @staticmethod
    def of(data: Demonstrations, gripper_open_m: float = 0.04) -> Statistics:
        """Statistics over every frame and label of ``data``."""
        state = np.concatenate([part["state"] for part in data.parts]).astype(np.float64)
        delta = np.concatenate(
            [relative(part["chunk"], part["state"][:, None]).reshape(-1, 8, 8) for part in data.parts]
        )
        q01, q99 = np.quantile(delta, 0.01, axis=0), np.quantile(delta, 0.99, axis=0)
        # A dimension that hardly moves at a step keeps a range of its own, so that bins stay finite.
        middle, half = (q01 + q99) / 2, np.maximum((q99 - q01) / 2, 2e-3)
        q01, q99 = middle - half, middle + half
        q01[:, 7], q99[:, 7] = 0.0, gripper_open_m
        return Statistics(
            state.mean(0).tolist(),
            np.maximum(state.std(0), 1e-3).tolist(),
            state.min(0).tolist(),
            state.max(0).tolist(),
            q01.tolist(),
            q99.tolist(),
        )

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @staticmethod
    def load(path: Path) -> Statistics:
        return Statistics(**json.loads(path.read_text()))


def relative(chunk: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Absolute chunk (..., H, 8) to chunk-relative joints and absolute gripper."""
    out = np.array(chunk, dtype=np.float64)
    out[..., :7] -= np.asarray(state, dtype=np.float64)[..., None, :7]
    return out


class Sentences:
    """A fixed pool of encoded training sentences for every task and colour."""

    def __init__(self, encoder: LanguageEncoder, per_meaning: int, seed: int) -> None:
        rng = random.Random(seed)
        self.pools: dict[tuple[int, int], list[np.ndarray]] = {}
        for t, task in enumerate(TASKS):
            for c, color in enumerate(COLORS):
                texts = {sample_instruction(rng, task, color).text for _ in range(per_meaning)}
                self.pools[t, c] = [encoder(text).astype(np.float16) for text in sorted(texts)]

    def batch(self, rng: np.random.Generator, task: np.ndarray, color: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A random sentence for each meaning: embeddings (B, T, 384) float32 and mask (B, T), T the longest here."""
        chosen = []
        for t, c in zip(task, color, strict=True):
            pool = self.pools[int(t), int(c)]
            chosen.append(pool[rng.integers(len(pool))])
        longest = max(map(len, chosen))
        text = np.zeros((len(chosen), longest, chosen[0].shape[1]), np.float32)
        mask = np.zeros((len(chosen), longest), bool)
        for row, embeddings in enumerate(chosen):
            text[row, : len(embeddings)] = embeddings
            mask[row, : len(embeddings)] = True
        return text, mask
