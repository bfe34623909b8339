"""Does the released lerobot read our datasets, and do we read its own? docs/datasets.md has the commands.

``read`` and ``write`` run in an environment with lerobot 0.4.4, ``compare`` in the training environment.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

IMAGES = "observation.images."


def lerobot_dataset() -> Any:
    """The class, where torchvision may lack its compiled part: its Python part wants to know this operator."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        lerobot_dataset.library = library  # type: ignore[attr-defined]  # it lives as long as the process
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset


def read(root: str, out: str) -> None:
    """Dump every frame and statistic that lerobot gives."""
    dataset = lerobot_dataset()("local/dataset", root=root, video_backend="pyav")
    print(f"lerobot opened {dataset.num_episodes} episodes, {dataset.num_frames} frames, {dataset.meta.camera_keys}")
    found: dict[str, list[Any]] = {}
    for index in range(len(dataset)):
        for key, value in dataset[index].items():
            array = value if isinstance(value, str) else value.numpy()
            if key.startswith(IMAGES):
                array = np.round(array.transpose(1, 2, 0) * 255).astype(np.uint8)
            found.setdefault(key, []).append(array)
    arrays = {key: np.stack(values) for key, values in found.items()}
    for key, entry in dataset.meta.stats.items():
        arrays |= {f"stats/{key}/{name}": np.asarray(values) for name, values in entry.items()}
    np.savez(out, **arrays)  # type: ignore[arg-type]


def write(root: str, out: str) -> None:
    """Record three made-up episodes with lerobot, and dump what went in."""
    names = ["a", "b", "c"]
    vector = {"dtype": "float32", "shape": (3,), "names": names}
    image = {"dtype": "video", "shape": (64, 96, 3), "names": ["height", "width", "channels"]}
    features = {"observation.state": vector, "action": vector, f"{IMAGES}front": image}
    dataset = lerobot_dataset().create("local/theirs", 10, features, root=root, vcodec="h264")
    rng, kept = np.random.default_rng(0), []
    y, x = np.mgrid[0:64, 0:96] / 64.0
    for episode in range(3):
        for step in range(8 + episode):
            wave = np.stack([x + episode, y + 0.4 * step, x - y], axis=-1)
            frame = {key: rng.normal(size=3).astype(np.float32) for key in ("observation.state", "action")}
            frame[f"{IMAGES}front"] = (127.5 + 100 * np.cos(3 * wave)).astype(np.uint8)
            dataset.add_frame({**frame, "task": f"task {episode % 2}"})
            kept.append({**frame, "task": f"task {episode % 2}"})
        dataset.save_episode()
    dataset.finalize()
    np.savez(out, **{key: np.stack([frame[key] for frame in kept]) for key in kept[0]})  # type: ignore[arg-type]


def compare(root: str, dump: str) -> None:
    """Our reader against the dump: numbers, sentences and statistics identical, images told."""
    from vla_policy.data.checking import check
    from vla_policy.data.reader import open_dataset

    print(check(Path(root)))
    dataset, theirs = open_dataset(Path(root)), np.load(dump)
    largest, mean = 0, 0.0
    for number, place in enumerate(dataset.places):
        rows = slice(place.first, place.last)
        episode, columns = dataset.episode(number), dataset.columns(number)
        for key in (key for key in columns if key in theirs.files):
            np.testing.assert_array_equal(theirs[key][rows], columns[key], err_msg=f"episode {number}: {key}")
        assert list(theirs["task"][rows]) == episode.instructions, f"episode {number}: sentences"
        for key, images in episode.images.items():
            error = np.abs(images.astype(int) - theirs[key][rows])
            largest, mean = max(largest, int(error.max())), max(mean, float(error.mean()))
    for name in (name for name in theirs.files if name.startswith("stats/")):
        _, key, statistic = name.split("/")
        np.testing.assert_array_equal(theirs[name], dataset.stats[key][statistic], err_msg=name)
    print(
        f"numbers, sentences, statistics identical; images differ by {largest} of 255 at most, {mean:.2f} in the mean"
    )


if __name__ == "__main__":
    {"read": read, "write": write, "compare": compare}[sys.argv[1]](*sys.argv[2:])
