"""Demonstrations of the scripted expert, as shards for training.

``python -m vla_sim.demonstrations --episodes 2000 --out DIR --workers 2`` writes ``shard_000000.npz``, … (layout in
``FrameRecorder``). Every episode belongs to its seed, shards that are there are not recorded again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn

from vla_sim.disturbance import Disturbance, random_start
from vla_sim.expert import PERIOD_S, Expert, ExpertChunk
from vla_sim.follower import ChunkFollower
from vla_sim.labelling import FrameRecorder, Instruction, choose_labels, is_possible, possible_instructions
from vla_sim.sampling import sample_scene
from vla_sim.simulation import TabletopSim
from vla_sim.spec import TRAINING_SEEDS, SceneSpec
from vla_sim.state import SimState

SHARD_EPISODES: Final = 20
MAX_STEPS: Final = 100
MAX_FURNISHED_STEPS: Final = 220  # two steps, one after the other
HOLD_STEPS: Final = (5, 12)  # frames recorded after the instruction was fulfilled
SWITCH_PROBABILITY: Final = 0.30  # of a new instruction in mid-motion
FOLLOW_UP_PROBABILITY: Final = 0.30  # of a new instruction after the first is fulfilled
CONTROL_S: Final = 0.01


Actor = Callable[[TabletopSim, Instruction, bool], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Who moves the arm instead of the expert.

(simulation, instruction, whether it is new) -> joints (H, 7) [rad], gripper (H,) [m].
"""

Scenes = Callable[[Generator, int], SceneSpec]
"""Draws the scene of an episode: (random numbers, seed) -> scene."""


class Demonstrator:
    """Records episodes, one after the other, in one process.

    Every frame is labelled by the expert. The arm is moved by the expert with disturbances, or by ``actor``: frames
    of a trained policy, so labelled, are corrections (DAgger, Ross et al. 2011).
    """

    def __init__(self, actor: Actor | None = None, scenes: Scenes | None = None) -> None:
        """``scenes``: draws each episode's scene, furnished ones too; None: the plain table."""
        self.sim = TabletopSim(furnished=scenes is not None)
        self.expert = Expert()
        self._actor = actor
        self._scenes: Scenes = scenes or (lambda rng, seed: sample_scene(rng, seed=seed))
        self._furnished = scenes is not None

    def record(self, seed: int) -> dict[str, NDArray[Any]]:
        """The episode that belongs to ``seed``; arrays as in ``FrameRecorder``."""
        rng = np.random.default_rng(seed)
        scene = self._scenes(rng, seed)
        self.sim.reset(scene, *random_start(rng))
        recorder, disturbance = FrameRecorder(self.expert), Disturbance(rng)
        state = self.sim.state()
        follower = ChunkFollower(state.q_rad, state.gripper_m, PERIOD_S)
        program = _Program(rng, (scene.task, scene.target))
        followed = None
        while len(recorder) < (MAX_FURNISHED_STEPS if self._furnished else MAX_STEPS):
            state = self.sim.state()
            chunk = self.expert.chunk(state, *program.instruction)
            recorder.add(self.sim, state, choose_labels(rng, state, program.instruction), seed)
            if not program.goes_on(state, chunk):
                break
            if self._actor is None:
                rows, gripper = disturbance.apply(chunk.q_rad, chunk.gripper_m)
            else:
                rows, gripper = self._actor(self.sim, program.instruction, program.instruction != followed)
            followed = program.instruction
            self._run(follower, disturbance.latency_s)
            follower.start(rows, gripper, age_s=disturbance.latency_s)
            self._run(follower, PERIOD_S - disturbance.latency_s)
        return recorder.arrays()

    def _run(self, follower: ChunkFollower, duration_s: float) -> None:
        for _ in range(round(duration_s / CONTROL_S)):
            follower.advance(CONTROL_S)
            self.sim.set_targets(follower.q_rad, follower.gripper_m, follower.dq_rad_s)
            self.sim.step(round(CONTROL_S / self.sim.timestep_s))


class _Program:
    """Which instruction is executed when: the scene's own, perhaps another in mid-motion or afterwards."""

    def __init__(self, rng: Generator, first: Instruction) -> None:
        self.instruction = first
        self._rng = rng
        self._switch_at = int(rng.integers(4, 32)) if rng.random() < SWITCH_PROBABILITY else -1
        self._follow_ups = 1 if rng.random() < FOLLOW_UP_PROBABILITY else 0
        self._hold = int(rng.integers(*HOLD_STEPS))
        self._step = self._done_steps = 0

    def goes_on(self, state: SimState, chunk: ExpertChunk) -> bool:
        """Advance by one frame; False when the episode is over."""
        self._step += 1
        self._done_steps = self._done_steps + 1 if chunk.done else 0
        if self._step == self._switch_at or not is_possible(state, *self.instruction):
            return self._switch(state)
        if self._done_steps > self._hold:
            if self._follow_ups == 0:
                return False
            self._follow_ups -= 1
            return self._switch(state)
        return True

    def _switch(self, state: SimState) -> bool:
        others = [instruction for instruction in possible_instructions(state) if instruction != self.instruction]
        if not others:
            return False
        self.instruction = others[int(self._rng.integers(len(others)))]
        self._done_steps = 0
        return True


def record_episode(seed: int) -> dict[str, NDArray[Any]]:
    """One episode by this process's demonstrator; arrays as in ``FrameRecorder``."""
    if not _DEMONSTRATOR:
        use_demonstrator(Demonstrator())
    return _DEMONSTRATOR[0].record(seed)


def use_demonstrator(demonstrator: Demonstrator) -> None:
    """Let ``demonstrator`` record this process's episodes."""
    _DEMONSTRATOR[:] = [demonstrator]


_DEMONSTRATOR: list[Demonstrator] = []


def write_shard(path: Path, seeds: range) -> int:
    """Record ``seeds`` into ``path``, whole or not at all; the number of frames."""
    episodes = [record_episode(seed) for seed in seeds]
    arrays = {key: np.concatenate([episode[key] for episode in episodes]) for key in episodes[0]}
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy types the keywords of savez as its own options
    partial.rename(path)
    return len(arrays["state"])


def write_demonstrations(
    out: Path, episodes: int, workers: int, first_seed: int = 0, prepare: Callable[[], None] | None = None
) -> Iterator[tuple[int, int]]:
    """Write the missing shards; yields (episodes, frames) of each as it is finished, (episodes, 0) where it was there.

    prepare: called once in each worker process, to give it another demonstrator. ValueError when the seeds would
    leave ``TRAINING_SEEDS``.
    """
    if first_seed not in TRAINING_SEEDS or first_seed + episodes - 1 not in TRAINING_SEEDS:
        raise ValueError(f"seeds {first_seed} to {first_seed + episodes - 1} are not all in {TRAINING_SEEDS}")
    out.mkdir(parents=True, exist_ok=True)
    jobs = []
    for start in range(first_seed, first_seed + episodes, SHARD_EPISODES):
        seeds = range(start, min(start + SHARD_EPISODES, first_seed + episodes))
        path = out / f"shard_{start:06d}.npz"
        if path.exists():
            yield len(seeds), 0
        else:
            jobs.append((path, seeds))
    if jobs:
        with multiprocessing.get_context("spawn").Pool(workers, prepare) as pool:
            yield from pool.imap_unordered(_write_job, jobs)


def _write_job(job: tuple[Path, range]) -> tuple[int, int]:
    return len(job[1]), write_shard(*job)


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    args = parser.parse_args(argv)
    os.environ.setdefault("MUJOCO_GL", "egl")
    os.environ["OMP_NUM_THREADS"] = "1"
    show_progress(write_demonstrations(args.out, args.episodes, args.workers, args.first_seed), args.episodes)


def show_progress(shards: Iterator[tuple[int, int]], total: int) -> None:
    """Run ``write_demonstrations`` to its end behind a progress bar."""
    frames = 0
    columns = (*Progress.get_default_columns()[:3], TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("recording", total=total)
        for episodes, more in shards:
            frames += more
            progress.update(bar, advance=episodes, description=f"recording ({frames} new frames)")


if __name__ == "__main__":
    main()
