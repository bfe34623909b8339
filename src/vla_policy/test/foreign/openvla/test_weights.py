"""Every tensor is accounted for; what is broken is refused with its name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="OpenVLA runs in PyTorch")

from safetensors.numpy import load_file, save_file  # noqa: E402

from vla_core.errors import BundleError  # noqa: E402
from vla_policy.foreign.openvla import tiny  # noqa: E402
from vla_policy.foreign.openvla.config import load_config  # noqa: E402
from vla_policy.foreign.openvla.network.convert import convert_part, merged  # noqa: E402
from vla_policy.foreign.openvla.network.model import OftSpec  # noqa: E402
from vla_policy.foreign.openvla.network.weights import check_weights, load_model, unread  # noqa: E402

pytestmark = pytest.mark.train
SHARD = "model-00002-of-00002.safetensors"


@pytest.fixture
def folder(checkpoint: Callable[[str], Path], tmp_path: Path) -> Path:
    """A checkpoint that may be changed."""
    return Path(shutil.copytree(checkpoint("plain"), tmp_path / "checkpoint"))


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the tensors of one shard, and its index with them."""
    tensors = load_file(folder / SHARD)
    change(tensors)
    save_file(tensors, folder / SHARD)
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    others = {name: file for name, file in index["weight_map"].items() if file != SHARD}
    index["weight_map"] = others | dict.fromkeys(tensors, SHARD)
    path.write_text(json.dumps(index))


def refusal(folder: Path, oft: OftSpec | None = None) -> str:
    with pytest.raises(BundleError) as caught:
        check_weights(folder, load_config(folder), oft)
    return str(caught.value)


def test_each_tensor_is_loaded_or_known_to_be_unread(folder: Path) -> None:
    config = load_config(folder)
    model = load_model(folder, config, None, device="cpu", dtype=torch.float32)
    names = set(tiny.model_shapes())
    left = {name for name in names if unread(name, config)}
    assert set(model.state_dict()) == names - left
    behind = {".".join(name.split(".")[:4]) for name in left if "blocks" in name}
    assert behind == {"vision_backbone.featurizer.blocks.3", "vision_backbone.fused_featurizer.blocks.2"}
    assert all("blocks" in name or ".norm." in name or "attn_pool" in name for name in left)
    expected = tiny.weights(tiny.model_shapes())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), expected[name])


def test_a_missing_tensor_is_named(folder: Path) -> None:
    name = sorted(name for name in load_file(folder / SHARD) if name.startswith("projector."))[0]
    edit(folder, lambda tensors: tensors.pop(name))
    assert f"missing (1): {name}" in refusal(folder)


def test_a_tensor_of_no_use_is_named(folder: Path) -> None:
    edit(folder, lambda tensors: tensors.update({"projector.fc4.weight": np.zeros((2, 2), np.float32)}))
    assert "of no use here (1): projector.fc4.weight" in refusal(folder)


def test_another_shape_is_named_with_both(folder: Path) -> None:
    name = sorted(name for name in load_file(folder / SHARD) if name.endswith("layernorm.weight"))[0]
    edit(folder, lambda tensors: tensors.update({name: np.ones(3, np.float32)}))
    assert f"{name} is (3,), expected ({tiny.WIDTH},)" in refusal(folder)


def test_whole_numbers_are_no_weights(folder: Path) -> None:
    name = sorted(load_file(folder / SHARD))[0]
    edit(folder, lambda tensors: tensors.update({name: tensors[name].astype(np.int32)}))
    assert f"{name} is I32; expected one of F32, F16, BF16" in refusal(folder)


def test_a_cut_off_shard_is_named(folder: Path) -> None:
    data = (folder / SHARD).read_bytes()
    (folder / SHARD).write_bytes(data[: len(data) // 2])
    assert SHARD in refusal(folder) and "cut off" in refusal(folder)


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / SHARD).unlink()
    assert f"{SHARD}: missing" in refusal(folder)


def test_an_index_of_other_tensors_is_refused(folder: Path) -> None:
    tensors = load_file(folder / SHARD)
    name = sorted(tensors)[0]
    del tensors[name]
    save_file(tensors, folder / SHARD)
    assert "holds other tensors than" in refusal(folder) and name in refusal(folder)


def test_oft_without_its_parts_is_refused(folder: Path) -> None:
    assert "action_head.safetensors: missing" in refusal(folder, OftSpec(8, 7, 0, False, True))


def test_a_head_for_another_action_is_refused(checkpoint: Callable[[str], Path], folder: Path) -> None:
    convert_part(checkpoint("head") / "action_head--100_checkpoint.pt", folder / "action_head.safetensors")
    assert "action_head.model.fc1.weight" in refusal(folder, OftSpec(8, 6, 0, False, True))


def test_parts_hold_tensors_and_nothing_else(tmp_path: Path) -> None:
    torch.save({"a": print}, tmp_path / "a.pt")
    with pytest.raises(BundleError, match="cannot be read as tensors"):
        convert_part(tmp_path / "a.pt", tmp_path / "a.safetensors")
    torch.save({"a": {"b": torch.ones(1)}}, tmp_path / "a.pt")
    with pytest.raises(BundleError, match="something else than named tensors"):
        convert_part(tmp_path / "a.pt", tmp_path / "a.safetensors")


def test_half_an_adapter_is_refused() -> None:
    half = {"fc.base_layer.weight": torch.ones(2, 2), "fc.lora_A.default.weight": torch.ones(1, 2)}
    with pytest.raises(BundleError, match=r"fc\.lora_A\.default\.weight has no fc\.lora_B"):
        merged(half, Path("x.pt"))
