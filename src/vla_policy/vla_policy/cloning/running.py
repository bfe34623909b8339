"""A run from end to end: dataset, preset, training, bundle; and what its folder keeps."""

from __future__ import annotations

import json
import platform
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from vla_policy.cloning.bundle import Left, facts, make_bundle
from vla_policy.cloning.embodiments import embodiment_of, fitted, require_fit
from vla_policy.cloning.errors import TrainError
from vla_policy.cloning.options import CHANGEABLE, TrainOptions
from vla_policy.cloning.samples import Frames, Sampler, read_frames
from vla_policy.data.layout import IMAGE_PREFIX
from vla_policy.presets import Preset

CONFIG, VERSION, FRAMES, BUNDLE = "config.yaml", "version.json", "frames", "bundle"


@dataclass(frozen=True, slots=True)
class Request:
    """What ``vla policy train`` was asked for. preset: name or file. changes: of its ``model`` section."""

    preset: str
    variant: str
    changes: Mapping[str, Any]
    data: Path
    run: Path
    options: TrainOptions
    embodiment: Path | None = None
    stop_after: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """step: reached. left: the bundle, when the run is done. row: the newest metrics."""

    step: int
    left: Left | None


def run(request: Request, on: Callable[[str, int, int, Mapping[str, float]], None]) -> Report:
    """Train, or go on where an interrupted run stopped.

    on: called with what is done, how far, of how many, and the newest metrics.

    Raises:
        VlaError: TrainError, PresetError or DatasetError for what cannot be; DivergedError for a run that was stopped.
    """
    from accelerate import Accelerator

    from vla_policy.cloning.loop import train
    from vla_policy.data.reader import open_dataset

    dataset = open_dataset(request.data)
    embodiment = embodiment_of(dataset.info, request.embodiment)
    preset = fitted(request.preset, request.variant, request.changes, embodiment)
    require_fit(preset, dataset.info)
    robot = preset.model.robots[0]
    if embodiment is None and robot.space == "joint_position" and robot.kind != "absolute":
        raise TrainError(
            f"robots[0].kind: {robot.kind}, but which column is the gripper is not known; give --embodiment FILE, "
            "or a robot with kind: absolute"
        )
    accelerator = Accelerator(mixed_precision=request.options.precision)
    if accelerator.is_main_process:
        _note(request, preset, dataset.info.frames)
    accelerator.wait_for_everyone()

    def read(folder: Path | None) -> Frames:
        total, done = len(dataset), 0

        def advance() -> None:
            nonlocal done
            done += 1
            on("reading", done, total, {})

        episodes = (dataset.episode(number) for number in range(total))
        return read_frames(episodes, dataset.info.frames, preset.model, request.options, folder, advance)

    # Each process has files of its own: they are written anew by every start, and deleted at its end.
    folder = request.run / FRAMES / str(accelerator.process_index)
    try:
        frames = read(folder)
        gripper = embodiment is not None and bool(embodiment.contract["action"].get("gripper"))
        sampler = Sampler(frames, preset.model, request.options, gripper)
        with _interrupts() as stopped:
            outcome = train(
                preset,
                sampler,
                request.run,
                request.options,
                accelerator,
                request.stop_after,
                lambda step, row: on("training", step, request.options.steps, row),
                stopped,
            )
        left = None
        if outcome.done and accelerator.is_main_process:
            sizes = {
                key.removeprefix(IMAGE_PREFIX): dataset.info.features[key].shape[:2] for key in dataset.info.cameras
            }
            bundle = request.run / BUNDLE
            left = make_bundle(outcome.policy.cpu(), frames, sizes, embodiment, preset.name, bundle)  # type: ignore[arg-type]
            (request.run / "bundle.json").write_text(facts(left))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Report(outcome.step, left)


def _note(request: Request, preset: Preset, frames: int) -> None:
    """Write what this run is, or hold it against what was begun in its folder."""
    config = {
        "preset": preset.name,
        "variant": preset.variant,
        "data": {"path": str(request.data), "frames": frames},
        "options": json.loads(json.dumps(asdict(request.options))),
        "model": json.loads(json.dumps(preset.raw, default=str)),
    }
    path = request.run / CONFIG
    if path.exists():
        begun = yaml.safe_load(path.read_text(encoding="utf-8"))
        for section, key, old, new in _differences(begun, config):
            raise TrainError(
                f"{section}{key}: {request.run} was begun with {old!r}, now it is {new!r}; "
                "give the same to go on, or another --out"
            )
    elif request.run.exists() and any(request.run.iterdir()):
        raise TrainError(f"out: {request.run} holds something else; name another folder")
    request.run.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    (request.run / VERSION).write_text(json.dumps(_version(), indent=1))


def _differences(begun: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    for key in ("preset", "variant", "model", "data"):
        if begun.get(key) != config[key]:
            yield "", key, begun.get(key), config[key]
    for key, value in config["options"].items():
        if key not in CHANGEABLE and begun.get("options", {}).get(key) != value:
            yield "options.", key, begun.get("options", {}).get(key), value


def _version() -> dict[str, str | None]:
    """Of the code, where it comes out of git, and of what decides numbers."""
    import torch
    import transformers

    here = Path(__file__).parent
    answers = []
    for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            answer = subprocess.run(["git", "-C", str(here), *command], capture_output=True, text=True, check=True)
            answers.append(answer.stdout.strip())
        except (OSError, subprocess.CalledProcessError):
            answers.append("")
    return {
        "commit": answers[0] or None,
        "changed": ("yes" if answers[1] else "no") if answers[0] else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM came; the step is finished and saved, a second one ends at once."""
    asked = False

    def note(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
