"""Frames of a dataset as batches of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vla_core.contract import CameraSpec
from vla_core.images import fit_to_input
from vla_policy.cloning.errors import TrainError, not_among
from vla_policy.cloning.options import BALANCED, TrainOptions
from vla_policy.data.episode import Episode
from vla_policy.data.layout import ACTION, IMAGE_PREFIX, STATE
from vla_policy.models import Batch, Policy, make_tokenizer
from vla_policy.presets import ModelSpec

CHUNK, DONE, TASK = "labels.chunk", "labels.done", "labels.task"


@dataclass(frozen=True, slots=True)
class Frames:
    """All frames of a dataset, N of them.

    images: camera -> (N, H, W, 3) uint8 at the model's size. state: (N, S). rows: (N, A), one action a frame, or
    (N, H', A), a whole chunk of each. done: (N,) in [0, 1], or None. sentences: their texts; sentence: (N,) index into
    them. task: (N,) names. first, last: (N,) of the episode that the frame is in: it has the frames [first, last).
    """

    images: Mapping[str, NDArray[np.uint8]]
    state: NDArray[np.float32]
    rows: NDArray[np.float32]
    done: NDArray[np.float32] | None
    sentences: list[str]
    sentence: NDArray[np.int64]
    task: NDArray[Any]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)


def read_frames(
    episodes: Iterable[Episode],
    count: int,
    spec: ModelSpec,
    options: TrainOptions,
    folder: Path | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Frames:
    """``count`` frames in ``episodes``; images into files of ``folder``, which then need no memory, or into memory.

    Raises:
        TrainError: ``options.actions`` is no column that holds this model's actions.
    """
    images = {
        camera.name: _room(folder, camera.name, (count, camera.height, camera.width, 3)) for camera in spec.cameras
    }
    sizes = {
        one.name: CameraSpec(one.name, one.width, one.height, "rgb8", "node", "stretch", 1.0) for one in spec.cameras
    }
    parts: dict[str, list[NDArray[Any]]] = {"state": [], "rows": [], "done": [], "sentence": [], "task": []}
    sentences: dict[str, int] = {}
    bounds: list[tuple[int, int]] = []
    at = 0
    for episode in episodes:
        length, columns = len(episode), episode.columns
        for name, room in images.items():
            for offset, image in enumerate(episode.images[IMAGE_PREFIX + name]):
                same = image.shape == room.shape[1:]
                room[at + offset] = image if same else fit_to_input(image, sizes[name])
        parts["state"].append(columns.get(STATE, np.zeros((length, 0), np.float32)))
        parts["rows"].append(_rows(columns, spec, options))
        if DONE in columns:
            parts["done"].append(np.asarray(columns[DONE], np.float32).reshape(length, -1)[:, 0])
        parts["sentence"].append(
            np.array([sentences.setdefault(text, len(sentences)) for text in episode.instructions])
        )
        parts["task"].append(_tasks(episode))
        bounds += [(at, at + length)] * length
        at += length
        progress()
    if at == 0:
        raise TrainError("data: there is no frame in it; record some with `vla policy data make`")
    whole = {key: np.concatenate(arrays) for key, arrays in parts.items() if arrays}
    edges = np.array(bounds, dtype=np.int64)
    return Frames(
        images=images,
        state=whole["state"].astype(np.float32),
        rows=whole["rows"].astype(np.float32),
        done=whole.get("done"),
        sentences=list(sentences),
        sentence=whole["sentence"],
        task=whole["task"],
        first=edges[:, 0],
        last=edges[:, 1],
    )


class Sampler:
    """Batches by number of the step: what is drawn depends on seed, step and process alone, so a run can go on exactly.

    gripper: whether the last action column is a gripper, which is always absolute.

    Raises:
        TrainError: task weights name no task of the data, or leave nothing to draw.
    """

    def __init__(self, frames: Frames, spec: ModelSpec, options: TrainOptions, gripper: bool) -> None:
        self.frames, self.spec, self.options = frames, spec, options
        self.gripper = gripper
        self.ids, self.mask = make_tokenizer(spec.text)(frames.sentences)
        self._shares = np.cumsum(_weights(frames.task, options.task_weights))
        self._augment = _augmentation() if options.augment else None

    def __call__(self, step: int, process: int = 0) -> Batch:
        """The batch of a step."""
        draw = np.random.default_rng([self.options.seed, step, process])
        chosen = np.searchsorted(self._shares, draw.random(self.options.batch) * self._shares[-1], side="right")
        batch = self.batch(np.minimum(chosen, len(self.frames) - 1))
        if self._augment is None:
            return batch
        generator = torch.Generator().manual_seed(int(draw.integers(2**62)))
        batch.images.update(self._augment(batch.images, generator))  # type: ignore[attr-defined]
        return batch

    def batch(self, index: NDArray[np.int64]) -> Batch:
        """These frames, in physical numbers."""
        frames, spec = self.frames, self.spec
        past = np.maximum(index[:, None] - np.arange(spec.history - 1, -1, -1), frames.first[index][:, None])
        images = {
            name: torch.from_numpy(np.ascontiguousarray(array[past])).permute(0, 1, 4, 2, 3).float() / 255.0
            for name, array in frames.images.items()
        }
        actions, padding = self.actions(index)
        last = frames.last[index] - 1
        sentence = torch.from_numpy(frames.sentence[index])
        return Batch(
            images=images,
            text_ids=self.ids[sentence],
            text_mask=self.mask[sentence],
            state=torch.from_numpy(frames.state[index]) if spec.state != "none" else None,
            actions=torch.from_numpy(actions),
            padding=torch.from_numpy(padding),
            done=None if frames.done is None else torch.from_numpy(frames.done[index]),
            value=torch.from_numpy((self.options.discount ** (last - index)).astype(np.float32)),
        )

    def actions(self, index: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(B, H, A) in the kind that the model answers, and (B, H) whether the episode had ended."""
        frames, robot, horizon = self.frames, self.spec.robots[0], self.spec.horizon
        ahead = index[:, None] + np.arange(horizon)
        if frames.rows.ndim == 3:
            actions, padding = frames.rows[index, :horizon].copy(), np.zeros(ahead.shape, bool)
        else:
            last = frames.last[index][:, None] - 1
            actions, padding = frames.rows[np.minimum(ahead, last)], ahead > last
        if robot.space == "joint_position" and robot.kind != "absolute":
            joints = actions.shape[-1] - self.gripper
            before = frames.state[index][:, None, :joints]
            if robot.kind == "step_relative":
                before = np.concatenate([before, actions[:, :-1, :joints]], 1)
            actions[..., :joints] -= before
        return actions, padding

    def set_statistics(self, policy: Policy) -> None:
        """Normalization by all frames: the state by mean and deviation, actions as ``options.normalization`` says."""
        if self.spec.state != "none":
            policy.normalize_state.set(*_tensors(self.frames.state.mean(0), self.frames.state.std(0)))
        actions, padding = self.actions(np.arange(len(self.frames)))
        values = actions[~padding].astype(np.float64)
        if self.options.normalization == "mean_std":
            offset, scale = values.mean(0), values.std(0)
        else:
            ends = (0.01, 0.99) if self.options.normalization == "quantile" else (0.0, 1.0)
            low, high = np.quantile(values, ends, axis=0)
            offset, scale = (low + high) / 2, (high - low) / 2
        policy.normalize_action.set(*_tensors(offset, scale))


def _room(folder: Path | None, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if folder is None:
        return np.empty(shape, np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    room: NDArray[np.uint8] = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
    return room


def _rows(columns: Mapping[str, NDArray[Any]], spec: ModelSpec, options: TrainOptions) -> NDArray[np.float32]:
    """The chunk of the instruction that was given, where frames are labelled for several; or one action a frame."""
    chunk = columns.get(CHUNK)
    long_enough = chunk is not None and chunk.ndim == 4 and chunk.shape[2] >= spec.horizon
    name = options.actions or (CHUNK if long_enough else ACTION)
    if name not in (CHUNK, ACTION) or name not in columns:
        raise not_among("actions", name, [key for key in (CHUNK, ACTION) if key in columns])
    if name == ACTION:
        return columns[ACTION]
    if not long_enough:
        raise TrainError(
            f"actions: {CHUNK} is shorter than the horizon, {spec.horizon}; use action, or --set horizon=…"
        )
    rows: NDArray[np.float32] = columns[CHUNK][:, 0]
    return rows


def _tasks(episode: Episode) -> NDArray[Any]:
    """Name of each frame's task: the arm's own, or else the sentence."""
    if TASK not in episode.columns:
        return np.array(episode.instructions)
    from vla_sim.spec import ALL_TASKS

    return np.array([ALL_TASKS[row] for row in np.asarray(episode.columns[TASK]).reshape(len(episode), -1)[:, 0]])


def _weights(task: NDArray[Any], weights: Mapping[str, float]) -> NDArray[np.float64]:
    names, index, counts = np.unique(task, return_inverse=True, return_counts=True)
    for name in weights:
        if name not in (*names, BALANCED) or (name == BALANCED and len(weights) > 1):
            shown = [str(one) for one in names[:20]]
            raise not_among("task_weights", name, shown, f"or {BALANCED} alone, for every task as often")
    each = 1.0 / counts if BALANCED in weights else np.array([weights.get(str(name), 1.0) for name in names])
    if not (each * counts).sum() > 0:
        raise TrainError("task_weights: every task has the weight 0; leave one above it")
    result: NDArray[np.float64] = each[index].astype(np.float64)
    return result


def _augmentation() -> Any:
    try:
        from vla_policy.data.augment import Augmentation
    except ImportError as error:
        raise TrainError(f"augment: vla_policy.data.augment cannot be loaded ({error}); leave --augment out") from error
    return Augmentation()


def _tensors(*arrays: NDArray[Any]) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(np.asarray(array, np.float32)) for array in arrays)
