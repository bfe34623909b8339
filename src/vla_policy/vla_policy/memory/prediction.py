"""What a preset needs in memory, by running it on tensors without numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from vla_policy.memory.counting import LiveTensors, cache_sizes
from vla_policy.models import Batch, Policy
from vla_policy.models.example import make_example_batch
from vla_policy.presets import Preset


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. Inference: ``weights`` + ``acting``. Training: ``weights`` + ``optimizer`` + ``training``.

    weights: parameters and buffers. gradients, optimizer: of what is trained, AdamW. acting: most that lives beside
    the weights in one inference, ``cache`` of it keys and values. training: most that lives beside weights and
    optimizer in one step, of it at the end of the forward pass ``activations``; gradients are among it.
    """

    weights: int
    gradients: int
    optimizer: int
    acting: int
    cache: int
    activations: int
    training: int

    @property
    def inference_peak(self) -> int:
        """Of one inference."""
        return self.weights + self.acting

    @property
    def training_peak(self) -> int:
        """Of one step, the second or a later one: in the first the optimizer has nothing yet."""
        return self.weights + self.optimizer + self.training


def predict_memory(preset: Preset, batch: int = 8, acting_batch: int = 1) -> Memory:
    """Memory of a preset in float32 with AdamW, without allocating it.

    Args:
        preset: in its variant.
        batch: samples of a training step.
        acting_batch: samples of an inference.
    """
    observation = make_example_batch(preset.model, acting_batch, labels=False)
    labelled = make_example_batch(preset.model, batch)
    with torch.device("meta"):
        policy = Policy(preset).eval()
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        _place(policy)
        held = [*policy.parameters(), *policy.buffers()]
        trained = [parameter for parameter in policy.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained)
        observation, labelled = _faked(observation, fake, held), _faked(labelled, fake, held)
        weights = _bytes([*policy.parameters(), *policy.buffers()])
        caches: dict[int, int] = {}
        with LiveTensors(held) as counted, cache_sizes(caches):
            policy.act(observation)
        acting = counted.peak
        policy.train()
        with LiveTensors(held) as counted:
            activations = gradients = state = 0
            for _ in range(2):  # after the first the optimizer has its moments
                state, counted.peak = counted.live, counted.live
                loss, parts = policy.loss(labelled)
                activations = counted.live - state
                loss.backward()
                del loss, parts
                gradients = _bytes(one.grad for one in trained if one.grad is not None)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
    return Memory(weights, gradients, state, acting, sum(caches.values()), activations, counted.peak - state)


def _place(policy: Policy) -> None:
    """Meta tensors of the model become fake ones, which say that they are on the CPU; shared ones stay shared."""
    made: dict[int, Tensor] = {}

    def placed(tensor: Tensor) -> Tensor:
        if id(tensor) not in made:
            empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
            is_parameter = isinstance(tensor, nn.Parameter)
            made[id(tensor)] = nn.Parameter(empty, tensor.requires_grad) if is_parameter else empty
        return made[id(tensor)]

    for module in policy.modules():
        for tensors in (module._parameters, module._buffers):
            tensors.update({name: placed(tensor) for name, tensor in tensors.items() if tensor is not None})


def _faked(batch: Batch, fake: FakeTensorMode, held: list[Tensor]) -> Batch:
    """The batch without its numbers; its tensors are among those that are ``held`` by others."""

    def change(tensor: Tensor) -> Tensor:
        held.append(fake.from_tensor(tensor))
        return held[-1]

    return batch._each(change)


def _bytes(tensors: Iterable[Tensor]) -> int:
    """Of the storages, each once."""
    storages = {one.untyped_storage()._cdata: one.untyped_storage().nbytes() for one in tensors}
    return sum(storages.values())
