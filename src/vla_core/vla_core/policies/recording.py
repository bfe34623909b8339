"""Chunks in the order they were given: what is recorded, and the ``.npz`` file it lies in."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vla_core.contract.model import Contract
from vla_core.errors import ActionError
from vla_core.types import FloatArray, read_only

_KEYS = ("actions", "speed_scales", "dones", "t0s_ns", "states")


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """N chunks.

    actions: (N, horizon, dimensions) as in ``ActionChunk``. speed_scales: (N,). dones: (N,), NaN for None.
    t0s_ns: (N,) and states: (N, n) of the observations.
    """

    actions: FloatArray
    speed_scales: FloatArray
    dones: FloatArray
    t0s_ns: NDArray[np.int64]
    states: FloatArray

    def __len__(self) -> int:
        return len(self.actions)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz``."""
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **{key: getattr(self, key) for key in _KEYS})


def load_recording(path: str | os.PathLike[str], contract: Contract) -> Recording:
    """A recording of a policy with this contract. No pickle.

    Raises:
        ActionError: no recording, or one of another contract.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            values = {key: file[key] for key in _KEYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ActionError(f"{path}: is no recording ({error}); it needs the arrays {', '.join(_KEYS)}") from None
    count = len(values["actions"]) if values["actions"].ndim else 0
    expected = {
        "actions": (count, contract.action.horizon, contract.action_size),
        "speed_scales": (count,),
        "dones": (count,),
        "t0s_ns": (count,),
        "states": (count, len(contract.state)),
    }
    for key, shape in expected.items():
        if values[key].shape != shape or not np.issubdtype(values[key].dtype, np.number):
            raise ActionError(
                f"{path}: {key} is {values[key].shape} of {values[key].dtype}; {contract.policy_id} wants {shape}"
            )
    if count == 0:
        raise ActionError(f"{path}: holds no chunk")
    return Recording(
        actions=read_only(values["actions"]),
        speed_scales=read_only(values["speed_scales"]),
        dones=read_only(values["dones"]),
        t0s_ns=values["t0s_ns"].astype(np.int64),
        states=read_only(values["states"]),
    )
