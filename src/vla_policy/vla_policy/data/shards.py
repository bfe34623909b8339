"""``vla policy data convert``: shards of ``vla_sim.demonstrations`` to a dataset, and a dataset to shards."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vla_policy.data import arm
from vla_policy.data.errors import DatasetError
from vla_policy.data.layout import Info
from vla_policy.data.reader import open_dataset
from vla_policy.data.recording import PARTS
from vla_policy.data.writer import is_complete, merge, write_part

SHARD_EPISODES: Final = 20


def from_shards(folder: Path, out: Path) -> Iterator[tuple[int, int]]:
    """Make the dataset ``out`` of every shard in ``folder``; yields (done, shards). Finished parts are kept."""
    names = sorted(folder.glob("*.npz"))
    if not names:
        raise DatasetError(f"{folder} holds no .npz shards; record some with `python -m vla_sim.demonstrations`")
    if is_complete(out):
        raise DatasetError(f"{out} is a finished dataset; name another folder")
    parts, labels, first = [], 0, 0
    for done, name in enumerate(names, start=1):
        arrays = _load(name)
        count = arrays["task_id"].shape[1]
        if labels not in (0, count):
            raise DatasetError(f"{name}: frames have {count} labels, in {names[0]} they have {labels}")
        labels = count
        path = out / PARTS / name.stem
        episodes = list(arm.episodes_of(arrays))
        if not path.exists():
            write_part(path, arm.FPS, arm.features(labels), episodes, first)
        first += len(episodes)
        parts.append(path)
        yield done, len(names)
    merge(parts, out, Info(arm.FPS, arm.features(labels), arm.ROBOT))
    shutil.rmtree(out / PARTS)


def to_shards(root: Path, out: Path) -> Iterator[tuple[int, int]]:
    """Write the arm's dataset ``root`` as shards, for the training of the shipped policy; yields (done, shards)."""
    dataset = open_dataset(root)
    missing = [key for key in arm.features() if key not in dataset.info.features]
    if missing:
        raise DatasetError(f"{root} has no {', '.join(missing)}: it is not one of this arm's recordings")
    starts = range(0, len(dataset), SHARD_EPISODES)
    out.mkdir(parents=True, exist_ok=True)
    for done, start in enumerate(starts, start=1):
        path = out / f"shard_{start:06d}.npz"
        if not path.exists():
            numbers = range(start, min(start + SHARD_EPISODES, len(dataset)))
            episodes = [arm.arrays_of(dataset.episode(number)) for number in numbers]
            arrays: dict[str, Any] = {key: np.concatenate([one[key] for one in episodes]) for key in episodes[0]}
            partial = path.with_suffix(".partial")
            with partial.open("wb") as file:
                np.savez(file, **arrays)
            partial.rename(path)
        yield done, len(starts)


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: not a shard, or truncated: {error}") from error
