"""Small bundles with the inputs and outputs of the shipped one, whose answer can be worked out by hand.

The network puts all its weight about bin ``base + 20 mean(state) + 10 mean(text) + 10 mean(front) - 10 mean(wrist)``,
images in [0, 1], so that every decoded, normalized action is that bin's number; done is sigmoid(mean(state)).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from vla_core.contract import Bundle, write_bundle
from vla_core.testing import make_contract_mapping

WORDS = ("[UNK]", "pick", "up", "the", "red", "blue", "cube")
WIDTH = 4
MakeBundle = Callable[..., Bundle]


def network(*, base: float = 127.5, horizon: int = 8, columns: int = 8, bins: int = 256, size: int = 96) -> Any:
    """The policy network; see the module."""
    inputs = [
        _value("front", TensorProto.UINT8, [1, size, size, 3]),
        _value("wrist", TensorProto.UINT8, [1, size, size, 3]),
        _value("state", TensorProto.FLOAT, [1, columns]),
        _value("text", TensorProto.FLOAT, [1, "tokens", WIDTH]),
        _value("text_mask", TensorProto.BOOL, [1, "tokens"]),
    ]
    outputs = [
        _value("logits", TensorProto.FLOAT, [1, horizon, columns, bins]),
        _value("done", TensorProto.FLOAT, [1, 1]),
    ]
    grid = np.broadcast_to(np.arange(bins, dtype=np.float32), (1, horizon, columns, bins))
    constants = {"grid": grid, "base": base, "k_state": 20, "k_text": 10, "k_front": 10 / 255, "k_wrist": -10 / 255}
    node = helper.make_node
    nodes = [node("Cast", [name], [f"{name}_f"], to=TensorProto.FLOAT) for name in ("front", "wrist", "text_mask")]
    nodes += [
        node("ReduceMean", [source], [f"mean_{name}"], keepdims=0)
        for name, source in (("front", "front_f"), ("wrist", "wrist_f"), ("state", "state"), ("text", "text"))
    ]
    nodes.append(node("ReduceMin", ["text_mask_f"], ["all_tokens"], keepdims=0))
    total = "base"
    for name in ("front", "wrist", "state", "text"):
        nodes.append(node("Mul", [f"mean_{name}", f"k_{name}"], [f"part_{name}"]))
        nodes.append(node("Add", [total, f"part_{name}"], [f"sum_{name}"]))
        total = f"sum_{name}"
    nodes += [
        node("Mul", [total, "all_tokens"], ["target"]),
        node("Sub", ["grid", "target"], ["distance"]),
        node("Mul", ["distance", "distance"], ["squared"]),
        node("Neg", ["squared"], ["logits"]),
        node("ReduceMean", ["state"], ["mean_row"], keepdims=1),
        node("Sigmoid", ["mean_row"], ["done"]),
    ]
    return _model(nodes, inputs, outputs, constants)


def encoder() -> Any:
    """The sentence encoder: word i becomes the vector (i, i, i, i) / 10."""
    inputs = [_value(name, TensorProto.INT64, [1, "tokens"]) for name in ("input_ids", "attention_mask")]
    table = np.repeat(np.arange(len(WORDS), dtype=np.float32)[:, None] / 10, WIDTH, axis=1)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["words", "column"], ["embeddings"]),
    ]
    constants = {"table": table, "last": np.array([2], dtype=np.int64)}
    return _model(nodes, inputs, [_value("embeddings", TensorProto.FLOAT, [1, "tokens", WIDTH])], constants)


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    """Writes a bundle. ``net``: arguments of ``network``. Other keywords replace keys of the contract."""

    def make(net: dict[str, Any] | None = None, folder: str = "bundle", **changes: object) -> Bundle:
        path = tmp_path / folder
        (path / "language").mkdir(parents=True)
        onnx.save(network(**(net or {})), str(path / "model.onnx"))
        onnx.save(encoder(), str(path / "language" / "model.onnx"))
        tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = Whitespace()
        tokenizer.enable_truncation(3)  # must not be believed
        tokenizer.save(str(path / "language" / "tokenizer.json"))
        language = {"encoder": "language/model.onnx", "tokenizer": "language/tokenizer.json", "max_tokens": 8}
        mapping = make_contract_mapping(**({"name": "tiny", "runtime": "onnx", "language": language} | changes))
        del mapping["mock"]
        return write_bundle(path, mapping)

    return make


@pytest.fixture
def bundle(make_bundle: MakeBundle) -> Bundle:
    """The small bundle as it is."""
    return make_bundle()


@pytest.fixture
def mock_bundle(tmp_path: Path) -> Callable[..., Bundle]:
    """Writes a bundle of a mock policy with the given ``behaviour``."""

    def make(behaviour: str = "hold", **mock: object) -> Bundle:
        path = tmp_path / f"mock_{behaviour}"
        path.mkdir()
        return write_bundle(path, make_contract_mapping(mock={"behaviour": behaviour, **mock}))

    return make


def _value(name: str, kind: int, shape: list[int | str]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]) -> Any:
    tensors = [
        numpy_helper.from_array(np.asarray(value, None if hasattr(value, "dtype") else np.float32), name)
        for name, value in constants.items()
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model
