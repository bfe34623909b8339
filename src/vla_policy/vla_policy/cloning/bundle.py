"""What a run leaves: a bundle that the worker runs, or where that cannot be, the model and the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import TemplateProcessing
from torch import Tensor, nn

from vla_core.contract import write_bundle
from vla_core.types import Observation
from vla_policy.cloning.errors import TrainError
from vla_policy.cloning.samples import Frames
from vla_policy.foreign.embodiment import Embodiment
from vla_policy.models import Batch, Policy, save_policy
from vla_policy.models.export import OPSET
from vla_policy.models.text import BYTES_END, BYTES_FIRST, make_tokenizer
from vla_policy.presets import TextSpec

_TOLERANCE = 1e-3  # of an action, of its range in the data
_DONE = {"threshold": 0.5, "hold_chunks": 5}


@dataclass(frozen=True, slots=True)
class Left:
    """path: of the bundle. reason: None where the worker runs it, otherwise why it cannot, and it is torch's."""

    path: Path
    reason: str | None


def make_bundle(
    policy: Policy,
    frames: Frames,
    image_sizes: Mapping[str, tuple[int, int]],
    embodiment: Embodiment | None,
    name: str,
    folder: Path,
) -> Left:
    """Write ``folder`` anew.

    Args:
        policy: trained, on the CPU.
        frames: of the training, for the range of the state and for a comparison of both models.
        image_sizes: camera -> (height, width) of the dataset's images.
        embodiment: what the numbers mean; without it no contract can be written.
        name: of the policy in the contract.
        folder: to write.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    reason = _obstacle(policy, embodiment)
    if reason is None:
        assert embodiment is not None
        try:
            _write(policy, frames, image_sizes, embodiment, name, folder)
            _compare(policy, frames, folder)
        except Exception as error:  # the exporter raises whatever it likes
            reason = (
                f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no text'}"
            )
    if reason is not None:
        shutil.rmtree(folder, ignore_errors=True)
        save_policy(policy, folder)
        (folder / "README.txt").write_text(
            f"The worker cannot run this model: {reason}\nvla_policy.models.load_policy loads it with torch.\n"
        )
    return Left(folder, reason)


def _obstacle(policy: Policy, embodiment: Embodiment | None) -> str | None:
    spec = policy.spec
    if embodiment is None:
        return "what the dataset's numbers mean is not known; give --embodiment FILE"
    if spec.history > 1:
        return f"the model sees {spec.history} frames, a worker's observation has one"
    if any(camera.depth for camera in spec.cameras):
        return "the model wants depth images, a worker's observation has none"
    return None


class _Worker(nn.Module):
    """The policy with the inputs and outputs that ``OnnxPolicy`` knows; text comes as token ids in a float column.

    A stochastic model draws its noise inside the graph.
    """

    def __init__(self, policy: Policy, padding: int, inputs: tuple[str, ...], done: bool) -> None:
        super().__init__()
        self.policy, self.padding, self.inputs, self.done = policy, padding, inputs, done

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        spec = self.policy.spec
        named = dict(zip(self.inputs, tensors, strict=True))
        images = {one.name: (named[one.name].float() / 255.0).permute(0, 3, 1, 2)[:, None] for one in spec.cameras}
        length = spec.text.length
        if "text" in named:
            ids = named["text"][..., 0].round().to(torch.int64)
            ids = torch.cat([ids, ids.new_full((1, length), self.padding)], 1)[:, :length]
            mask = torch.cat([named["text_mask"], torch.zeros(1, length, dtype=torch.bool)], 1)[:, :length]
        else:
            ids, mask = torch.full((1, length), self.padding), torch.zeros(1, length, dtype=torch.bool)
        noise = torch.randn(1, spec.horizon, spec.action_dim) if self.policy.stochastic else None
        state = named["state"]
        answer = self.policy.predict(Batch(images, ids, mask, None if spec.state == "none" else state), noise)
        # The runtime gives the state to every model; an input without use would not be in the graph.
        actions = answer.actions if spec.state != "none" else answer.actions + 0.0 * state.sum()
        if not self.done:
            return (actions,)
        assert answer.done is not None
        return actions, answer.done[:, None]


def _write(
    policy: Policy,
    frames: Frames,
    image_sizes: Mapping[str, tuple[int, int]],
    embodiment: Embodiment,
    name: str,
    folder: Path,
) -> None:
    import warnings

    spec = policy.spec
    tokenizer = make_tokenizer(spec.text)
    reads = spec.language is not None or spec.body["type"] != "composed"
    inputs: dict[str, Tensor] = {
        one.name: torch.zeros(1, one.height, one.width, 3, dtype=torch.uint8) for one in spec.cameras
    }
    inputs["state"] = torch.zeros(1, len(embodiment.contract["state"]))
    axes: dict[str, dict[int, str]] = {}
    if reads:
        ids, mask = tokenizer([frames.sentences[0]])
        inputs |= {"text": ids[mask][None, :, None].float(), "text_mask": mask[mask][None]}
        axes = {"text": {1: "tokens"}, "text_mask": {1: "tokens"}}
    done = "completion" in spec.auxiliary
    module = _Worker(policy, tokenizer.padding, tuple(inputs), done).eval()
    outputs = ["actions", "done"] if done else ["actions"]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            str(folder / "model.onnx"),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    contract = _contract(policy, frames, image_sizes, embodiment, name)
    if reads:
        (folder / "language").mkdir()
        onnx.save(_identity(), str(folder / "language" / "model.onnx"))
        _save_tokenizer(spec.text, folder / "language" / "tokenizer.json")
        contract["language"] = {
            "encoder": "language/model.onnx",
            "tokenizer": "language/tokenizer.json",
            "max_tokens": spec.text.length,
        }
    if done:
        contract["done"] = _DONE
    write_bundle(folder, contract)


def _contract(
    policy: Policy,
    frames: Frames,
    image_sizes: Mapping[str, tuple[int, int]],
    embodiment: Embodiment,
    name: str,
) -> dict[str, Any]:
    """Numbers are physical on both sides: the model normalizes inside, by statistics that it carries."""
    cameras = {str(one["name"]): one for one in embodiment.cameras}
    described = []
    for one in policy.spec.cameras:
        if one.name not in cameras:
            raise TrainError(f"embodiment: cameras lacks {one.name}; it has {', '.join(cameras)}")
        size, same = image_sizes[one.name], image_sizes[one.name] == (one.height, one.width)
        described.append(
            {
                "name": one.name,
                "width": one.width,
                "height": one.height,
                "encoding": "rgb8",
                "resize": "none" if same else "node",
                "resize_method": "stretch",
                "max_age_s": cameras[one.name]["max_age_s"],
            }
            | ({} if same else {"aspect": size[1] / size[0]})
        )
    contract: dict[str, Any] = {
        "format": "vla-policy/1",
        "name": name,
        "version": "0.1.0",
        "license": "unstated",
        "runtime": "onnx",
        "cameras": described,
        "max_skew_s": embodiment.contract["max_skew_s"],
        "state": embodiment.contract["state"],
        "action": dict(embodiment.contract["action"]) | {"horizon": policy.spec.horizon},
        "normalization": {"state": {"method": "none"}, "action": {"method": "none"}},
    }
    low, high = frames.state.min(0).tolist(), frames.state.max(0).tolist()
    contract["state_range"] = {"min": low, "max": high, "margin": 0.15}
    return contract


def _identity() -> onnx.ModelProto:
    """An "encoder" whose embeddings (1, T, 1) are the token ids: the model has its own."""
    dims: list[int | str] = [1, "tokens"]
    nodes = [
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["seen"]),
        helper.make_node("Cast", ["seen"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["numbers", "last"], ["embeddings"]),
    ]
    values = [helper.make_tensor_value_info(one, TensorProto.INT64, dims) for one in ("input_ids", "attention_mask")]
    answer = helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, [*dims, 1])
    last = helper.make_tensor("last", TensorProto.INT64, [1], [2])
    graph = helper.make_graph(nodes, "identity", values, [answer], [last])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def _save_tokenizer(spec: TextSpec, path: Path) -> None:
    """The preset's tokenizer as a file, as the worker reads one."""
    if spec.tokenizer == "bytes":
        alphabet = _byte_characters()
        vocabulary = {"[PAD]": 0, "[END]": BYTES_END, "[UNUSED]": 2}
        vocabulary |= {character: BYTES_FIRST + byte for byte, character in enumerate(alphabet)}
        tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[]))
        tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.post_processor = TemplateProcessing(single="$A [END]", special_tokens=[("[END]", BYTES_END)])
    elif spec.tokenizer == "minilm":
        from vla_policy.training.language import minilm_folder

        tokenizer = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    else:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(spec.tokenizer).backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(path))


def _byte_characters() -> list[str]:
    """The character that stands for each byte in ``ByteLevel`` (GPT-2): itself where it can be seen."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in seen else next(others)) for byte in range(256)]


def _compare(policy: Policy, frames: Frames, folder: Path) -> None:
    """TrainError where the worker's runtime answers something else than the model. Draws of noise have no equal."""
    from vla_core.contract import load_bundle
    from vla_policy.onnx_policy import OnnxPolicy

    worker = OnnxPolicy(load_bundle(folder))
    state = frames.state[0].astype(np.float64)
    images = {name: np.array(array[0]) for name, array in frames.images.items()}
    sentence = frames.sentences[int(frames.sentence[0])]
    answer = worker.infer(Observation(images, dict.fromkeys(images, 0), state, 0, sentence)).actions
    if policy.stochastic:
        return
    ids, mask = make_tokenizer(policy.spec.text)([sentence])
    batch = Batch(
        {name: torch.from_numpy(image).permute(2, 0, 1)[None, None].float() / 255.0 for name, image in images.items()},
        ids,
        mask,
        torch.from_numpy(state).float()[None] if policy.spec.state != "none" else None,
    )
    own = policy.act(batch)[0].numpy()
    allowed = _TOLERANCE * np.maximum(policy.normalize_action.scale[0].numpy(), 1e-3)
    if not (np.abs(answer - own) <= allowed).all():
        raise TrainError(f"ONNX Runtime's actions differ by up to {float(np.abs(answer - own).max()):.2g}")


def describe(left: Left) -> str:
    """One line for the person at the terminal."""
    if left.reason is None:
        return f"bundle: {left.path}; try `vla policy check {left.path}`"
    return f"torch bundle: {left.path}; no worker can run it: {left.reason}"


def facts(left: Left) -> str:
    """The same as JSON."""
    return json.dumps(
        {"path": str(left.path), "runtime": "onnx" if left.reason is None else "torch", "reason": left.reason}
    )
