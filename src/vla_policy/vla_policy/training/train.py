"""Behaviour cloning of the tabletop policy on CPU processes that share a dataset.

``python -m vla_policy.training.train --data DIR [DIR …] --out DIR --until STEPS`` trains to the step ``--until`` of a
schedule of ``--steps``; a later call with more data and a later ``--until`` goes on where it stopped. One thread per
process: two single-threaded processes are faster on two cores than one process with two threads.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from vla_policy.training.dataset import Demonstrations, Sentences, Statistics, relative
from vla_policy.training.language import LanguageEncoder
from vla_policy.training.model import ModelConfig, TabletopPolicy

LOW, HIGH = -1.5, 1.5  # range of the 256 bins, in units of the q01..q99 range: room for the rarer, faster motions


@dataclass(frozen=True)
class TrainConfig:
    """Everything a run depends on besides the data."""

    steps: int = 3400
    batch: int = 48  # frames per process and step
    labels: int = 3  # instructions per frame
    learning_rate: float = 1.2e-3
    weight_decay: float = 0.02
    warmup: int = 100
    anneal_from: float = 0.6  # fraction of the steps after which the rate falls linearly to zero
    ema: float = 0.995
    seed: int = 1
    sentences: int = 250  # per task and colour


class Trainable(torch.nn.Module):
    """Network and loss in one module, so that data-parallel training sees one forward."""

    def __init__(self, policy: TabletopPolicy, stats: Statistics) -> None:
        super().__init__()
        self.policy = policy
        for name in ("state_mean", "state_std", "action_q01", "action_q99"):
            self.register_buffer(name, torch.tensor(getattr(stats, name), dtype=torch.float32), persistent=False)
        bins = torch.linspace(LOW, HIGH, policy.config.bins)
        self.register_buffer("bins", bins, persistent=False)
        self.register_buffer("noise", 0.02 * torch.randn(64, 3, 96, 96), persistent=False)

    def forward(self, batch: dict[str, Tensor], augment: bool = True) -> dict[str, Tensor]:
        labels = batch["action"].shape[0] // batch["front"].shape[0]
        images = [self._image(batch[name], augment) for name in self.policy.config.cameras]
        state = (batch["state"] - self.state_mean) / self.state_std
        if augment:
            state = state + 0.02 * torch.randn_like(state)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = [f.repeat_interleave(labels, 0) for f in self.policy.encode_images(images)]
            out = self.policy.decode(features, state.repeat_interleave(labels, 0), batch["text"], batch["mask"])
        return self._loss({key: value.float() for key, value in out.items()}, batch)

    def _image(self, image: Tensor, augment: bool) -> Tensor:
        x = image.permute(0, 3, 1, 2).float().div_(255.0)
        if augment:
            gain = 1 + 0.15 * (2 * torch.rand(len(x), 3, 1, 1) - 1)
            shift = 0.08 * (2 * torch.rand(len(x), 1, 1, 1) - 1)
            x.mul_(gain).add_(shift)
            x.add_(self.noise[torch.randint(len(self.noise), (len(x),))]).clamp_(0, 1)
        return x

    def _loss(self, out: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, Tensor]:
        wanted = 2 * (batch["action"] - self.action_q01) / (self.action_q99 - self.action_q01) - 1
        wanted = wanted.clamp(LOW, HIGH)
        # Soft labels: the bins near the wanted value, weighted by a Gaussian of 1.5 bins.
        place = (wanted - LOW) / (HIGH - LOW) * (len(self.bins) - 1)
        near = (place.round().long()[..., None] + torch.arange(-4, 5)).clamp_(0, len(self.bins) - 1)
        soft = torch.softmax(-0.5 * ((place[..., None] - near) / 1.5) ** 2, -1)
        log_p = out["logits"].log_softmax(-1)
        token = -(soft * log_p.gather(-1, near)).sum(-1).mean()
        l1 = (log_p.exp() @ self.bins - wanted).abs().mean()
        done = F.binary_cross_entropy_with_logits(out["done"][:, 0], batch["done"])
        target = (out["target"] - batch["target"]).abs().mean()
        return {"loss": token + 2.0 * l1 + 0.2 * done + 5.0 * target, "token": token, "l1": l1, "done": done,
                "target_m": target}  # fmt: skip


class Loader:
    """Batches of frames with sentences, for one process."""

    def __init__(self, data: Demonstrations, sentences: Sentences, config: TrainConfig, rank: int, world: int) -> None:
        self.data, self.sentences, self.config, self.rank, self.world = data, sentences, config, rank, world

    def __call__(self, step: int) -> dict[str, Tensor]:
        """The batch of ``step``: a pure function of the step, so that a resumed run sees what it would have seen."""
        rng = np.random.default_rng((self.config.seed, self.rank, step))
        frames = self.data.gather(rng.integers(len(self.data), size=self.config.batch))
        k = self.config.labels
        task, color = frames["task_id"][:, :k].reshape(-1), frames["color_id"][:, :k].reshape(-1)
        text, mask = self.sentences.batch(rng, task, color)
        action = relative(frames["chunk"][:, :k], frames["state"][:, None])
        arrays = {
            "front": frames["front"],
            "wrist": frames["wrist"],
            "state": frames["state"].astype(np.float32),
            "text": text,
            "mask": mask,
            "action": action.reshape(-1, *action.shape[2:]).astype(np.float32),
            "done": frames["done"][:, :k].reshape(-1).astype(np.float32),
            "target": frames["target"][:, :k].reshape(-1, 3).astype(np.float32),
        }
        return {key: torch.from_numpy(value) for key, value in arrays.items()}


class Means:
    """Means of the loss's parts over the steps since the last ``take``; after a resumption that may be fewer."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps = 0

    def add(self, parts: dict[str, Tensor]) -> None:
        self._steps += 1
        for key, value in parts.items():
            self._sums[key] = self._sums.get(key, 0.0) + float(value.detach())

    def take(self) -> dict[str, float]:
        means = {key: total / self._steps for key, total in self._sums.items()}
        self._sums, self._steps = {}, 0
        return means


def rate(config: TrainConfig, step: int) -> float:
    """Learning rate of a step: linear warm-up, plateau, linear fall to zero."""
    fall = (config.steps - step) / (config.steps * (1 - config.anneal_from))
    return config.learning_rate * max(0.0, min(1.0, (step + 1) / config.warmup, fall))


def save(path: Path, step: int, policy: TabletopPolicy, ema: TabletopPolicy, optimizer: torch.optim.Optimizer) -> None:
    """Write a checkpoint so that a crash in the middle leaves the old one."""
    state = {"step": step, "policy": policy.state_dict(), "ema": ema.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)


def run(rank: int, world: int, args: argparse.Namespace) -> None:
    """One training process."""
    torch.set_num_threads(1)
    config = TrainConfig(steps=args.steps, seed=args.seed)
    torch.manual_seed(config.seed)
    dist.init_process_group("gloo", init_method=f"file://{args.out}/rendezvous", rank=rank, world_size=world)
    data = Demonstrations(args.data)
    stats = Statistics.load(args.out / "stats.json")
    sentences = Sentences(LanguageEncoder(args.language), config.sentences, config.seed)
    policy = TabletopPolicy(ModelConfig())
    ema = TabletopPolicy(ModelConfig()).requires_grad_(False)
    decay = [p for p in policy.parameters() if p.ndim > 1]
    rest = [p for p in policy.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))
    checkpoint = args.out / "checkpoint.pt"
    start = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        start = state["step"]
        policy.load_state_dict(state["policy"])
        ema.load_state_dict(state["ema"])
        optimizer.load_state_dict(state["optimizer"])
    else:
        ema.load_state_dict(policy.state_dict())
    module = DistributedDataParallel(Trainable(policy, stats), forward_sync_buffers=False)
    load = Loader(data, sentences, config, rank, world)
    torch.manual_seed(config.seed + 1000 * rank + start)
    log = (args.out / "log.csv").open("a", newline="")
    writer = csv.writer(log)
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[text]}"),
               TimeElapsedColumn(), TimeRemainingColumn())  # fmt: skip
    began = time.monotonic()
    since_last = Means()
    with Progress(*columns, disable=rank > 0) as progress:
        bar = progress.add_task("train", total=args.until, completed=start, text="")
        for step in range(start, args.until):
            for group in optimizer.param_groups:
                group["lr"] = rate(config, step)
            parts = module(load(step))
            optimizer.zero_grad(set_to_none=True)
            parts["loss"].backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            optimizer.step()
            follow(ema, policy, min(config.ema, (step + 1) / (step + 10)))
            if rank:
                continue
            since_last.add(parts)
            if (step + 1) % 50 == 0:
                means = since_last.take()
                frames = (step + 1) * config.batch * world
                row = [step + 1, frames, frames * config.labels, round(time.monotonic() - began, 1), rate(config, step)]
                writer.writerow([*row, *(round(v, 5) for v in means.values())])
                log.flush()
                text = " ".join(f"{key} {value:.4f}" for key, value in means.items())
                progress.update(bar, completed=step + 1, text=text)
                if progress.console.is_terminal is False:
                    print(step + 1, text, f"{time.monotonic() - began:.0f}s", flush=True)
            if (step + 1) % 500 == 0 or step + 1 == args.until:
                save(checkpoint, step + 1, policy, ema, optimizer)
    dist.destroy_process_group()


@torch.no_grad()
def follow(ema: TabletopPolicy, policy: TabletopPolicy, decay: float) -> None:
    """Exponential moving average of the weights; counters and running statistics are copied."""
    for mine, theirs in zip(ema.parameters(), policy.parameters(), strict=True):
        mine.lerp_(theirs, 1 - decay)
    for mine, theirs in zip(ema.buffers(), policy.buffers(), strict=True):
        mine.copy_(theirs)


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of demonstration shards")
    parser.add_argument("--language", type=Path, required=True, help="folder of the exported sentence encoder")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint, statistics and log go here")
    parser.add_argument("--steps", type=int, default=TrainConfig.steps, help="length of the schedule")
    parser.add_argument("--until", type=int, default=None, help="stop at this step (default: the whole schedule)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=TrainConfig.seed)
    args = parser.parse_args(argv)
    args.out = args.out.resolve()
    args.until = min(args.until or args.steps, args.steps)
    args.out.mkdir(parents=True, exist_ok=True)
    if not (args.out / "stats.json").exists():
        Statistics.of(Demonstrations(args.data)).save(args.out / "stats.json")
    else:
        Demonstrations(args.data)
    (args.out / "config.json").write_text(json.dumps(asdict(TrainConfig(steps=args.steps, seed=args.seed))))
    (args.out / "rendezvous").unlink(missing_ok=True)
    mp.spawn(run, (args.workers, args), nprocs=args.workers)


if __name__ == "__main__":
    main()
