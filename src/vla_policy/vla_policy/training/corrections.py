"""Corrective rounds: the policy moves the arm, the expert says at every frame what it would have done.

DAgger (Ross, Gordon and Bagnell 2011). ``python -m vla_policy.training.corrections --bundle DIR --episodes N --out DIR
--first-seed S`` writes shards of the same layout as the demonstrations, on scenes of their own.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
from pathlib import Path

import numpy as np

from vla_core.contract import load_bundle
from vla_core.policy import Policy
from vla_policy.training.grammar import sample_instruction
from vla_policy.training.rollout import absolute, observe
from vla_sim.demonstrations import Actor, Demonstrator, show_progress, use_demonstrator, write_demonstrations
from vla_sim.labelling import Instruction
from vla_sim.simulation import TabletopSim


def policy_actor(policy: Policy, seed: int) -> Actor:
    """Moves the arm by ``policy``, with a fresh training sentence for each new instruction."""
    rng = random.Random(seed)
    sentence = ""

    def act(sim: TabletopSim, instruction: Instruction, new: bool) -> tuple[np.ndarray, np.ndarray]:
        nonlocal sentence
        if new:
            policy.reset()
            sentence = sample_instruction(rng, *instruction).text
        observation = observe(sim, policy.contract.camera_names, sentence)
        return absolute(policy.infer(observation).actions, observation.state)

    return act


def _prepare(bundle: Path) -> None:
    from vla_policy.onnx_policy import OnnxPolicy

    use_demonstrator(Demonstrator(policy_actor(OnnxPolicy(load_bundle(bundle)), seed=0)))


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="policy that moves the arm")
    parser.add_argument("--episodes", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first-seed", type=int, required=True, help="of scenes not used before")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(argv)
    os.environ.setdefault("MUJOCO_GL", "egl")
    os.environ["OMP_NUM_THREADS"] = "1"
    prepare = functools.partial(_prepare, args.bundle)
    shards = write_demonstrations(args.out, args.episodes, args.workers, args.first_seed, prepare)
    show_progress(shards, args.episodes)


if __name__ == "__main__":
    main()
