"""A policy in the simulated cell, in lock-step: the simulation waits for each inference.

The policy sees two images, the joint state and a sentence, nothing else; the judge reads the simulator's ground truth.
``latency_s`` delays each chunk as a real stack would: the arm goes on with the old one meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vla_core.policy import Policy
from vla_core.types import ActionChunk, Observation
from vla_core.uncertainty import SLOWEST
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


class Mover(Protocol):
    """Executes chunks in a simulation, in lock-step."""

    def start(self, chunk: ActionChunk, observation: Observation, age_s: float) -> None:
        """``chunk`` has arrived, ``age_s`` after the observation it was made from."""
        ...

    def step(self) -> None:
        """Let STEP_S of simulated time go by."""
        ...


class FollowerMover:
    """Follows the newest chunk without a gate; one that asks for less than SLOWEST is a hold, as for the gate."""

    def __init__(self, sim: TabletopSim) -> None:
        self._sim = sim
        self._steps = round(STEP_S / sim.timestep_s)
        positions = sim.joint_positions()
        self._follower = ChunkFollower(positions[:7], float(positions[7]), PERIOD_S)

    def start(self, chunk: ActionChunk, observation: Observation, age_s: float) -> None:
        """See Mover."""
        if chunk.speed_scale < SLOWEST:
            self._follower.hold()
            return
        joints, gripper = absolute(chunk.actions, observation.state)
        self._follower.start(joints, gripper, age_s, chunk.speed_scale)

    def step(self) -> None:
        """See Mover."""
        follower = self._follower
        follower.advance(STEP_S)
        self._sim.set_targets(follower.q_rad, follower.gripper_m, follower.dq_rad_s)
        self._sim.step(self._steps)


def attempt(
    sim: TabletopSim,
    policy: Policy,
    instruction: str,
    judge: EpisodeJudge,
    *,
    latency_s: float = 0.0,
    timeout_s: float = TIMEOUT_S,
    period_s: float = PERIOD_S,
    mover: Mover | None = None,
    on_step: Callable[[Observation], None] | None = None,
    spoil: Callable[[Observation], Observation] = lambda observation: observation,
) -> Attempt:
    """Follow ``instruction`` until the judge is content or ``timeout_s`` of simulated time are over.

    latency_s, period_s: until a chunk arrives, and from one to the next; multiples of STEP_S, the first the smaller.
    mover: who executes the chunks; None: a FollowerMover. on_step: told each observation.
    spoil: what the policy sees instead of it.
    """
    policy.reset()
    mover = mover or FollowerMover(sim)
    start = sim.time_s
    verdict: Verdict = judge.verdict
    while sim.time_s - start < timeout_s and not verdict.success:
        observation = spoil(observe(sim, policy.contract.camera_names, instruction))
        if on_step is not None:
            on_step(observation)
        chunk = policy.infer(observation)
        verdict = _run(sim, mover, judge, latency_s)
        mover.start(chunk, observation, latency_s)
        verdict = _run(sim, mover, judge, period_s - latency_s)
    return Attempt(verdict.success, verdict.wrong_object, sim.time_s - start)


def _run(sim: TabletopSim, mover: Mover, judge: EpisodeJudge, duration_s: float) -> Verdict:
    for _ in range(round(duration_s / STEP_S)):
        mover.step()
        judge.update(sim.state())
    return judge.verdict
