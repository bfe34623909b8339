"""A checkpoint's tensors into the module: each is read, or is known to be of no use, or the checkpoint is refused."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from vla_core.contract import Contract
from vla_core.errors import BundleError
from vla_policy.foreign.files import read_json
from vla_policy.foreign.openvla.config import OpenVlaConfig
from vla_policy.foreign.openvla.network.model import OftSpec, OpenVla
from vla_policy.foreign.openvla.settings import OpenVlaSettings

SHARDS = "model.safetensors.index.json"
SINGLE = "model.safetensors"
PARTS = {
    "action_head": "action_head.safetensors",
    "proprio_projector": "proprio_projector.safetensors",
    "vision_backbone": "vision_backbone.safetensors",
}
"""Module -> file of what OFT trained beside the model. The towers there replace those of the model's own shards."""
_FLOATS = ("F32", "F16", "BF16")
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class _Entry:
    file: Path
    name: str
    shape: tuple[int, ...]


def oft_spec(settings: OpenVlaSettings, contract: Contract) -> OftSpec | None:
    """The structure that OFT adds, or None."""
    if settings.oft is None:
        return None
    one = settings.oft
    return OftSpec(contract.action.horizon, contract.action_size, one.proprio, one.film, one.head)


def check_weights(folder: Path, config: OpenVlaConfig, oft: OftSpec | None) -> None:
    """Every tensor's name, shape and number type, without reading the numbers.

    Raises:
        BundleError: as ``load_model``.
    """
    _accounted(folder, config, oft)


def load_model(folder: Path, config: OpenVlaConfig, oft: OftSpec | None, *, device: str, dtype: torch.dtype) -> OpenVla:
    """The model with the weights in ``folder``, ready to infer.

    Raises:
        BundleError: a file is missing or broken, a tensor is missing, unknown, or of another shape or number type.
    """
    model, entries = _accounted(folder, config, oft)
    model.load_state_dict(_read(entries, device, dtype), strict=True, assign=True)
    llama = model.language_model
    with torch.device(device):  # what it holds is computed, not read
        llama.model.rotary_emb = LlamaRotaryEmbedding(config=llama.config)
    return model.eval().requires_grad_(False)


def _accounted(folder: Path, config: OpenVlaConfig, oft: OftSpec | None) -> tuple[OpenVla, dict[str, _Entry]]:
    """The model without numbers, and where each parameter's are."""
    with torch.device("meta"):
        model = OpenVla(config, oft)
    entries, ignored = _entries(folder, config, oft)
    _check(folder, {name: tuple(value.shape) for name, value in model.state_dict().items()}, entries, ignored)
    return model, entries


def module_names(names: Iterable[str], part: str = "") -> dict[str, str]:
    """Tensor of a file -> parameter of the module. ``part``: the module that the file is of, "": the whole model."""
    return {name: _renamed(f"{part}.{name}" if part else name) for name in names}


def _renamed(name: str) -> str:
    # Towers with FiLM are wrapped twice in the checkpoint: the backbone, and each block.
    name = name.replace("vision_backbone.vision_backbone.", "vision_backbone.", 1)
    name = re.sub(r"(\.blocks\.\d+)\.(scale|shift)\.", r"\1.film.\2.", name)
    return re.sub(r"(\.blocks\.\d+)\.block\.", r"\1.", name)


def unread(name: str, config: OpenVlaConfig) -> bool:
    """True for tensors of a tower behind the block whose features are used, which nobody computes."""
    for tower, spec in zip(("featurizer", "fused_featurizer"), config.towers, strict=False):
        start = f"vision_backbone.{tower}."
        if name.startswith(
            (f"{start}norm.", f"{start}attn_pool.", f"{start}fc_norm.", f"{start}blocks.{spec.depth - 1}.")
        ):
            return True
    return False


def _entries(folder: Path, config: OpenVlaConfig, oft: OftSpec | None) -> tuple[dict[str, _Entry], set[str]]:
    """Parameter -> where it is, and the tensors that need no place."""
    found: dict[str, _Entry] = {}
    for file, names in _files(folder).items():
        found |= _headers(file, names, "")
    wanted = {"action_head": oft is not None and oft.head, "proprio_projector": oft is not None and oft.proprio > 0}
    wanted["vision_backbone"] = oft is not None and oft.film
    for part, needed in wanted.items():
        if needed:
            found |= _headers(folder / PARTS[part], None, part)
    ignored = {name for name in found if unread(name, config)}
    return {name: entry for name, entry in found.items() if name not in ignored}, ignored


def _files(folder: Path) -> dict[Path, list[str] | None]:
    """Weight file -> names that the index says are in it; None where there is no index."""
    if not (folder / SHARDS).is_file():
        return {folder / SINGLE: None}
    index = read_json(folder / SHARDS).get("weight_map")
    if not isinstance(index, Mapping) or not index:
        raise BundleError(f"{folder / SHARDS}: has no weight_map")
    files: dict[Path, list[str] | None] = {}
    for name, file in index.items():
        names = files.setdefault(folder / str(file), [])
        if names is not None:
            names.append(str(name))
    return files


def _headers(file: Path, expected: list[str] | None, part: str) -> dict[str, _Entry]:
    """Names and shapes in a file, without reading its numbers."""
    entries: dict[str, _Entry] = {}
    with _opened(file) as tensors:
        names = list(tensors.keys())
        if expected is not None and set(names) != set(expected):
            odd = sorted(set(names) ^ set(expected))
            raise BundleError(f"{file}: holds other tensors than {SHARDS} says: {_listed(odd)}")
        for name, parameter in module_names(names, part).items():
            piece = tensors.get_slice(name)
            if piece.get_dtype() not in _FLOATS:
                raise BundleError(f"{file}: {name} is {piece.get_dtype()}; expected one of {', '.join(_FLOATS)}")
            entries[parameter] = _Entry(file, name, tuple(piece.get_shape()))
    return entries


def _opened(file: Path) -> contextlib.AbstractContextManager[safe_open]:
    try:
        return safe_open(file, framework="pt")
    except FileNotFoundError:
        raise BundleError(f"{file}: missing; copy the checkpoint again, complete") from None
    except (OSError, SafetensorError) as error:
        raise BundleError(f"{file}: broken or cut off: {error}; copy the checkpoint again") from error


def _check(
    folder: Path, wanted: Mapping[str, tuple[int, ...]], entries: Mapping[str, _Entry], ignored: set[str]
) -> None:
    missing = sorted(set(wanted) - set(entries))
    unknown = sorted(set(entries) - set(wanted))
    shapes = [
        f"{name} is {entry.shape}, expected {wanted[name]}"
        for name, entry in sorted(entries.items())
        if name in wanted and entry.shape != wanted[name]
    ]
    lines = [
        f"{what} ({len(names)}): {_listed(names)}"
        for what, names in (("missing", missing), ("of no use here", unknown), ("of another shape", shapes))
        if names
    ]
    if lines:
        raise BundleError(
            f"{folder}: the tensors are not those of config.json; {'; '.join(lines)} "
            f"({len(entries) + len(ignored)} tensors, of which {len(ignored)} lie behind the features that are used)"
        )


def _read(entries: Mapping[str, _Entry], device: str, dtype: torch.dtype) -> dict[str, Tensor]:
    by_file: dict[Path, dict[str, str]] = {}
    for parameter, entry in entries.items():
        by_file.setdefault(entry.file, {})[parameter] = entry.name
    state: dict[str, Tensor] = {}
    for file, names in by_file.items():
        with _opened(file) as tensors:
            for parameter, name in names.items():
                state[parameter] = nn.Parameter(tensors.get_tensor(name).to(device, dtype), requires_grad=False)
    return state


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
