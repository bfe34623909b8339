"""What happened in the simulator, small enough to keep in memory: enough to draw every instant of it afterwards.

One npz file: ``time_ns`` (N,) int64 simulated time; ``qpos`` (N, nq) float64; ``episode`` (N,) int64 index into
``scenes``; ``scenes`` JSON, a list of the scenes as ``dataclasses.asdict`` of SceneSpec gives them.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vla_core.errors import VlaError
from vla_core.types import FloatArray
from vla_sim.furniture import DrawerSpec, ZoneSpec
from vla_sim.spec import CubeSpec, SceneSpec, VisualSpec

FORMAT = "vla-state-log/1"


class StateLogError(VlaError):
    """A file is not a state log."""


@dataclasses.dataclass(frozen=True, slots=True)
class StateLog:
    """time_ns: (N,) increasing; qpos: (N, nq); episode: (N,) index into scenes."""

    time_ns: NDArray[np.int64]
    qpos: FloatArray
    episode: NDArray[np.int64]
    scenes: tuple[SceneSpec, ...]


class StateRecorder:
    """Collects states. One thread records; ``save`` may run on another."""

    def __init__(self) -> None:
        self._scenes: list[SceneSpec] = []
        self._rows: list[tuple[int, int, FloatArray]] = []

    def begin_episode(self, scene: SceneSpec) -> None:
        """States from now on belong to ``scene``."""
        self._scenes.append(scene)

    def record(self, time_ns: int, qpos: FloatArray) -> None:
        """Keep a copy of ``qpos`` (nq,) at ``time_ns``."""
        if not self._scenes:
            raise ValueError("record() before begin_episode()")
        self._rows.append((time_ns, len(self._scenes) - 1, np.array(qpos)))

    def save(self, path: Path) -> None:
        """Write all that was recorded so far; readers see the old file or the new one, never half of one."""
        rows = self._rows[:]  # appended to elsewhere meanwhile
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".tmp")
        with unfinished.open("wb") as file:
            np.savez(
                file,
                format=FORMAT,
                time_ns=np.array([row[0] for row in rows], dtype=np.int64),
                episode=np.array([row[1] for row in rows], dtype=np.int64),
                qpos=np.array([row[2] for row in rows], dtype=np.float64),
                scenes=json.dumps([dataclasses.asdict(scene) for scene in self._scenes]),
            )
        os.replace(unfinished, path)


def load_state_log(path: Path) -> StateLog:
    """Read what StateRecorder.save wrote. Raises StateLogError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["format"]) != FORMAT:
                raise StateLogError(f"{path}: format {file['format']}, expected {FORMAT}")
            scenes = tuple(_scene(item) for item in json.loads(str(file["scenes"])))
            return StateLog(file["time_ns"], file["qpos"], file["episode"], scenes)
    except (OSError, EOFError, BadZipFile, ValueError, KeyError, TypeError) as error:
        raise StateLogError(
            f"{path}: not a state log ({error}); write one with sim_node's parameter state_log"
        ) from error


def _scene(item: dict[str, Any]) -> SceneSpec:
    def tuples(values: dict[str, Any]) -> dict[str, Any]:
        return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}

    changed: dict[str, Any] = {
        "cubes": tuple(CubeSpec(**tuples(cube)) for cube in item["cubes"]),
        "visual": VisualSpec(**tuples(item["visual"])),
    }
    for name, kind in (("drawer", DrawerSpec), ("zone", ZoneSpec)):
        if item.get(name) is not None:
            changed[name] = kind(**tuples(item[name]))
    return SceneSpec(**{**item, **changed})
