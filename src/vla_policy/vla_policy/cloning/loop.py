"""The loop: batches, gradients, checkpoints; through accelerate, on a CPU, a GPU or several."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from vla_policy.cloning.divergence import DivergenceWatch
from vla_policy.cloning.errors import DivergedError
from vla_policy.cloning.lora import add_lora, checkpoint_activations, merge_lora
from vla_policy.cloning.metrics import Metrics
from vla_policy.cloning.options import TrainOptions
from vla_policy.cloning.samples import Sampler
from vla_policy.cloning.states import checkpoints, load_state, save_state
from vla_policy.models import Batch, Policy, build_policy
from vla_policy.presets import Preset

CHECKPOINTS = "checkpoints"
KEPT = 2
_LOWEST_RATE = 0.05  # of the highest, at the end


@dataclass(frozen=True, slots=True)
class Outcome:
    """policy: as the run left it, in evaluation mode, adapters merged where it is ``done``. step: reached."""

    policy: Policy
    step: int
    done: bool


class _Loss(nn.Module):
    """The loss as ``forward``, which is what distributed training wraps."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return self.policy.loss(batch)


def rate(step: int, options: TrainOptions) -> float:
    """Learning rate of a step, counted from 0: a line up, then a cosine down."""
    if step < options.warmup:
        return options.rate * (step + 1) / options.warmup
    share = (step - options.warmup) / max(1, options.steps - options.warmup)
    return options.rate * (_LOWEST_RATE + (1 - _LOWEST_RATE) * 0.5 * (1 + math.cos(math.pi * share)))


def make_policy(preset: Preset, options: TrainOptions, sampler: Sampler | None) -> Policy:
    """The model at step 0: weights by the seed, statistics by the data, adapters where asked."""
    torch.manual_seed(options.seed)
    policy = build_policy(preset)
    if sampler is not None:
        sampler.set_statistics(policy)
    if options.checkpointing:
        checkpoint_activations(policy)
    if options.lora_rank:
        add_lora(policy, options.lora_rank, options.lora_parts)
    return policy


def make_optimizer(policy: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    """AdamW over what is trained; weights decay, norms and biases do not."""
    trained = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    groups = [
        {"params": [one for one in trained if one.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [one for one in trained if one.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=options.rate)


def train(
    preset: Preset,
    sampler: Sampler,
    run: Path,
    options: TrainOptions,
    accelerator: Accelerator | None = None,
    stop_after: int | None = None,
    progress: Callable[[int, dict[str, float]], None] = lambda step, row: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train to the end, or go on from the newest checkpoint of ``run``.

    stop_after: this step, as if interrupted. progress: called after each step with its number and the newest row.
    stopped: asked after each step whether to leave, with a checkpoint.

    Raises:
        DivergedError: the run no longer learns; its last good state is the newest checkpoint.
    """
    accelerator = accelerator or Accelerator(mixed_precision=options.precision)
    policy = make_policy(preset, options, sampler).to(accelerator.device)
    optimizer = make_optimizer(policy, options)
    scaler = accelerator.scaler
    watch = DivergenceWatch(options.diverged_above, options.diverged_after, scaled=scaler is not None)
    first = 0
    found = checkpoints(run / CHECKPOINTS)
    if found:
        state = load_state(found[-1], policy, optimizer)
        first = int(state["step"])
        watch.restore(state["watch"])
        if scaler is not None and state["scaler"]:
            scaler.load_state_dict(state["scaler"])
    wrapped, optimizer = accelerator.prepare(_Loss(policy), optimizer)
    run.mkdir(parents=True, exist_ok=True)
    main = accelerator.is_main_process
    metrics = Metrics(run, first, options.tensorboard) if main else None

    def keep(step: int) -> None:
        accelerator.wait_for_everyone()
        if main:
            numbers = {"step": step, "watch": watch.state(), "scaler": scaler.state_dict() if scaler else None}
            save_state(run / CHECKPOINTS / f"step_{step:07d}", policy, optimizer, numbers)
            for old in checkpoints(run / CHECKPOINTS)[:-KEPT]:
                shutil.rmtree(old)

    def stop(step: int, loss: float, reason: str) -> None:
        """The weights are those of ``step`` steps; they are kept unless they are what went wrong."""
        if not math.isfinite(loss) or watch.risen or not _finite(policy):
            note = "its last good state is"
        else:
            keep(step)
            note = "the state before it is"
        saved = checkpoints(run / CHECKPOINTS)
        where = str(saved[-1])
        text = f"diverged at step {step + 1}: {reason}; {note} {where}. Lower --rate or --clip, or look at the data"
        if main:
            (run / "diverged.json").write_text(
                json.dumps({"step": step + 1, "reason": reason, "kept": where}, indent=1)
            )
        raise DivergedError(text)

    if not found:
        keep(0)  # a good state to fall back to, whatever comes
    policy.train()
    step, began, row = first, time.monotonic(), {}
    try:
        for step in range(first, options.steps):
            _seed(options.seed, step, accelerator.process_index)
            batch = sampler(step, accelerator.process_index).to(accelerator.device)
            for group in optimizer.param_groups:
                group["lr"] = rate(step, options)
            with accelerator.autocast():
                loss, parts = wrapped(batch)
            accelerator.backward(loss)
            norm = accelerator.clip_grad_norm_(policy.parameters(), options.clip)
            numbers = _mean(accelerator, {"loss": loss, **{f"loss/{name}": part for name, part in parts.items()}})
            reason = watch.reason(numbers["loss"], float(norm))
            if reason is not None:
                stop(step, numbers["loss"], reason)
            optimizer.step()
            optimizer.zero_grad()
            policy.after_step()
            done = step + 1
            if metrics is not None and (done % options.log_every == 0 or done == options.steps):
                row = {"step": done, "seconds": time.monotonic() - began, "rate": rate(step, options)}
                row |= {"norm": float(norm), **numbers}
                metrics.add(row)
            progress(done, row)
            leave = done == options.steps or done == stop_after or stopped()
            # While the loss is risen nothing is saved, so that the newest checkpoint is a good one.
            if done == options.steps or ((leave or done % options.save_every == 0) and not watch.risen):
                keep(done)
            if leave:
                break
    finally:
        if metrics is not None:
            metrics.close()
    reached = checkpoints_step(run) if main else step + 1
    finished = reached == options.steps
    if finished:
        merge_lora(policy)
    return Outcome(policy.eval(), reached, finished)


def checkpoints_step(run: Path) -> int:
    """The step of the newest checkpoint; 0: there is none."""
    found = checkpoints(run / CHECKPOINTS)
    return int(found[-1].name.removeprefix("step_")) if found else 0


def _seed(seed: int, step: int, process: int) -> None:
    """Noise and dropout of a step depend on its number alone, so that a run that goes on draws the same."""
    mixed = torch.Generator().manual_seed((seed * 1_000_003 + step) * 1_009 + process)
    torch.manual_seed(int(torch.randint(2**62, (1,), generator=mixed)))


def _mean(accelerator: Accelerator, values: dict[str, Tensor]) -> dict[str, float]:
    """Over the processes."""
    means: Any = accelerator.reduce(torch.stack([value.detach().float() for value in values.values()]), "mean")
    return dict(zip(values, means.tolist(), strict=True))


def _finite(policy: nn.Module) -> bool:
    return all(bool(torch.isfinite(parameter).all()) for parameter in policy.parameters())
