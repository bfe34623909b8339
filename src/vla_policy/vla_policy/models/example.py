"""A batch that fits a model: for tests, for the export's trace, and as shape documentation that runs."""

from __future__ import annotations

from dataclasses import replace

import torch

from vla_policy.models.batch import Batch
from vla_policy.models.text import make_tokenizer
from vla_policy.presets import ModelSpec

SENTENCES = ("pick the red cube", "push the blue cube left", "reach green", "push red right")


def make_example_batch(spec: ModelSpec, size: int = 4, seed: int = 0, labels: bool = True) -> Batch:
    """Random images and numbers, sentences that differ; actions in [-0.8, 0.8], smooth over the chunk.

    Text is real where the tokenizer is ``bytes``, otherwise ids from 3 to 99, so that no file is needed.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return torch.rand(shape, generator=generator) * (high - low) + low

    if spec.text.tokenizer == "bytes":
        ids, mask = make_tokenizer(spec.text)([SENTENCES[index % len(SENTENCES)] for index in range(size)])
    else:
        ids = torch.randint(3, 100, (size, spec.text.length), generator=generator)
        mask = torch.arange(spec.text.length) < torch.randint(2, spec.text.length, (size, 1), generator=generator)
    robot = torch.arange(size) % len(spec.robots)
    has = torch.tensor([robot.action for robot in spec.robots])[robot][:, None] > torch.arange(spec.action_dim)
    batch = Batch(
        images={camera.name: uniform(size, spec.history, 3, camera.height, camera.width) for camera in spec.cameras},
        depth={
            camera.name: uniform(size, spec.history, 1, camera.height, camera.width, low=0.3, high=1.5)
            for camera in spec.cameras
            if camera.depth
        },
        text_ids=ids,
        text_mask=mask,
        state=uniform(size, spec.state_dim, low=-1.0) if spec.state_dim else None,
        robot=robot,
    )
    if not labels:
        return batch
    start, end = uniform(2, size, 1, spec.action_dim, low=-0.8, high=0.8)
    ramp = torch.linspace(0.0, 1.0, spec.horizon)[None, :, None]
    return replace(
        batch,
        actions=(start + (end - start) * ramp) * has[:, None],
        padding=torch.zeros(size, spec.horizon, dtype=torch.bool),
        done=(torch.arange(size) % 2).float(),
        value=uniform(size, low=0.5),
        skill=torch.arange(size) % 2,
        reward=(torch.arange(size) % 2).float(),
        following=make_example_batch(spec, size, seed + 1, labels=False),
    )
