"""An official checkpoint -> a bundle: a contract generated from its statistics, and its files."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vla_core.contract import Bundle, Contract, write_bundle
from vla_core.contract.fields import refuse_unknown
from vla_core.errors import BundleError, ContractError
from vla_policy.foreign.embodiment import Embodiment
from vla_policy.foreign.openvla.config import OpenVlaConfig, load_config
from vla_policy.foreign.openvla.prompt import PromptTokenizer
from vla_policy.foreign.openvla.settings import (
    CHECKPOINT,
    SETTINGS_FILE,
    OftSettings,
    OpenVlaSettings,
    write_settings,
)
from vla_policy.foreign.openvla.statistics import BOUNDS, Bounds, DatasetStatistics, load_statistics

RUNTIME = "openvla"
_PARTS = ("action_head", "proprio_projector", "vision_backbone")
_DOCUMENTS = ("config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json")
_RESIZE_METHODS = {"resize-naive": "stretch", "resize-crop": "crop", "letterbox": "pad"}
_METHODS = {"q99": "quantile", "min_max": "min_max"}


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import, and what the checkpoint itself does not say.

    unnorm_key: None where the checkpoint has one dataset's statistics only.
    horizon, images: needed for OFT checkpoints, refused for others. normalization: q99 or min_max.
    link: link to the weights instead of copying them.
    """

    checkpoint: Path
    unnorm_key: str | None
    embodiment: Embodiment
    horizon: int | None
    images: int | None
    normalization: str
    center_crop: bool
    name: str
    license: str
    link: bool


def import_checkpoint(request: ImportRequest, out: Path) -> Bundle:
    """The bundle at ``out``, its weights checked where PyTorch is there. A refusal leaves nothing at ``out``.

    Raises:
        BundleError: the checkpoint is no whole OpenVLA checkpoint, or ``out`` is in use.
        ContractError: it does not fit the embodiment, or a choice is missing; names the choices.
    """
    if out.exists():
        raise BundleError(f"{out}: exists already; remove it or choose another folder")
    if request.normalization not in BOUNDS:
        raise refuse_unknown(request.normalization, tuple(BOUNDS), "normalization", "normalization")
    config = load_config(request.checkpoint)
    statistics = load_statistics(request.checkpoint, request.unnorm_key, request.normalization)
    PromptTokenizer(request.checkpoint, config.vocabulary)
    parts = _parts(request.checkpoint)
    oft = _is_oft(request, parts)
    out.mkdir(parents=True)
    try:
        return _write(request, out, config, statistics, parts if oft else None)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise


def _write(
    request: ImportRequest,
    out: Path,
    config: OpenVlaConfig,
    statistics: DatasetStatistics,
    parts: dict[str, Path] | None,
) -> Bundle:
    folder = out / CHECKPOINT
    folder.mkdir()
    for file in _files(request.checkpoint):
        target = folder / file.name
        if request.link:
            target.symlink_to(file.resolve())
        else:
            shutil.copyfile(file, target)
    shapes = {name: _converted(file, folder / f"{name}.safetensors") for name, file in (parts or {}).items()}
    settings = _settings(request, statistics, None if parts is None else shapes)
    write_settings(settings, out / SETTINGS_FILE)
    bundle = write_bundle(out, _contract(request, config, statistics))
    if importlib.util.find_spec("torch") is not None:
        from vla_policy.foreign.openvla.network.weights import check_weights, oft_spec

        check_weights(folder, config, oft_spec(settings, bundle.contract))
    return bundle


def _parts(checkpoint: Path) -> dict[str, Path]:
    """What OFT trained beside the model: part -> file."""
    found: dict[str, Path] = {}
    for name in _PARTS:
        files = sorted(checkpoint.glob(f"{name}--*checkpoint.pt"))
        if len(files) > 1:
            raise BundleError(f"{checkpoint}: several of {name}: {', '.join(one.name for one in files)}; keep one")
        if files:
            found[name] = files[0]
    others = sorted(one.name for one in checkpoint.glob("*.pt") if one not in found.values())
    if others:
        raise BundleError(f"{checkpoint}: {', '.join(others)} cannot be run; known: {', '.join(_PARTS)}")
    return found


def _is_oft(request: ImportRequest, parts: dict[str, Path]) -> bool:
    given = {"--horizon": request.horizon, "--images": request.images}
    if not parts and all(value is None for value in given.values()):
        return False
    missing = [option for option, value in given.items() if value is None]
    if missing:
        what = f"has {', '.join(parts)}, so it is OpenVLA-OFT" if parts else "is to be run as OpenVLA-OFT"
        raise ContractError(
            f"{request.checkpoint}: {what}; say {' and '.join(missing)} as well, which the files do not tell "
            "(training on LIBERO: horizon 8, ALOHA: 25, Bridge: 5)"
        )
    return True


def _files(checkpoint: Path) -> list[Path]:
    weights = sorted(checkpoint.glob("model*.safetensors")) + sorted(checkpoint.glob("model.safetensors.index.json"))
    if not weights:
        raise BundleError(f"{checkpoint}: has no model*.safetensors; other formats of weights are not read")
    statistics = [path for path in (checkpoint / "dataset_statistics.json",) if path.is_file()]
    return [checkpoint / name for name in _DOCUMENTS] + statistics + weights


def _converted(source: Path, target: Path) -> dict[str, tuple[int, ...]]:
    if importlib.util.find_spec("torch") is None:
        raise BundleError(f"{source}: reading it needs PyTorch; run the import with the worker's Python")
    from vla_policy.foreign.openvla.network.convert import convert_part

    return convert_part(source, target)


def _settings(
    request: ImportRequest, statistics: DatasetStatistics, shapes: dict[str, dict[str, tuple[int, ...]]] | None
) -> OpenVlaSettings:
    proprio = 0
    if shapes and "proprio_projector" in shapes:
        proprio = shapes["proprio_projector"].get("fc1.weight", (0, 0))[1]
        _check_proprio(request.embodiment, statistics, proprio)
    return OpenVlaSettings(
        unnorm_key=statistics.key,
        normalization=request.normalization,
        center_crop=request.center_crop,
        gripper=request.embodiment.gripper,
        proprio=request.embodiment.proprio if proprio else (),
        oft=None if shapes is None else OftSettings(proprio, "vision_backbone" in shapes, "action_head" in shapes),
    )


def _check_proprio(embodiment: Embodiment, statistics: DatasetStatistics, size: int) -> None:
    known = 0 if statistics.proprio is None else len(statistics.proprio.low)
    if known != size:
        raise ContractError(
            f"proprio: the projector takes {size} numbers, '{statistics.key}' has statistics of {known}"
        )
    if len(embodiment.proprio) != size:
        raise ContractError(
            f"proprio: the projector takes {size} numbers, the embodiment names {len(embodiment.proprio)} "
            f"({', '.join(embodiment.proprio) or 'none'}). They must be joints of 'state', in the dataset's order and "
            "units; poses of the end effector cannot be given yet"
        )


def _contract(request: ImportRequest, config: OpenVlaConfig, statistics: DatasetStatistics) -> dict[str, Any]:
    robot = request.embodiment
    count = request.images or 1
    if len(robot.cameras) < count:
        names = ", ".join(str(camera["name"]) for camera in robot.cameras) or "none"
        raise ContractError(
            f"cameras: the policy wants {count} images, the embodiment has {len(robot.cameras)} ({names})"
        )
    action = dict(robot.contract["action"]) | {"horizon": request.horizon or 1}
    columns = len(action.get("dimensions") or ()) + (action.get("gripper") is not None)
    if columns != len(statistics.action.low):
        raise ContractError(
            f"action: '{statistics.key}' has {len(statistics.action.low)} columns, the embodiment {columns}; "
            "describe the robot that this policy was trained for with --embodiment"
        )
    mapping: dict[str, Any] = {
        "format": "vla-policy/1",
        "name": request.name,
        "version": "1",
        "license": request.license,
        "runtime": RUNTIME,
        "cameras": [_camera(camera, config) for camera in robot.cameras[:count]],
        **robot.contract,
        "action": action,
        "normalization": {"state": {"method": "none"}, "action": action_normalization(statistics.action, request)},
    }
    if request.horizon is None:
        mapping["tokenizer"] = {
            "convention": "bin_centers",
            "bins": config.action_bins,
            "low": -1.0,
            "high": 1.0,
            "decode": "argmax",
        }
    return mapping


def _camera(camera: Any, config: OpenVlaConfig) -> dict[str, object]:
    size = config.images[0].size
    return dict(camera) | {
        "width": size,
        "height": size,
        "encoding": "rgb8",
        "resize": "policy",
        "resize_method": _RESIZE_METHODS[config.resize],
    }


def action_normalization(bounds: Bounds, request: ImportRequest) -> dict[str, object]:
    """The contract's section of the same meaning."""
    low, high = BOUNDS[request.normalization]
    return {
        "method": _METHODS[request.normalization],
        low: list(bounds.low),
        high: list(bounds.high),
        "mask": list(bounds.mask),
    }


def check_statistics(contract: Contract, bounds: Bounds, normalization: str) -> None:
    """The contract states the checkpoint's own statistics.

    Raises:
        BundleError: it states those of something else.
    """
    spec = contract.normalization.action
    low, high = BOUNDS[normalization]
    stated = (spec.method, getattr(spec, low), getattr(spec, high), spec.mask)
    if stated != (_METHODS[normalization], bounds.low, bounds.high, bounds.mask):
        raise BundleError(
            f"{contract.policy_id}: normalization.action is not what the checkpoint's statistics say ({normalization}: "
            f"{bounds.low} to {bounds.high}); import the checkpoint again"
        )
