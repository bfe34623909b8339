"""A policy in the simulated cell, in lock-step: the simulation waits for each inference.

The policy sees two images, the joint state and a sentence, nothing else; the judge reads the simulator's ground truth.
``latency_s`` delays each chunk as a real stack would: the arm goes on with the old one meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vla_core.policy import Policy
from vla_core.types import Observation
from vla_sim.follower import ChunkFollower
from vla_sim.simulation import TabletopSim
from vla_sim.tasks import EpisodeJudge, Verdict

PERIOD_S = 0.1
STEP_S = 0.01
TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went. duration_s: simulated time until success, or until it was given up."""

    success: bool
    wrong_object: bool
    duration_s: float


def observe(sim: TabletopSim, cameras: tuple[str, ...], instruction: str) -> Observation:
    """What the policy is allowed to see of ``sim`` now."""
    stamp = round(sim.time_s * 1e9)
    return Observation(
        images={name: sim.render(name) for name in cameras},
        image_stamps_ns=dict.fromkeys(cameras, stamp),
        state=sim.joint_positions()[:8],
        state_stamp_ns=stamp,
        instruction=instruction,
    )


def absolute(actions: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chunk-relative actions (H, 8) to absolute joints (H, 7) [rad] and gripper (H,) [m]."""
    return actions[:, :7] + state[:7], actions[:, 7]


def attempt(
    sim: TabletopSim,
    policy: Policy,
    instruction: str,
    judge: EpisodeJudge,
    *,
    latency_s: float = 0.0,
    timeout_s: float = TIMEOUT_S,
    on_step: Callable[[Observation], None] | None = None,
) -> Attempt:
    """Follow ``instruction`` until the judge is content or ``timeout_s`` of simulated time are over."""
    policy.reset()
    follower = ChunkFollower(sim.joint_positions()[:7], float(sim.joint_positions()[7]), PERIOD_S)
    start = sim.time_s
    verdict: Verdict = judge.verdict
    while sim.time_s - start < timeout_s and not verdict.success:
        observation = observe(sim, policy.contract.camera_names, instruction)
        if on_step is not None:
            on_step(observation)
        joints, gripper = absolute(policy.infer(observation).actions, observation.state)
        verdict = _run(sim, follower, judge, latency_s)
        follower.start(joints, gripper, age_s=latency_s)
        verdict = _run(sim, follower, judge, PERIOD_S - latency_s)
    return Attempt(verdict.success, verdict.wrong_object, sim.time_s - start)


def _run(sim: TabletopSim, follower: ChunkFollower, judge: EpisodeJudge, duration_s: float) -> Verdict:
    for _ in range(round(duration_s / STEP_S)):
        follower.advance(STEP_S)
        sim.set_targets(follower.q_rad, follower.gripper_m, follower.dq_rad_s)
        sim.step(round(STEP_S / sim.timestep_s))
        judge.update(sim.state())
    return judge.verdict
