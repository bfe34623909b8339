"""A model on disk: ``model.safetensors`` and the preset it was built from. No pickle."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model

from vla_policy.models.build import build_policy
from vla_policy.models.policy import Policy
from vla_policy.presets import PresetError, load_preset

WEIGHTS, PRESET = "model.safetensors", "preset.yaml"


def save_policy(policy: Policy, folder: Path) -> None:
    """Write weights, statistics and preset into ``folder``, made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    preset = policy.preset
    section = {
        "name": preset.name,
        "title": preset.title,
        "paper": dict(preset.paper),
        "parameters": dict(preset.parameters),
        "model": dict(preset.raw),
    }
    (folder / PRESET).write_text(yaml.safe_dump(section, sort_keys=False, allow_unicode=True), encoding="utf-8")
    save_model(policy, str(folder / WEIGHTS))


def load_policy(folder: Path, device: torch.device | str = "cpu") -> Policy:
    """The model that ``save_policy`` wrote, in evaluation mode.

    Raises:
        PresetError: a file is missing, or the weights are not of this preset.
    """
    for name in (PRESET, WEIGHTS):
        if not (folder / name).is_file():
            raise PresetError(f"{folder / name}: missing; give a folder that save_policy wrote")
    policy = build_policy(load_preset(folder / PRESET))
    try:
        load_model(policy, str(folder / WEIGHTS), strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise PresetError(f"{folder / WEIGHTS}: not the weights of {folder / PRESET}: {error}") from error
    return policy.to(device).eval()
