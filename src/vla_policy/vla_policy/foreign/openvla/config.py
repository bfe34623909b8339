"""``config.json`` and ``preprocessor_config.json`` of an official checkpoint. Read strictly: nothing is defaulted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vla_core.errors import BundleError
from vla_policy.foreign.files import read_json

RESIZE_STRATEGIES = ("resize-naive", "resize-crop", "letterbox")


@dataclass(frozen=True, slots=True)
class TowerSpec:
    """A vision transformer as timm builds it.

    patch: side of a patch [pixel]. registers: tokens without a place beside the class token.
    class_token: there is one, and positions are added before it is put in front.
    layer_scale: each branch is scaled by a learnt vector.
    """

    patch: int
    width: int
    depth: int
    heads: int
    mlp: int
    class_token: bool
    registers: int
    layer_scale: bool

    @property
    def prefix(self) -> int:
        """Tokens before the patches."""
        return int(self.class_token) + self.registers


_SO400M = TowerSpec(14, 1152, 27, 16, 4304, class_token=False, registers=0, layer_scale=False)
TOWERS = {
    "vit_large_patch14_reg4_dinov2.lvd142m": TowerSpec(
        14, 1024, 24, 16, 4096, class_token=True, registers=4, layer_scale=True
    ),
    "vit_so400m_patch14_siglip_224": _SO400M,
    "vit_so400m_patch14_siglip_384": _SO400M,
}


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What a tower's image must be: side [pixel], and the statistics it is normalized by, (3,) each."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class OpenVlaConfig:
    """The parts of a checkpoint's configuration that decide what is computed.

    text: keyword arguments of ``transformers.LlamaConfig``.
    vocabulary: ids of the tokenizer; the embedding is padded to more (``text["vocab_size"]``).
    action_bins: edges over [-1, 1].
    """

    towers: tuple[TowerSpec, ...]
    images: tuple[ImageSpec, ...]
    resize: str
    text: Mapping[str, Any]
    vocabulary: int
    action_bins: int

    @property
    def vision_width(self) -> int:
        """Features of a patch, all towers together."""
        return sum(tower.width for tower in self.towers)

    @property
    def patches(self) -> int:
        """Tokens that one image becomes."""
        return (self.images[0].size // self.towers[0].patch) ** 2


def load_config(folder: Path) -> OpenVlaConfig:
    """The configuration in ``folder``.

    Raises:
        BundleError: a file or key is missing, or it is a model of another structure; names what there is.
    """
    config = read_json(folder / "config.json")
    images = read_json(folder / "preprocessor_config.json")
    if config.get("model_type") != "openvla":
        raise BundleError(f"{folder}/config.json: model_type is {config.get('model_type')!r}; expected 'openvla'")
    where = f"{folder}/config.json"
    text = _get(config, "text_config", dict, where)
    if text.get("model_type") != "llama":
        raise BundleError(f"{where}: text_config.model_type is {text.get('model_type')!r}; only 'llama' can be run")
    vocabulary = _get(text, "vocab_size", int, f"{where}: text_config") - _get(config, "pad_to_multiple_of", int, where)
    towers = _towers(config, where)
    found = OpenVlaConfig(
        towers=towers,
        images=_images(images, len(towers), f"{folder}/preprocessor_config.json"),
        resize=_strategy(images, f"{folder}/preprocessor_config.json"),
        text={key: value for key, value in text.items() if key not in ("model_type", "torch_dtype", "dtype")},
        vocabulary=vocabulary,
        action_bins=_get(config, "n_action_bins", int, where),
    )
    sizes = _get(config, "image_sizes", list, where)
    if sizes != [image.size for image in found.images]:
        raise BundleError(f"{where}: image_sizes are {sizes}, preprocessor_config.json says {found.images}")
    grids = {image.size // tower.patch for image, tower in zip(found.images, towers, strict=True)}
    if len(grids) != 1:
        raise BundleError(f"{where}: the towers make grids of {sorted(grids)} patches a side; they must be equal")
    return found


def _towers(config: Mapping[str, Any], where: str) -> tuple[TowerSpec, ...]:
    # ``vision_towers`` is an addition of ours: shapes of towers that have no name, such as small ones for tests.
    if "vision_towers" in config:
        try:
            return tuple(TowerSpec(**tower) for tower in _get(config, "vision_towers", list, where))
        except TypeError as error:
            raise BundleError(f"{where}: vision_towers: {error}; keys: {', '.join(TowerSpec.__slots__)}") from error
    names = _get(config, "timm_model_ids", list, where)
    overrides = config.get("timm_override_act_layers") or [None] * len(names)
    unknown = [str(name) for name in names if name not in TOWERS]
    if unknown or any(overrides):
        raise BundleError(
            f"{where}: vision towers {', '.join(map(str, names))} with activations {overrides} cannot be run; "
            f"known, without override: {', '.join(TOWERS)}"
        )
    return tuple(TOWERS[name] for name in names)


def _images(config: Mapping[str, Any], count: int, where: str) -> tuple[ImageSpec, ...]:
    sizes, means, stds = (_get(config, key, list, where) for key in ("input_sizes", "means", "stds"))
    kinds = _get(config, "interpolations", list, where)
    if not len(sizes) == len(means) == len(stds) == len(kinds) == count:
        raise BundleError(f"{where}: input_sizes, means, stds and interpolations must have {count} entries each")
    if any(kind != "bicubic" for kind in kinds):
        raise BundleError(f"{where}: interpolations are {kinds}; only 'bicubic' can be run")
    specs = []
    for size, mean, std in zip(sizes, means, stds, strict=True):
        if len(size) != 3 or size[0] != 3 or size[1] != size[2] or len(mean) != 3 or len(std) != 3 or 0.0 in std:
            raise BundleError(f"{where}: size {size}, mean {mean}, std {std}; expected (3, n, n), 3 and 3 numbers")
        specs.append(ImageSpec(int(size[1]), tuple(map(float, mean)), tuple(map(float, std))))
    return tuple(specs)


def _strategy(config: Mapping[str, Any], where: str) -> str:
    strategy = _get(config, "image_resize_strategy", str, where)
    if strategy not in RESIZE_STRATEGIES:
        raise BundleError(
            f"{where}: image_resize_strategy '{strategy}' is unknown; valid: {', '.join(RESIZE_STRATEGIES)}"
        )
    return strategy


def _get(config: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = config.get(key)
    if not isinstance(value, kind):
        raise BundleError(f"{where}: {key} must be a {kind.__name__}; got {value!r}")
    return value
