"""OFT's ``*_checkpoint.pt`` -> safetensors, once, at import. Only tensors are unpickled (``weights_only``)."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from vla_core.errors import BundleError

LORA_ALPHA = 16
"""OFT's largest; the factor of an adapter of rank r is min(r, 16) / r."""
_ADAPTER = re.compile(r"(.+)\.lora_A\.default\.weight")


def convert_part(source: Path, target: Path) -> dict[str, tuple[int, ...]]:
    """``source`` as safetensors at ``target``, its adapters merged; name -> shape.

    Raises:
        BundleError: it holds something else than named tensors, or half an adapter.
    """
    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or hostile file makes it raise
        raise BundleError(f"{source}: cannot be read as tensors: {error}") from error
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise BundleError(f"{source}: holds something else than named tensors")
    tensors = merged({str(name).removeprefix("module."): tensor for name, tensor in loaded.items()}, source)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, str(target), {"format": "pt"})
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def merged(tensors: dict[str, Tensor], source: Path) -> dict[str, Tensor]:
    """``tensors`` with each low-rank adapter added to its layer.

    Raises:
        BundleError: an adapter lacks its layer or its other half.
    """
    found = {name.replace(".base_layer.", "."): tensor for name, tensor in tensors.items() if ".lora_" not in name}
    halves = {name for name in tensors if ".lora_" in name}
    for name in sorted(halves):
        match = _ADAPTER.fullmatch(name)
        if match is None:
            continue
        layer, other = match[1], f"{match[1]}.lora_B.default.weight"
        if other not in tensors or f"{layer}.weight" not in found:
            raise BundleError(f"{source}: {name} has no {other} or no {layer}.base_layer.weight")
        down, up = tensors[name].float(), tensors[other].float()
        weight = found[f"{layer}.weight"]
        rank = down.shape[0]
        delta = (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)  # flattened: convolutions have adapters too
        found[f"{layer}.weight"] = (weight.float() + min(rank, LORA_ALPHA) / rank * delta).to(weight.dtype)
        halves -= {name, other}
    if halves:
        raise BundleError(f"{source}: adapters of another kind: {', '.join(sorted(halves)[:5])}")
    return found
