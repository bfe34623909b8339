"""Which sentences are given in which scenes. The task and colour are for the scene and the judge alone."""

from __future__ import annotations

import random
from dataclasses import dataclass

from vla_bringup.demo.options import DemoOptions
from vla_policy.training.grammar import COLORS, TASKS, Split, meaning, sample_instruction

# Scenes of the demo lie beyond those of training (from 0) and evaluation (from 1,000,000).
SCENE_SEEDS_FROM = 900_000_000
SCENES_PER_SEED = 10_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """task, color: what the simulator judges; both empty when the sentence does not tell, then nothing is judged."""

    sentence: str
    task: str
    color: str
    scene_seed: int

    @property
    def judged(self) -> bool:
        """Whether the simulator can say that it succeeded."""
        return bool(self.task)


def plan_attempts(options: DemoOptions) -> list[Attempt]:
    """The attempts of a run; the same options give the same ones."""
    rng = random.Random(options.seed)
    first = SCENE_SEEDS_FROM + options.seed * SCENES_PER_SEED
    if options.instruction:
        task, color = meaning(options.instruction) or ("", "")
        return [Attempt(options.instruction, task, color, first + k) for k in range(options.count)]
    attempts = []
    for k in range(options.count):
        if k % len(TASKS) == 0:
            order = rng.sample(TASKS, len(TASKS))  # every task comes up before one comes again
        color = rng.choice(COLORS)
        split: Split = "heldout" if options.heldout else "train"
        sentence = sample_instruction(rng, order[k % len(TASKS)], color, split)
        attempts.append(Attempt(sentence.text, sentence.task, sentence.color, first + k))
    return attempts
