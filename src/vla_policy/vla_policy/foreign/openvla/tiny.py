"""Small checkpoints in the official layout, made of numbers that follow from names alone; for tests and benches.

Every tensor is ``numpy.random.default_rng([seed, crc32(name)]).standard_normal(shape)`` times ``scale_of(name)``, plus
one for the weights of norms, where ``name`` is that of the checkpoint. So any program, the reference implementation
too, can have the same weights without a file. Needs numpy, and safetensors and torch where files are written.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Shapes = dict[str, tuple[int, ...]]

SIZE = 56
PATCH = 14
WIDTH = 64
LAYERS = 3
MLP = 96
VOCABULARY = 32000
PADDED = 32064
TOWERS = (
    {"width": 32, "depth": 4, "heads": 2, "mlp": 128, "class_token": True, "registers": 4, "layer_scale": True},
    {"width": 48, "depth": 3, "heads": 2, "mlp": 179, "class_token": False, "registers": 0, "layer_scale": False},
)
MEANS = ([0.484375, 0.455078125, 0.40625], [0.5, 0.5, 0.5])
STDS = ([0.228515625, 0.2236328125, 0.224609375], [0.5, 0.5, 0.5])
DIMENSIONS = 7
PROPRIO = 8
LORA_RANK = 4


def weights(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, Array]:
    """The tensors of ``shapes``; see the module. Rows of ``lm_head`` that are action ids are four times as large."""
    made: dict[str, Array] = {}
    for name, shape in shapes.items():
        values = np.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(shape)
        values = values * scale_of(name, shape) + is_factor(name)
        if name == "language_model.lm_head.weight":
            values[VOCABULARY - 256 : VOCABULARY] *= 4.0  # so that the answer is an action
        made[name] = values.astype(np.float32)
    return made


def scale_of(name: str, shape: tuple[int, ...]) -> float:
    """Standard deviation: 0.1 for vectors and factors, else 1 / sqrt(inputs); embeddings 1."""
    if name.endswith("embed_tokens.weight"):
        return 1.0
    if len(shape) == 1 or name.endswith(("pos_embed", "cls_token", "reg_token", "latent")):
        return 0.1
    return float(1.0 / np.sqrt(np.prod(shape[1:])))


def is_factor(name: str) -> bool:
    """True for what multiplies: weights of norms, and layer scales."""
    parts = name.split(".")
    norm = "norm" in parts[-2] or name.endswith("ffn.0.weight")
    return name.endswith("scale_factor") or (norm and parts[-1] == "weight")


def model_shapes() -> Shapes:
    """Every tensor of the main checkpoint."""
    shapes: Shapes = {}
    for name, spec in zip(("featurizer", "fused_featurizer"), TOWERS, strict=True):
        shapes |= {f"vision_backbone.{name}.{key}": shape for key, shape in _tower(spec).items()}
    vision = sum(int(spec["width"]) for spec in TOWERS)
    shapes |= _linear("projector.fc1", vision, 4 * vision) | _linear("projector.fc2", 4 * vision, WIDTH)
    shapes |= _linear("projector.fc3", WIDTH, WIDTH)
    shapes["language_model.model.embed_tokens.weight"] = (PADDED, WIDTH)
    for layer in range(LAYERS):
        start = f"language_model.model.layers.{layer}"
        shapes |= {f"{start}.self_attn.{name}_proj.weight": (WIDTH, WIDTH) for name in "qkvo"}
        shapes |= {f"{start}.mlp.{name}_proj.weight": (MLP, WIDTH) for name in ("gate", "up")}
        shapes[f"{start}.mlp.down_proj.weight"] = (WIDTH, MLP)
        shapes |= {f"{start}.{name}_layernorm.weight": (WIDTH,) for name in ("input", "post_attention")}
    shapes["language_model.model.norm.weight"] = (WIDTH,)
    shapes["language_model.lm_head.weight"] = (PADDED, WIDTH)
    return shapes


def head_shapes() -> Shapes:
    """``action_head``."""
    size = WIDTH * DIMENSIONS
    shapes = _norm("model.layer_norm1", size) | _linear("model.fc1", size, WIDTH)
    for block in range(2):
        shapes |= _norm(f"model.mlp_resnet_blocks.{block}.ffn.0", WIDTH)
        shapes |= _linear(f"model.mlp_resnet_blocks.{block}.ffn.1", WIDTH, WIDTH)
    return shapes | _norm("model.layer_norm2", WIDTH) | _linear("model.fc2", WIDTH, DIMENSIONS)


def proprio_shapes() -> Shapes:
    """``proprio_projector``."""
    return _linear("fc1", PROPRIO, WIDTH) | _linear("fc2", WIDTH, WIDTH)


def film_shapes(*, lora: bool = False) -> Shapes:
    """``vision_backbone`` of a checkpoint with FiLM; ``lora``: its layers still have their adapters."""
    shapes: Shapes = {}
    for name, spec in zip(("featurizer", "fused_featurizer"), TOWERS, strict=True):
        for key, shape in _tower(spec).items():
            parts = key.split(".")
            wrapped = [*parts[:2], "block", *parts[2:]] if parts[0] == "blocks" else parts
            plain = ".".join(["vision_backbone", name, *wrapped])
            if lora and plain.endswith((".weight", ".bias")) and _is_adapted(parts):
                layer, _, kind = plain.rpartition(".")
                shapes[f"{layer}.base_layer.{kind}"] = shape
                if kind == "weight":
                    shapes[f"{layer}.lora_A.default.weight"] = (LORA_RANK, *shape[1:])
                    shapes[f"{layer}.lora_B.default.weight"] = (shape[0], LORA_RANK, *(1 for _ in shape[2:]))
            else:
                shapes[plain] = shape
        for block in range(int(spec["depth"])):
            for kind in ("scale", "shift"):
                shapes |= _linear(f"vision_backbone.{name}.blocks.{block}.{kind}", WIDTH, int(spec["width"]))
    return shapes


def config(**changes: object) -> dict[str, Any]:
    """``config.json``. ``vision_towers`` is ours, the rest is the official one's."""
    text = {
        "model_type": "llama",
        "hidden_size": WIDTH,
        "intermediate_size": MLP,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "vocab_size": PADDED,
        "pad_token_id": VOCABULARY,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6,
        "torch_dtype": "float32",
    }
    return {
        "architectures": ["OpenVLAForActionPrediction"],
        "model_type": "openvla",
        "arch_specifier": "no-align+fused-gelu-mlp",
        "vision_backbone_id": "dinosiglip-vit-so-224px",
        "llm_backbone_id": "llama2-7b-pure",
        "use_fused_vision_backbone": True,
        "image_resize_strategy": "resize-naive",
        "image_sizes": [SIZE, SIZE],
        "timm_model_ids": ["vit_large_patch14_reg4_dinov2.lvd142m", "vit_so400m_patch14_siglip_224"],
        "timm_override_act_layers": [None, None],
        "vision_towers": [{"patch": PATCH, **spec} for spec in TOWERS],
        "n_action_bins": 256,
        "pad_token_id": VOCABULARY,
        "pad_to_multiple_of": 64,
        "text_config": text,
        "torch_dtype": "float32",
        "norm_stats": {},
    } | changes


def preprocessor(**changes: object) -> dict[str, Any]:
    """``preprocessor_config.json``."""
    return {
        "image_processor_type": "PrismaticImageProcessor",
        "processor_class": "PrismaticProcessor",
        "use_fused_vision_backbone": True,
        "image_resize_strategy": "resize-naive",
        "input_sizes": [[3, SIZE, SIZE]] * 2,
        "interpolations": ["bicubic", "bicubic"],
        "means": list(MEANS),
        "stds": list(STDS),
    } | changes


def statistics() -> dict[str, Any]:
    """``dataset_statistics.json`` of two datasets; the gripper is not normalized."""
    made = {}
    for number, name in enumerate(("bridge_orig", "tabletop")):
        rng = np.random.default_rng([1, number])
        made[name] = {"action": _statistics(rng, DIMENSIONS, 0.02), "proprio": _statistics(rng, PROPRIO, 1.0)}
        made[name]["action"]["mask"] = [True] * 6 + [False]
    return made


def tokenizer() -> dict[str, Any]:
    """``tokenizer.json``: Llama 2's kind and its special ids, with few words."""
    letters = "etaoinshrdlcumwfgypbvkjxqzETAOINSHRDLCUMWFGYPBVKJXQZ0123456789?!.,:;'-()"
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2} | {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}
    pairs = [("▁", "t"), ("t", "h"), ("▁t", "he"), ("h", "e"), ("▁", "p"), ("i", "c"), ("ic", "k"), ("▁p", "ick")]
    vocabulary |= {first + second: 259 + index for index, (first, second) in enumerate(pairs)}
    vocabulary |= {f"<filler{index}>": index for index in range(259 + len(pairs), 29871)}
    vocabulary |= {"▁": 29871} | {letter: 29872 + index for index, letter in enumerate(letters)}
    vocabulary |= {f"<filler{index}>": index for index in range(29872 + len(letters), VOCABULARY)}
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [("<unk>", 0), ("<s>", 1), ("</s>", 2), ("<PAD>", VOCABULARY)]
    start = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    sentence = {"Sequence": {"id": "A", "type_id": 0}}
    second = {"Sequence": {"id": "B", "type_id": 1}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": index, "content": text, **special} for text, index in added],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ],
        },
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, sentence],
            "pair": [start, sentence, start, second],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
        },
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": vocabulary,
            "merges": [f"{first} {second}" for first, second in pairs],
        },
    }


def write_checkpoint(folder: Path, *, seed: int = 0, **parts: Mapping[str, tuple[int, ...]]) -> Path:
    """The official layout in ``folder``, in two shards with an index.

    parts: OFT's files: name -> shapes, e.g. ``action_head=head_shapes()``; written as ``<name>--100_checkpoint.pt``.
    """
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = weights(model_shapes(), seed)
    names = sorted(tensors)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, some in halves.items():
        save_file({name: tensors[name] for name in some}, str(folder / file), metadata={"format": "pt"})
    size = sum(tensor.nbytes for tensor in tensors.values())
    weight_map = {name: file for file, some in halves.items() for name in some}
    documents = {
        "model.safetensors.index.json": {"metadata": {"total_size": size}, "weight_map": weight_map},
        "config.json": config(norm_stats=statistics()),
        "preprocessor_config.json": preprocessor(),
        "dataset_statistics.json": statistics(),
        "tokenizer.json": tokenizer(),
        "tokenizer_config.json": _tokenizer_config(),
        "special_tokens_map.json": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
    }
    for file, document in documents.items():
        (folder / file).write_text(json.dumps(document), encoding="utf-8")
    for name, shapes in parts.items():
        _save_part(folder / f"{name}--100_checkpoint.pt", weights(shapes, seed + 1))
    return folder


def _save_part(path: Path, tensors: Mapping[str, Array]) -> None:
    import importlib

    torch: Any = importlib.import_module("torch")  # only where it is there
    torch.save({f"module.{name}": torch.from_numpy(tensor) for name, tensor in tensors.items()}, path)


def _tokenizer_config() -> dict[str, Any]:
    return {
        "tokenizer_class": "LlamaTokenizer",
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<PAD>",
        "clean_up_tokenization_spaces": False,
        "legacy": False,
        "model_max_length": 2048,
        "padding_side": "right",
    }


def _tower(spec: Mapping[str, Any]) -> Shapes:
    width, mlp = int(spec["width"]), int(spec["mlp"])
    shapes: Shapes = {"pos_embed": (1, (SIZE // PATCH) ** 2, width)}
    if spec["class_token"]:
        shapes["cls_token"] = (1, 1, width)
    if spec["registers"]:
        shapes["reg_token"] = (1, int(spec["registers"]), width)
    shapes["patch_embed.proj.weight"] = (width, 3, PATCH, PATCH)
    shapes["patch_embed.proj.bias"] = (width,)
    for block in range(int(spec["depth"])):
        start = f"blocks.{block}"
        shapes |= _norm(f"{start}.norm1", width) | _norm(f"{start}.norm2", width)
        shapes |= _linear(f"{start}.attn.qkv", width, 3 * width) | _linear(f"{start}.attn.proj", width, width)
        shapes |= _linear(f"{start}.mlp.fc1", width, mlp) | _linear(f"{start}.mlp.fc2", mlp, width)
        if spec["layer_scale"]:
            shapes |= {f"{start}.ls{number}.scale_factor": (width,) for number in (1, 2)}
    shapes |= _norm("norm", width)
    if not spec["class_token"]:  # pooled by attention, which OpenVLA does not read
        shapes["attn_pool.latent"] = (1, 1, width)
        for name, outputs in (("q", width), ("kv", 2 * width), ("proj", width)):
            shapes |= _linear(f"attn_pool.{name}", width, outputs)
        shapes |= _norm("attn_pool.norm", width)
        shapes |= _linear("attn_pool.mlp.fc1", width, mlp) | _linear("attn_pool.mlp.fc2", mlp, width)
    return shapes


def _is_adapted(parts: list[str]) -> bool:
    return parts[-2] in ("qkv", "proj", "fc1", "fc2", "q", "kv")


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _statistics(rng: np.random.Generator, size: int, spread: float) -> dict[str, Any]:
    low, high = -spread * (1 + rng.random(size)), spread * (1 + rng.random(size))
    values = {"min": low * 1.5, "q01": low, "mean": (low + high) / 2, "q99": high, "max": high * 1.5}
    values["std"] = (high - low) / 4
    return {name: [round(float(one), 6) for one in row] for name, row in values.items()}
