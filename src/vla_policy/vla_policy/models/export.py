"""A model as ONNX: the same observations in, the same actions out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vla_policy.models.batch import Batch
from vla_policy.models.example import make_example_batch
from vla_policy.models.policy import Policy
from vla_policy.presets import PresetError

OPSET = 17


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """What was written: the names of inputs and outputs, in order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class _Flat(nn.Module):
    """The policy with its batch as positional tensors, which is what ONNX knows."""

    def __init__(self, policy: Policy, names: tuple[str, ...]) -> None:
        super().__init__()
        self.policy = policy
        self.names = names

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip(self.names, tensors, strict=True))
        batch = Batch(
            images=_under("image.", named),
            depth=_under("depth.", named),
            text_ids=named["text_ids"],
            text_mask=named["text_mask"],
            state=named.get("state"),
            robot=named.get("robot"),
        )
        answer = self.policy.predict(batch, named.get("noise"))
        return tuple(value for value in (answer.actions, answer.done, answer.value) if value is not None)


def export_onnx(policy: Policy, path: Path) -> ExportedModel:
    """Write ``policy`` for one observation at a time.

    Inputs are ``image.<camera>`` (1, N, 3, height, width) float in [0, 1], ``depth.<camera>``, ``text_ids``,
    ``text_mask``, ``state``, ``robot`` where there are several, and ``noise`` (1, H, A) of a stochastic model; outputs
    ``actions`` (1, H, A) in physical numbers, ``done`` and ``value`` where the model has them.

    Raises:
        PresetError: a body that cannot be exported, and why.
    """
    if policy.body.not_exported:
        raise PresetError(f"{policy.preset.name} has no ONNX form: {policy.body.not_exported}; run it with PyTorch")
    example = observation_inputs(policy, make_example_batch(policy.spec, size=1, labels=False))
    names = tuple(example)
    flat = _Flat(policy, names).eval()  # the exporter puts it back into the mode that it had
    with torch.no_grad():
        answer = policy.predict(make_example_batch(policy.spec, size=1, labels=False))
    outputs = tuple(one.name for one in fields(answer) if getattr(answer, one.name) is not None)
    with warnings.catch_warnings():
        # Shapes are constants of the graph, as they are of the preset; the trace says so for each of them.
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module="torch.onnx")
        torch.onnx.export(
            flat,
            tuple(example.values()),
            str(path),
            input_names=list(names),
            output_names=list(outputs),
            opset_version=OPSET,
            dynamo=False,
        )
    return ExportedModel(names, outputs)


def observation_inputs(policy: Policy, batch: Batch, noise: Tensor | None = None) -> dict[str, Tensor]:
    """The tensors of ``batch`` that the exported model takes, by the names of its inputs."""
    spec = policy.spec
    inputs: dict[str, Tensor] = {f"image.{name}": tensor for name, tensor in batch.images.items()}
    inputs |= {f"depth.{name}": tensor for name, tensor in batch.depth.items()}
    inputs |= {"text_ids": batch.text_ids, "text_mask": batch.text_mask}
    if spec.state != "none" and batch.state is not None:
        inputs["state"] = batch.state
    if len(spec.robots) > 1 and batch.robot is not None:
        inputs["robot"] = batch.robot
    if policy.stochastic:
        inputs["noise"] = torch.zeros(batch.size, spec.horizon, spec.action_dim) if noise is None else noise
    return inputs


def run_onnx(path: Path, inputs: dict[str, Tensor]) -> np.ndarray:
    """``actions`` of the exported model, on the CPU. Inputs that the model has no use for are left out of its graph."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    used = {one.name for one in session.get_inputs()}
    feed: dict[str, Any] = {name: tensor.numpy() for name, tensor in inputs.items() if name in used}
    return session.run(["actions"], feed)[0]


def _under(prefix: str, named: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
