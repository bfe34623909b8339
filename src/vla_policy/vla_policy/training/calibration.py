"""When the policy is unsure: measured, and written into its contract.

``python -m vla_policy.training.calibration --bundle DIR --out DIR --write`` lets the policy act in scenes as it knows
them and in cases that it cannot know (no such cube, nonsense, cameras that show nothing true), chooses the two
thresholds of ``uncertainty`` on ``CALIBRATION_SEEDS``, and measures on evaluation scenes what they do. It leaves
``calibration.md``, ``calibration.json`` and, where matplotlib is, ``uncertainty.png`` under ``--out``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing as mp
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from vla_core.contract import Bundle, Contract, UncertaintySpec, load_bundle, write_bundle
from vla_core.types import ActionChunk, Observation
from vla_core.uncertainty import DoubtMeter
from vla_policy.onnx_policy import OnnxPolicy
from vla_policy.training.grammar import COLORS, TASKS, sample_instruction
from vla_policy.training.rollout import PERIOD_S, TIMEOUT_S, attempt
from vla_policy.training.signals import SIGNALS, measure
from vla_sim.sampling import sample_scene
from vla_sim.simulation import TabletopSim
from vla_sim.spec import CALIBRATION_SEEDS, EVALUATION_SEEDS
from vla_sim.tasks import EpisodeJudge

KNOWN = ("training wording", "held-out wording")
UNKNOWN = ("no such cube", "nonsense", "front black", "both black", "wrist covered", "noise", "front frozen")
CASES = KNOWN + UNKNOWN
NONSENSE = (
    "what a lovely day", "asdf qwer zxcv", "the moon is made of cheese", "sing me a song", "how old are you",
    "colorless ideas sleep furiously", "tell me the time", "two plus two is four", "make some coffee", "blah blah blah",
)  # fmt: skip
UNKNOWN_S = 6.0  # simulated time of an episode that cannot succeed
WINDOW_S = 2.0  # as long as the longest usual doubt: that before the first movement
FULL_SPEED_SHARE = 0.995  # of the known chunks
LEAST_RAMP = 0.02  # between full speed and hold [nat]
CHECK_FIRST = 5000  # number of the first evaluation scene that thresholds are checked on
_WORKER: dict[str, Any] = {}

Job = tuple[str, str, int]
"""Case, task, seed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One episode. signals: name of ``SIGNALS`` -> (N,), one number a chunk. speed_scales: (N,).

    travel_m: way of the tool, from chunk to chunk [m].
    """

    case: str
    task: str
    success: bool
    wrong_object: bool
    travel_m: float
    signals: dict[str, NDArray[np.float64]]
    speed_scales: NDArray[np.float64]


class ProbedPolicy(OnnxPolicy):
    """The policy, and of each chunk the numbers that its doubt could be read from."""

    rows: list[dict[str, float]]
    speed_scales: list[float]

    def reset(self) -> None:
        """Begin a new episode."""
        super().reset()
        self.rows, self.speed_scales = [], []
        self._before: NDArray[np.float64] | None = None

    def infer(self, observation: Observation) -> ActionChunk:
        """As without the probe."""
        chunk = super().infer(observation)
        self.speed_scales.append(chunk.speed_scale)
        return chunk

    def _actions(self, outputs: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        actions = super()._actions(outputs)
        assert self._tokenizer is not None
        probabilities = self._tokenizer.probabilities(outputs["logits"][0])
        done = float(outputs["done"][0, 0])
        if hasattr(self, "rows"):  # not while it warms up
            self.rows.append(measure(probabilities, self._tokenizer.values, done, actions, self._before))
        self._before = actions
        return actions


def spoiler(case: str, rng: np.random.Generator) -> Callable[[Observation], Observation]:
    """What the cameras show in ``case``."""
    frozen: dict[str, NDArray[np.uint8]] = {}

    def spoil(observation: Observation) -> Observation:
        images = dict(observation.images)
        if case in ("front black", "both black"):
            images["front"] = np.zeros_like(images["front"])
        if case == "both black":
            images["wrist"] = np.zeros_like(images["wrist"])
        if case == "wrist covered":
            images["wrist"] = np.full_like(images["wrist"], 40)
        if case == "noise":
            images = {name: rng.integers(0, 256, image.shape, dtype=np.uint8) for name, image in images.items()}
        if case == "front frozen":
            images["front"] = frozen.setdefault("front", images["front"])
        return dataclasses.replace(observation, images=images)

    return spoil


def play(sim: TabletopSim, policy: ProbedPolicy, case: str, task: str, seed: int) -> Record:
    """The episode of ``seed``. In a case that the policy cannot know nothing counts as success."""
    rng, scene_rng = random.Random(f"{case} {task} {seed}"), np.random.default_rng(seed)
    color = rng.choice(COLORS)
    scene = sample_scene(scene_rng, seed=seed, task=task, target=color, n_cubes=2 if case == "no such cube" else None)
    named = color
    if case == "no such cube":
        named = rng.choice([other for other in COLORS if other not in scene.colors])
    text = sample_instruction(rng, task, named, "heldout" if case == "held-out wording" else "train").text
    if case == "nonsense":
        text = rng.choice(NONSENSE)
    sim.reset(scene)
    places: list[NDArray[np.float64]] = []
    known = case in KNOWN
    result = attempt(
        sim,
        policy,
        text,
        EpisodeJudge(task, color, sim.state()),
        timeout_s=TIMEOUT_S if known else UNKNOWN_S,
        on_step=lambda _: places.append(sim.state().tool_position_m),
        spoil=spoiler(case, scene_rng),
    )
    signals = {name: np.array([row[name] for row in policy.rows]) for name in SIGNALS}
    travel_m = float(np.linalg.norm(np.diff(places, axis=0), axis=1).sum())
    scales = np.array(policy.speed_scales)
    return Record(case, task, result.success and known, result.wrong_object, travel_m, signals, scales)


def _start(bundle: Bundle, contract: Contract) -> None:
    _WORKER.update(sim=TabletopSim(), policy=ProbedPolicy(dataclasses.replace(bundle, contract=contract)))


def _play(job: Job) -> Record:
    return play(_WORKER["sim"], _WORKER["policy"], *job)


def episodes(seeds: Sequence[int]) -> list[Job]:
    """An episode of every known case, task and seed, and of the others one for each case and seed."""
    jobs = [(case, task, seed) for case in KNOWN for task in TASKS for seed in seeds]
    return jobs + [(case, TASKS[number % len(TASKS)], seed) for case in UNKNOWN for number, seed in enumerate(seeds)]


def record(bundle: Bundle, spec: UncertaintySpec | None, jobs: Sequence[Job], workers: int, title: str) -> list[Record]:
    """Play ``jobs``; ``spec`` None: at full speed, however unsure."""
    contract = dataclasses.replace(bundle.contract, uncertainty=spec)
    with mp.get_context("spawn").Pool(workers, _start, (bundle, contract)) as pool:
        return list(track(pool.imap(_play, jobs, chunksize=4), total=len(jobs), description=title))


def repeat(
    bundle: Bundle, spec: UncertaintySpec, before: Sequence[Record], jobs: Sequence[Job], workers: int, title: str
) -> list[Record]:
    """``jobs`` played once more, now with ``spec``. Where it changes nothing, ``before`` is what would come again."""
    slowed = [bool((judged([one]) > spec.full_speed_below).any()) for one in before]
    chosen = [job for job, is_slowed in zip(jobs, slowed, strict=True) if is_slowed]
    again = iter(record(bundle, spec, chosen, workers, title))
    return [next(again) if is_slowed else one for one, is_slowed in zip(before, slowed, strict=True)]


def doubts(values: NDArray[np.float64], window_s: float = WINDOW_S) -> NDArray[np.float64]:
    """(N,) mean over the window that ends with each chunk of an episode; NaN until it is full."""
    meter = DoubtMeter(window_s)
    found = [meter.add(round(number * PERIOD_S * 1e9), float(value)) for number, value in enumerate(values)]
    return np.array([np.nan if value is None else value for value in found])


def judged(records: Sequence[Record], signal: str = "entropy") -> NDArray[np.float64]:
    """Doubts of all chunks of ``records`` whose window is full."""
    values = np.concatenate([doubts(one.signals[signal]) for one in records] or [np.zeros(0)])
    return values[~np.isnan(values)]


def choose(records: Sequence[Record]) -> UncertaintySpec:
    """Full speed for nearly every known chunk; a hold at what the unknown cases show half of the time.

    The second threshold lies above all doubt of known episodes that succeeded: they are slowed at most.
    """
    known = [one for one in records if one.case in KNOWN]
    low = round(float(np.quantile(judged(known), FULL_SPEED_SHARE)), 3)
    most = float(judged([one for one in known if one.success]).max(initial=low))  # a policy may never have succeeded
    unknown = float(np.median(judged([one for one in records if one.case in UNKNOWN])))
    return UncertaintySpec("token_entropy", WINDOW_S, low, round(max(unknown, most, low + LEAST_RAMP), 3))


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    from vla_policy.training import calibration_report as report

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=50, help="per task and wording, and per unknown case")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the thresholds into the bundle's policy.yaml")
    args = parser.parse_args(argv)
    os.environ.setdefault("MUJOCO_GL", "egl")
    os.environ["OMP_NUM_THREADS"] = "1"
    bundle = load_bundle(args.bundle)
    fresh = episodes(EVALUATION_SEEDS[CHECK_FIRST : CHECK_FIRST + args.scenes])
    chosen_on = record(bundle, None, episodes(CALIBRATION_SEEDS[: args.scenes]), args.workers, "calibrating")
    spec = choose(chosen_on)
    before = record(bundle, None, fresh, args.workers, "checking, without")
    after = repeat(bundle, spec, before, fresh, args.workers, "checking, with")
    args.out.mkdir(parents=True, exist_ok=True)
    result = report.summary(spec, chosen_on, before, after)
    (args.out / "calibration.json").write_text(json.dumps(result, indent=1))
    (args.out / "calibration.md").write_text(report.markdown(result))
    report.save_curves(args.out / "calibration.npz", spec, chosen_on)
    report.draw(args.out / "calibration.npz", args.out / "uncertainty.png")
    print(report.markdown(result))
    if args.write:
        write_bundle(args.bundle, dataclasses.replace(bundle.contract, uncertainty=spec))


if __name__ == "__main__":
    main()
