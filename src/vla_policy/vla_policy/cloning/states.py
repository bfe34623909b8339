"""A training on disk, so that it can go on exactly: weights, optimizer, numbers. Safetensors and JSON, no pickle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, load_model, save_file
from torch import Tensor

from vla_policy.cloning.errors import TrainError
from vla_policy.models import Policy, save_policy
from vla_policy.models.checkpoint import WEIGHTS

OPTIMIZER, STATE = "optimizer.safetensors", "state.json"


def save_state(folder: Path, policy: Policy, optimizer: Any, state: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_policy(policy, partial)
    tensors = {
        f"{index}.{name}": torch.as_tensor(value).contiguous()
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    save_file(tensors, str(partial / OPTIMIZER))
    (partial / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def load_state(folder: Path, policy: Policy, optimizer: Any) -> dict[str, Any]:
    """Weights and optimizer as they were; the numbers that were saved with them.

    Raises:
        TrainError: the checkpoint is not of this model.
    """
    try:
        load_model(policy, str(folder / WEIGHTS), strict=True)
        tensors = load_file(str(folder / OPTIMIZER))
        state: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (RuntimeError, OSError, ValueError) as error:
        raise TrainError(
            f"{folder}: no checkpoint of this training ({error}); delete it, an older one is used"
        ) from error
    values: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition(".")
        values.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": values, "param_groups": optimizer.state_dict()["param_groups"]})
    return state


def checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints of a run, the oldest first."""
    return sorted(path for path in folder.glob("step_*") if (path / STATE).is_file())
