"""ONNX Runtime sessions that share a machine with a control loop, and the check of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from vla_core.errors import BundleError

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, slots=True)
class Tensor:
    """Shape and type that a model's input or output must have. A size of None may be anything."""

    shape: tuple[int | None, ...]
    type: str

    def __str__(self) -> str:
        return f"{self.type}({', '.join('?' if size is None else str(size) for size in self.shape)})"


def open_session(path: Path, *, threads: int, device: str) -> onnxruntime.InferenceSession:
    """The model at ``path``.

    threads: of one inference; they sleep between inferences instead of spinning on a core that the robot needs.
    device: cpu, cuda, or auto: cuda where this ONNX Runtime offers it.

    Raises:
        BundleError: the file is no ONNX model, or the device is not to be had.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 3
    providers = _providers(device)
    if "CUDAExecutionProvider" in providers:
        onnxruntime.preload_dlls()  # CUDA and cuDNN that came as wheels are on no path of the loader
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # its exceptions share no base class of their own
        raise BundleError(f"{path}: ONNX Runtime cannot load it: {error}") from error
    if device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise BundleError(f"{path}: CUDA was asked for and cannot be used here (driver, cuDNN?); use cpu or auto")
    return session


def describe(session: onnxruntime.InferenceSession) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Inputs and outputs of a session by name."""

    def tensors(nodes: Sequence[onnxruntime.NodeArg]) -> dict[str, Tensor]:
        return {
            node.name: Tensor(
                tuple(size if isinstance(size, int) else None for size in node.shape),
                node.type.removeprefix("tensor(").removesuffix(")"),
            )
            for node in nodes
        }

    return tensors(session.get_inputs()), tensors(session.get_outputs())


def differences(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], kind: str) -> list[str]:
    """How ``found`` differs from ``wanted``, one sentence each. ``kind``: input or output."""
    lines = [f"{kind} '{name}' is missing; wanted {tensor}" for name, tensor in wanted.items() if name not in found]
    if kind == "input":
        lines += [f"input '{name}' {tensor} is fed by nothing" for name, tensor in found.items() if name not in wanted]
    for name in wanted.keys() & found.keys():
        if not _fits(found[name], wanted[name]):
            lines.append(f"{kind} '{name}' is {found[name]}; the contract makes it {wanted[name]}")
    return sorted(lines)


def _fits(found: Tensor, wanted: Tensor) -> bool:
    if found.type != wanted.type or len(found.shape) != len(wanted.shape):
        return False
    return all(None in (one, other) or one == other for one, other in zip(found.shape, wanted.shape, strict=True))


def _providers(device: str) -> list[str]:
    if device not in DEVICES:
        raise ValueError(f"device '{device}' is none of {', '.join(DEVICES)}")
    available = onnxruntime.get_available_providers()
    if device == "cuda" and "CUDAExecutionProvider" not in available:
        raise BundleError(
            f"device 'cuda': this ONNX Runtime offers only {', '.join(available)}; install onnxruntime-gpu, or use cpu"
        )
    use_cuda = device != "cpu" and "CUDAExecutionProvider" in available
    return ["CUDAExecutionProvider", "CPUExecutionProvider"] if use_cuda else ["CPUExecutionProvider"]
