"""One episode in memory, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_policy.data.errors import DatasetError, where
from vla_policy.data.layout import Feature, dimension


@dataclass(frozen=True, slots=True)
class Episode:
    """columns: key -> (T, *shape), all but the index columns and the cameras. images: key -> (T, H, W, 3) uint8 RGB.

    instructions: T sentences: what was asked for when the frame was taken.
    """

    columns: dict[str, NDArray[Any]]
    images: dict[str, NDArray[np.uint8]]
    instructions: list[str]

    def __len__(self) -> int:
        return len(self.instructions)


def require_sound(episode: Episode, features: Mapping[str, Feature], source: Path, number: int) -> None:
    """DatasetError, with the episode's ``number`` and the frame, where it does not fit ``features`` or is not finite.

    features: of everything but the index columns.
    """
    if len(episode) == 0:
        raise DatasetError(f"{where(source, number)} has no frames")
    found = {**episode.columns, **episode.images}
    if found.keys() != features.keys():
        differences = [f"{key} is missing" for key in features if key not in found]
        differences += [f"{key} is unknown" for key in found if key not in features]
        raise DatasetError(f"{where(source, number)}: {', '.join(differences)}; features: {', '.join(features)}")
    for key, feature in features.items():
        values = found[key]
        if len(values) != len(episode):
            raise DatasetError(f"{where(source, number)}: {key} has {len(values)} frames, not {len(episode)}")
        shape = values.shape[1:] or (1,)
        if shape != feature.shape:
            raise DatasetError(f"{where(source, number)}: {key} has the shape {shape}, not {feature.shape}")
        if feature.is_video and values.dtype != np.uint8:
            raise DatasetError(f"{where(source, number)}: images of {key} are {values.dtype}, not uint8")
        require_finite(values, key, feature, source, number)
    for frame, sentence in enumerate(episode.instructions):
        if not sentence.strip():
            raise DatasetError(f"{where(source, number, frame)}: the instruction is empty")


def require_finite(values: NDArray[Any], key: str, feature: Feature, source: Path, number: int) -> None:
    """DatasetError, with episode, frame and dimension, where a number is NaN or infinite."""
    if not np.issubdtype(values.dtype, np.floating) or np.isfinite(values).all():
        return
    place = np.argwhere(~np.isfinite(values))[0]
    inside = dimension(feature, [int(v) for v in place[1:]])
    value = values[tuple(place)]
    raise DatasetError(f"{where(source, number, int(place[0]))}: {key}{f' ({inside})' if inside else ''} is {value}")
