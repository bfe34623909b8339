"""The simulated arm's demonstrations as episodes of a dataset.

========================== =================== ==================================================================
``observation.images.*``   (96, 96, 3) video   RGB of ``front`` and ``wrist``
``observation.state``      (8,) float32        measured joint1..joint7 [rad], finger_joint1 [m]
``action``                 (8,) float32        where the expert wants them 0.1 s later, for what was asked for
``labels.task``            (K,) int64          index into ``ALL_TASKS`` of each instruction the frame is labelled for;
                                               the first is what was asked for
``labels.target``          (K,) int64          index into ``TARGETS``
``labels.chunk``           (K, 8, 8) float32   absolute joints [rad] and gripper [m], row k due at t + k * 0.1 s
``labels.done``            (K,) bool           the expert regards the instruction as fulfilled
``labels.position``        (K, 3) float32      of the cube or handle meant, base_link [m]; for an auxiliary loss only
``seed``                   (1,) int64          of the episode
========================== =================== ==================================================================

The arm was disturbed on its way, so ``action`` is not always what happened next: it is what should have.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from vla_policy.data.episode import Episode
from vla_policy.data.layout import ACTION, IMAGE_PREFIX, STATE, Feature
from vla_policy.training.grammar import sample_instruction
from vla_sim.expert import HORIZON, PERIOD_S
from vla_sim.labelling import LABELS_PER_FRAME
from vla_sim.robot import ARM_JOINTS, GRIPPER_JOINT
from vla_sim.scene import CAMERAS, IMAGE_SIZE_PX
from vla_sim.spec import ALL_TASKS, TARGETS

ROBOT: Final = "vla_arm"
FPS: Final = 1.0 / PERIOD_S
NAMES: Final = (*ARM_JOINTS, GRIPPER_JOINT)
_LABELS: Final = {"task": "task_id", "target": "color_id", "chunk": "chunk", "done": "done", "position": "target"}

Arrays = Mapping[str, NDArray[Any]]
"""As ``vla_sim.labelling.FrameRecorder`` and the shards have them."""


def features(labels: int = LABELS_PER_FRAME) -> dict[str, Feature]:
    """Of the arm's datasets, without the index columns; ``labels``: instructions a frame is labelled for."""
    image = Feature("video", (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), ("height", "width", "channels"))
    return {
        **{IMAGE_PREFIX + camera: image for camera in CAMERAS},
        STATE: Feature("float32", (8,), NAMES),
        ACTION: Feature("float32", (8,), NAMES),
        "labels.task": Feature("int64", (labels,)),
        "labels.target": Feature("int64", (labels,)),
        "labels.chunk": Feature("float32", (labels, HORIZON, 8)),
        "labels.done": Feature("bool", (labels,)),
        "labels.position": Feature("float32", (labels, 3)),
        "seed": Feature("int64", (1,)),
    }


def episodes_of(arrays: Arrays) -> Iterator[Episode]:
    """The episodes in the arrays of a recording or a shard, each with sentences of its own, drawn from its seed."""
    cuts = np.flatnonzero(np.diff(arrays["episode"])) + 1
    for first, last in zip([0, *cuts], [*cuts, len(arrays["episode"])], strict=True):
        yield _episode({key: values[first:last] for key, values in arrays.items()})


def _episode(arrays: Arrays) -> Episode:
    columns: dict[str, NDArray[Any]] = {
        STATE: arrays["state"],
        ACTION: arrays["chunk"][:, 0, 1],
        **{f"labels.{name}": arrays[key] for name, key in _LABELS.items()},
        "seed": arrays["episode"],
    }
    images = {IMAGE_PREFIX + camera: arrays[camera] for camera in CAMERAS}
    return Episode(columns, images, _sentences(arrays))


def _sentences(arrays: Arrays) -> list[str]:
    """A sentence for each instruction, a new one when it changes."""
    rng = random.Random(int(arrays["episode"][0]))
    asked = np.column_stack([arrays["task_id"][:, 0], arrays["color_id"][:, 0]])
    side = _side(arrays)
    texts: list[str] = []
    for frame, (task, target) in enumerate(asked):
        if frame == 0 or (asked[frame] != asked[frame - 1]).any():
            text = sample_instruction(rng, ALL_TASKS[task], TARGETS[target], side=side).text
        texts.append(text)
    return texts


def _side(arrays: Arrays) -> Literal["", "left", "right"]:
    """Where the drawer stands, empty where there is none."""
    y = float(arrays["furniture"][0, 1]) if "furniture" in arrays else float("nan")
    return "" if np.isnan(y) else "left" if y > 0.0 else "right"


def arrays_of(episode: Episode) -> dict[str, NDArray[Any]]:
    """The arrays of a shard from an episode: the inverse of ``episodes_of``, but for sentences and furniture."""
    columns = episode.columns
    return {
        **{camera: episode.images[IMAGE_PREFIX + camera] for camera in CAMERAS},
        "state": columns[STATE],
        **{key: columns[f"labels.{name}"] for name, key in _LABELS.items()},
        "task_id": columns["labels.task"].astype(np.uint8),
        "color_id": columns["labels.target"].astype(np.uint8),
        "episode": columns["seed"],
    }
