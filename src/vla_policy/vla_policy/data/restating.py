"""``vla policy data stats``: the statistics of a dataset from its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vla_policy.data import stats
from vla_policy.data.columns import read_table
from vla_policy.data.layout import STATS, TASKS, read_info, write_json
from vla_policy.data.reader import Dataset, read_instructions, read_places


def restate(root: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write ``meta/stats.json`` anew; images as they come out of the videos. DatasetError where data are not sound."""
    info = read_info(root)
    instructions = read_instructions(root, read_table(root / TASKS, ["task_index"]))
    dataset = Dataset(root, info, {}, instructions, read_places(root, info))
    columns: dict[str, list[np.ndarray]] = {key: [] for key in info.columns if info.features[key].dtype != "string"}
    histograms = {key: np.zeros((3, 256), np.int64) for key in info.cameras}
    for number in range(len(dataset)):
        values = dataset.columns(number)
        for key, arrays in columns.items():
            arrays.append(values[key])
        for key, counts in histograms.items():
            counts += stats.histogram(dataset.images(key, number))
        progress(number + 1, len(dataset))
    whole = {key: stats.of_frames(np.concatenate(arrays)) for key, arrays in columns.items()}
    whole |= {key: stats.of_histogram(counts, info.frames) for key, counts in histograms.items()}
    write_json(root / STATS, stats.to_json(whole))
