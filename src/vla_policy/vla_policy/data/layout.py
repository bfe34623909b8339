"""LeRobotDataset v3 on the disk: where the files are and what ``meta/info.json`` says.

========================================================= ==============================================================
``meta/info.json``                                        version, rate, features, totals, the patterns of the paths
``meta/stats.json``                                       statistics of every feature over the whole dataset
``meta/tasks.parquet``                                    instructions (index) and ``task_index``
``meta/episodes/chunk-000/file-000.parquet``              one row an episode: length, instructions, which files it is in
                                                          and where, statistics of its own
``data/chunk-000/file-000.parquet``                       one row a frame, several episodes a file
``videos/KEY/chunk-000/file-000.mp4``                     images of one camera, several episodes a file
========================================================= ==============================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vla_policy.data.errors import DatasetError

VERSION: Final = "v3.0"
INFO: Final = Path("meta/info.json")
STATS: Final = Path("meta/stats.json")
TASKS: Final = Path("meta/tasks.parquet")
_FILE: Final = "chunk-{chunk_index:03d}/file-{file_index:03d}"
EPISODES_PATTERN: Final = f"meta/episodes/{_FILE}.parquet"
DATA_PATTERN: Final = f"data/{_FILE}.parquet"
VIDEO_PATTERN: Final = f"videos/{{video_key}}/{_FILE}.mp4"
CHUNKS_SIZE: Final = 1000  # files a folder

STATE: Final = "observation.state"
ACTION: Final = "action"
IMAGE_PREFIX: Final = "observation.images."
INSTRUCTION_COLUMN: Final = "task"  # of frames as they are read, and index of tasks.parquet

STATISTICS: Final = ("min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99")


@dataclass(frozen=True, slots=True)
class Feature:
    """One column, or one camera. dtype: of numpy, or "video"; shape: of one frame; names: of its dimensions."""

    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...] | None = None

    @property
    def is_video(self) -> bool:
        """Whether it is stored as a video."""
        return self.dtype == "video"

    @staticmethod
    def of(entry: Mapping[str, Any]) -> Feature:
        """From ``info.json``. ValueError, KeyError or TypeError where it is none."""
        names = entry["names"]
        if isinstance(names, Mapping):  # {"motors": [...]}, as older recordings have it
            names = [name for group in names.values() for name in group]
        return Feature(str(entry["dtype"]), tuple(int(n) for n in entry["shape"]), tuple(names) if names else None)


#: Columns that every dataset has.
INDEX_FEATURES: Final = {
    "timestamp": Feature("float32", (1,)),
    "frame_index": Feature("int64", (1,)),
    "episode_index": Feature("int64", (1,)),
    "index": Feature("int64", (1,)),
    "task_index": Feature("int64", (1,)),
}


@dataclass(frozen=True, slots=True)
class Info:
    """What ``meta/info.json`` says. fps: frames per second of everything; robot: its type."""

    fps: float
    features: dict[str, Feature]
    robot: str | None = None
    episodes: int = 0
    frames: int = 0
    tasks: int = 0
    data_path: str = DATA_PATTERN
    video_path: str | None = VIDEO_PATTERN

    @property
    def cameras(self) -> tuple[str, ...]:
        """Keys of the videos."""
        return tuple(key for key, feature in self.features.items() if feature.is_video)

    @property
    def columns(self) -> tuple[str, ...]:
        """Keys of everything that is in the data files."""
        return tuple(key for key, feature in self.features.items() if not feature.is_video)


def file_name(pattern: str, number: int, **keys: str) -> str:
    """The path of the file with this number, counted through all chunks."""
    return pattern.format(chunk_index=number // CHUNKS_SIZE, file_index=number % CHUNKS_SIZE, **keys)


def write_info(root: Path, info: Info, video: Mapping[str, Any] | None = None) -> None:
    """Write ``meta/info.json``. video: facts about the videos' coding, noted at each camera."""
    features: dict[str, Any] = {}
    for key, feature in info.features.items():
        features[key] = {
            "dtype": feature.dtype,
            "shape": list(feature.shape),
            "names": None if feature.names is None else list(feature.names),
        }
        if feature.is_video:
            features[key]["info"] = {
                "video.height": feature.shape[0],
                "video.width": feature.shape[1],
                "video.channels": feature.shape[2],
                "video.fps": number(info.fps),
                "video.is_depth_map": False,
                "has_audio": False,
                **(video or {}),
            }
    write_json(
        root / INFO,
        {
            "codebase_version": VERSION,
            "robot_type": info.robot,
            "total_episodes": info.episodes,
            "total_frames": info.frames,
            "total_tasks": info.tasks,
            "chunks_size": CHUNKS_SIZE,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": number(info.fps),
            "splits": {"train": f"0:{info.episodes}"},
            "data_path": info.data_path,
            "video_path": info.video_path if info.cameras else None,
            "features": features,
        },
    )


def read_info(root: Path) -> Info:
    """Read ``meta/info.json``. DatasetError where it is missing, not v3, or does not say what is needed."""
    entry = read_json(root / INFO)
    version = entry.get("codebase_version")
    if not isinstance(version, str) or not version.startswith("v3."):
        raise DatasetError(
            f"{root / INFO}: codebase_version is {version!r}, not v3.x; convert it with lerobot's own converter first"
        )
    try:
        features = {str(key): Feature.of(value) for key, value in entry["features"].items()}
        info = Info(
            float(entry["fps"]), features, entry.get("robot_type"), int(entry["total_episodes"]),
            int(entry["total_frames"]), int(entry["total_tasks"]), str(entry["data_path"]), entry.get("video_path"),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(f"{root / INFO}: {type(error).__name__}: {error}") from error
    missing = [key for key in INDEX_FEATURES if key not in features]
    if missing:
        raise DatasetError(f"{root / INFO}: features lack {', '.join(missing)}")
    for key, feature in features.items():
        if feature.names is not None and len(feature.shape) == 1 and len(feature.names) != feature.shape[0]:
            raise DatasetError(
                f"{root / INFO}: feature {key} has shape {feature.shape} and {len(feature.names)} names: "
                f"{', '.join(feature.names)}"
            )
        if feature.is_video and (len(feature.shape) != 3 or feature.shape[2] != 3):
            raise DatasetError(f"{root / INFO}: video {key} has shape {feature.shape}, not (height, width, 3)")
    if not info.fps > 0.0:
        raise DatasetError(f"{root / INFO}: fps is {info.fps}, not positive")
    if info.cameras and not info.video_path:
        raise DatasetError(f"{root / INFO}: there are videos ({', '.join(info.cameras)}) but video_path is missing")
    return info


def write_json(path: Path, values: Any) -> None:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(values, indent=4, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. DatasetError where there is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{path} is missing: this is no LeRobotDataset v3, or its writing was interrupted"
        ) from error
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise DatasetError(f"{path} holds no JSON object")
    return values


def dimension(feature: Feature, place: Sequence[int]) -> str:
    """What to call one number of a feature: its name where it has one, else its index."""
    if feature.names is not None and len(place) == 1:
        return feature.names[place[0]]
    return str(list(place)) if len(place) > 1 else str(place[0]) if place else ""


def number(value: float) -> float | int:
    """A whole number without its fraction, as others expect a rate."""
    return int(value) if float(value).is_integer() else value
