"""What a preset really needs on this CPU: by the allocator of PyTorch, in a process of its own.

``python -m vla_policy.memory.measurement VARIANT BATCH PRESET …`` prints JSON as its last line. The operating system's
numbers (resident set) are no use here: libraries, threads and the heap's reserves are larger than a small model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from vla_policy.models import build_policy
from vla_policy.models.example import make_example_batch
from vla_policy.presets import load_preset


def measure(name: str, variant: str, batch: int) -> dict[str, int]:
    """Most bytes allocated beside weights and optimizer, in one inference and in one training step."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    policy = build_policy(load_preset(name, variant))
    observation = make_example_batch(policy.spec, 1, labels=False)
    labelled = make_example_batch(policy.spec, batch)
    optimizer = torch.optim.AdamW([one for one in policy.parameters() if one.requires_grad], lr=1e-4)

    def step() -> None:
        loss, _ = policy.loss(labelled)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    policy.act(observation)
    acting = _peak(lambda: policy.act(observation))
    policy.train()
    before = _resting(policy, optimizer)
    step()  # the optimizer has its state after this one
    optimizer_bytes = _resting(policy, optimizer) - before
    training = _peak(step)
    return {
        "weights": before,
        "optimizer": optimizer_bytes,
        "acting": acting,
        "training": training,
        "inference_peak": before + acting,
        "training_peak": before + optimizer_bytes + training,
    }


def _resting(policy: torch.nn.Module, optimizer: torch.optim.Optimizer) -> int:
    held = [*policy.parameters(), *policy.buffers()]
    held += [value for one in optimizer.state.values() for value in one.values()]
    storages = {one.untyped_storage()._cdata: one.untyped_storage().nbytes() for one in held}
    return sum(storages.values())


def _peak(work: Callable[[], Any]) -> int:
    """Most bytes that ``work`` had allocated at once, of what it allocated itself."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        work()
    live = peak = 0
    for one in _allocations(recorded):
        live += one
        peak = max(peak, live)
    return peak


def _allocations(recorded: Any) -> list[int]:
    """Bytes of every allocation, negative where it was freed, in the order of time."""
    found: list[tuple[int, int]] = []
    waiting = list(recorded.profiler.kineto_results.experimental_event_tree())
    while waiting:
        event = waiting.pop()
        waiting.extend(event.children)
        if event.typed[0] == torch._C._profiler._EventType.Allocation:
            found.append((event.start_time_ns, event.typed[1].alloc_size))
    return [size for _, size in sorted(found, key=lambda one: one[0])]


if __name__ == "__main__":
    found = {name: measure(name, sys.argv[1], int(sys.argv[2])) for name in sys.argv[3:]}
    print("\n" + json.dumps(found))
