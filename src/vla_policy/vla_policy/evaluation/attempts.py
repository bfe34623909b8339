"""One attempt: a fresh scene and sentence under one condition, judged and measured."""

from __future__ import annotations

import random
import time
import zlib
from dataclasses import dataclass

import numpy as np

from vla_core.contract import Contract
from vla_core.policy import Policy
from vla_core.types import ActionChunk, FloatArray, Observation
from vla_policy.evaluation.condition import Condition
from vla_policy.evaluation.disturbances import Pushed, Spoiler, disturbed
from vla_policy.evaluation.recorder import Recorder
from vla_policy.evaluation.smoothness import Motion, energy_j, path_length, rms_jerk, spectral_arc_length
from vla_policy.training.grammar import COLORS, TASKS, Sentence, sample_instruction
from vla_policy.training.rollout import PERIOD_S, TIMEOUT_S, FollowerMover, Mover, attempt
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import EVALUATION_SEEDS, SceneSpec
from vla_sim.state import SimState
from vla_sim.tasks import EpisodeJudge, Verdict

SCENES_PER_SEED = 10_000
TOUCHED_M = 0.01
FAILURES = {
    "wrong_object": "another cube was moved",
    "lost": "the goal was reached, but not held for 1 s",
    "short": "the cube was moved, but the goal not reached",
    "untouched": "the cube was not touched",
}


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt to make. number: of the scene among the SCENES_PER_SEED of ``seed``."""

    condition: Condition
    task: str
    number: int
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """How it went. failure: key of FAILURES, empty on success. The rest is measured in the simulation.

    time_s: until success or the end. path_rad, tool_path_m: ways of the joints and of tool0. jerk_rad_s3: rms.
    sparc: of the tool's speed. precision_m: tool to cube across at the end of a reach, else NaN.
    calls_ms: of the policy.
    """

    job: Job
    sentence: str
    success: bool
    wrong_object: bool
    failure: str
    time_s: float
    path_rad: float
    tool_path_m: float
    energy_j: float
    jerk_rad_s3: float
    sparc: float
    precision_m: float
    max_limit_violation: float
    calls_ms: tuple[float, ...]


class TimedPolicy:
    """Remembers how long each call of the policy inside took [ms]."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.calls_ms: list[float] = []

    @property
    def contract(self) -> Contract:
        """That of the policy inside."""
        return self._policy.contract

    def infer(self, observation: Observation) -> ActionChunk:
        """The chunk of the policy inside."""
        started = time.perf_counter()
        chunk = self._policy.infer(observation)
        self.calls_ms.append(1e3 * (time.perf_counter() - started))
        return chunk

    def reset(self) -> None:
        """Reset the policy inside."""
        self._policy.reset()


def make(job: Job, sim: TabletopSim, policy: Policy) -> Result:
    """Make the attempt of ``job``. The same job gives the same result, but for ``calls_ms``."""
    return _Attempt(job, sim, policy).run()


def film(job: Job, sim: TabletopSim, policy: Policy) -> tuple[Result, SceneSpec, list[FloatArray]]:
    """The same once more, with its scene and the whole state (nq,) FILM_HZ times a second."""
    attempt_ = _Attempt(job, sim, policy, film=True)
    result = attempt_.run()
    return result, attempt_.scene, attempt_.recorder.frames


class _Attempt:
    """Everything one attempt needs, drawn from its job alone."""

    def __init__(self, job: Job, sim: TabletopSim, policy: Policy, film: bool = False) -> None:
        condition = job.condition
        self._job, self._sim, self._policy = job, sim, TimedPolicy(policy)
        self._words = random.Random(f"{job.task} {condition.split} {_number(job)}")
        self._color = self._words.choice(COLORS)
        self._rng = np.random.default_rng([_number(job), zlib.crc32(f"{condition.name} {job.task}".encode())])
        plain = scene_from_seed(EVALUATION_SEEDS[_number(job)], task=job.task, target=self._color)
        self.scene = disturbed(plain, condition, self._rng)
        sim.reset(self.scene)
        mover: Mover = FollowerMover(sim)
        if condition.push_n:
            mover = Pushed(mover, sim, condition.push_n, self._rng)
        self.recorder = Recorder(mover, sim, film)
        self._spoil = Spoiler(condition, PERIOD_S, self._rng)

    def run(self) -> Result:
        """Make it."""
        job, sim = self._job, self._sim
        sentence = sample_instruction(self._words, job.task, self._color, job.condition.split)
        if job.condition.instead_s:
            other = self._another()
            self._follow(other, EpisodeJudge(other.task, other.color, sim.state()), job.condition.instead_s)
            self._policy.calls_ms.clear()
        start = sim.state()
        judge = _Witness(job.task, self._color, start)
        self._follow(sentence, judge)
        end, motion = sim.state(), self.recorder.motion()
        verdict = judge.verdict
        reach = end.tool_position_m[:2] - end.cube_positions_m[end.cube_index(self._color), :2]
        return Result(
            job=job,
            sentence=sentence.text,
            success=verdict.success,
            wrong_object=verdict.wrong_object,
            failure="" if verdict.success else judge.failure(self._color, start, end),
            time_s=round(end.time_s - start.time_s, 6),  # the simulation's clock runs on between attempts
            path_rad=path_length(motion.q_rad),
            tool_path_m=path_length(motion.tool_m),
            energy_j=energy_j(motion),
            jerk_rad_s3=rms_jerk(motion),
            sparc=_sparc(motion),
            precision_m=float(np.hypot(*reach)) if job.task == "reach" and verdict.success else float("nan"),
            max_limit_violation=sim.max_limit_violation,
            calls_ms=tuple(self._policy.calls_ms),
        )

    def _follow(self, sentence: Sentence, judge: EpisodeJudge, timeout_s: float = TIMEOUT_S) -> None:
        attempt(
            self._sim, self._policy, sentence.text, judge, timeout_s=timeout_s, mover=self.recorder, spoil=self._spoil
        )

    def _another(self) -> Sentence:
        """A sentence that asks for something else with a cube of this scene."""
        others = [(task, color) for task in TASKS for color in self.scene.colors]
        task, color = self._words.choice([pair for pair in others if pair != (self._job.task, self._color)])
        return sample_instruction(self._words, task, color, self._job.condition.split)


class _Witness(EpisodeJudge):
    """A judge that also remembers whether the goal was ever reached."""

    ever = False

    def update(self, state: SimState) -> Verdict:
        """Judge the next state."""
        verdict = super().update(state)
        self.ever = self.ever or verdict.goal_reached
        return verdict

    def failure(self, color: str, start: SimState, end: SimState) -> str:
        """Kind of a failed attempt: key of FAILURES."""
        if self.verdict.wrong_object:
            return "wrong_object"
        if self.ever:
            return "lost"
        index = end.cube_index(color)
        moved = float(np.linalg.norm(end.cube_positions_m[index] - start.cube_positions_m[index]))
        return "short" if moved > TOUCHED_M else "untouched"


def _number(job: Job) -> int:
    return job.seed * SCENES_PER_SEED + job.number


def _sparc(motion: Motion) -> float:
    speed = np.linalg.norm(np.diff(motion.tool_m, axis=0), axis=1) / motion.step_s
    return spectral_arc_length(speed, motion.step_s)
