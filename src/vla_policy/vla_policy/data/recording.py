"""``vla policy data make``: demonstrations of the scripted expert as a dataset, by several processes."""

from __future__ import annotations

import functools
import multiprocessing
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from numpy.random import Generator

from vla_policy.data import arm
from vla_policy.data.errors import DatasetError
from vla_policy.data.layout import Info, read_json, write_json
from vla_policy.data.writer import is_complete, merge, write_part
from vla_sim.demonstrations import Demonstrator, record_episode, use_demonstrator
from vla_sim.furnished_sampling import sample_any_scene
from vla_sim.spec import ALL_TASKS, TRAINING_SEEDS, SceneSpec, require_choice

PARTS: Final = ".parts"
_RECIPE: Final = "recipe.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to record. tasks: drawn from for each episode. first_seed: episode k belongs to seed first_seed + k."""

    episodes: int
    tasks: tuple[str, ...] = ALL_TASKS
    first_seed: int = 0
    part_episodes: int = 20

    def require(self) -> None:
        """DatasetError or SceneError for impossible values."""
        for task in self.tasks:
            require_choice("task", task, ALL_TASKS)
        last = self.first_seed + self.episodes - 1
        if self.episodes < 1 or self.first_seed not in TRAINING_SEEDS or last not in TRAINING_SEEDS:
            raise DatasetError(
                f"seeds {self.first_seed} to {last} are not all in {TRAINING_SEEDS.start} to "
                f"{TRAINING_SEEDS.stop - 1}, which are those of training"
            )


def parts_of(recipe: Recipe, out: Path) -> list[tuple[Path, range]]:
    """Folder and seeds of every part."""
    end = recipe.first_seed + recipe.episodes
    starts = range(recipe.first_seed, end, recipe.part_episodes)
    return [
        (out / PARTS / f"part_{start:07d}", range(start, min(start + recipe.part_episodes, end))) for start in starts
    ]


def record(recipe: Recipe, out: Path, workers: int) -> Iterator[tuple[str, int, int]]:
    """Make the dataset ``out``; yields ("recording" or "merging", episodes, frames) for the progress.

    Parts that an interrupted run has finished are kept. DatasetError where ``out`` holds another recording.
    """
    recipe.require()
    if is_complete(out):
        raise DatasetError(f"{out} is a finished dataset; name another folder")
    _require_recipe(recipe, out)
    parts = parts_of(recipe, out)
    missing = []
    for path, seeds in parts:
        if path.exists():
            yield "recording", len(seeds), 0
        else:
            missing.append((path, seeds))
    if missing:
        os.environ.setdefault("MUJOCO_GL", "egl")
        os.environ["OMP_NUM_THREADS"] = "1"
        prepare = functools.partial(_prepare, recipe.tasks)
        with multiprocessing.get_context("spawn").Pool(workers, prepare) as pool:
            for episodes, frames in pool.imap_unordered(_record_part, missing):
                yield "recording", episodes, frames
    for path, _ in parts:
        if not path.exists():
            raise DatasetError(f"{path} is missing; run the same command again")
    info = Info(arm.FPS, arm.features(), arm.ROBOT)
    merge([path for path, _ in parts], out, info)
    shutil.rmtree(out / PARTS)
    (out / _RECIPE).unlink()
    yield "merging", 0, 0


def scene(tasks: Sequence[str], rng: Generator, seed: int) -> SceneSpec:
    """An episode's scene: one of ``tasks``, half of those of the plain table's with furniture around."""
    return sample_any_scene(rng, tasks, seed=seed)


def _prepare(tasks: Sequence[str]) -> None:
    use_demonstrator(Demonstrator(scenes=functools.partial(scene, tasks)))


def _record_part(job: tuple[Path, range]) -> tuple[int, int]:
    path, seeds = job
    episodes = [episode for seed in seeds for episode in arm.episodes_of(record_episode(seed))]
    return len(seeds), write_part(path, arm.FPS, arm.features(), episodes, first=seeds.start)


def _require_recipe(recipe: Recipe, out: Path) -> None:
    """Note the recipe, or hold it against the one that was begun here."""
    path = out / _RECIPE
    wanted = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(recipe).items()}
    if not path.exists():
        if out.exists() and any(out.iterdir()):
            raise DatasetError(f"{out} holds something else; name another folder")
        write_json(path, wanted)
    begun = read_json(path)
    if begun != wanted:
        differences = ", ".join(f"{name} {begun.get(name)}" for name in wanted if begun.get(name) != wanted[name])
        raise DatasetError(f"{out} holds an unfinished recording of another recipe ({differences})")
