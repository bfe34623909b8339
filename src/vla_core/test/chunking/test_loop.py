"""The scheduler in the loop it is made for: an arm that follows what was sent, a policy that is late at random."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from vla_core.chunking import ChunkScheduler, Dropped, SchedulerConfig
from vla_core.limits import load_joint_limits
from vla_core.safety.planning import plan_of
from vla_core.safety.proposal import SOURCE_CHUNK, Proposal, Trace
from vla_core.safety.rules.acceleration import AccelerationRule
from vla_core.safety.rules.derivative import DerivativeRule
from vla_core.safety.rules.jerk import JerkRule
from vla_core.safety.rules.position import PositionRule
from vla_core.safety.rules.velocity import VelocityRule
from vla_core.testing import chain
from vla_core.types import FloatArray, JointPlan

LIMITS = load_joint_limits(chain.urdf(), chain.LIMITS_YAML, chain.JOINTS)
MS = 1_000_000
TICK_NS = 10 * MS
START = 100 * 1_000_000_000 + 7
DIRECTION = np.array([0.5, 0.4, -0.5, 0.4, 0.6, -0.5, 0.7])


def wave(stamp_ns: int) -> FloatArray:
    """(7,) where a patient expert would be: up to 1 rad/s, starting and turning softly."""
    s = (stamp_ns - START) * 1e-9
    position: FloatArray = chain.HOME + DIRECTION * (1.0 - np.cos(1.5 * s)) * 0.5
    return position


@dataclass
class Loop:
    """A policy that sees the arm's state at t0 and answers late; every 10 ms the arm is where the newest plan says."""

    config: SchedulerConfig
    latency_ms: tuple[int, int]
    noise: float = 0.0
    seed: int = 0
    plans: list[JointPlan] = field(default_factory=list)
    commanded: list[FloatArray] = field(default_factory=list)
    wanted: list[FloatArray] = field(default_factory=list)
    seams: list[float] = field(default_factory=list)
    dropped: int = 0

    def run(self, duration_s: float) -> Loop:
        rng = np.random.default_rng(self.seed)
        scheduler = ChunkScheduler(LIMITS, self.config)
        scheduler.reset(chain.HOME, START)
        now_ns = START
        while now_ns < START + duration_s * 1e9:
            t0_ns = now_ns
            answer_ns = (
                t0_ns + int(rng.integers(self.latency_ms[0] // 10, self.latency_ms[1] // 10, endpoint=True)) * TICK_NS
            )
            for stamp_ns in range(now_ns, answer_ns, TICK_NS):
                self.commanded.append(scheduler.executed(stamp_ns).positions)
                self.wanted.append(wave(stamp_ns))
            waypoints = np.array([wave(t0_ns + k * 100 * MS) for k in range(8)])
            waypoints += self.noise * rng.standard_normal(waypoints.shape)
            before = scheduler.executed(answer_ns)
            result = scheduler.add(JointPlan(chain.JOINTS, t0_ns, np.arange(8.0) * 0.1, waypoints), answer_ns)
            now_ns = answer_ns
            if isinstance(result, Dropped):
                self.dropped += 1
                continue
            self.plans.append(result)
            after = scheduler.executed(answer_ns)
            self.seams.append(float(np.abs(after.positions - before.positions).max()))
        return self

    @property
    def error(self) -> FloatArray:
        """(M,) distance to the wave, largest over joints, after the first second."""
        distance: FloatArray = np.abs(np.array(self.commanded) - np.array(self.wanted)).max(axis=1)
        return distance[100:]


@pytest.mark.parametrize("mode", ["ensemble", "receding"])
@pytest.mark.parametrize("latency_ms", [(10, 30), (10, 300), (280, 300)])
def test_the_arm_stays_on_its_way_whatever_the_latency(mode: str, latency_ms: tuple[int, int]) -> None:
    loop = Loop(SchedulerConfig(mode=mode), latency_ms).run(8.0)  # type: ignore[arg-type]
    assert loop.dropped == 0
    assert max(len(plan.times_s) for plan in loop.plans) <= 80  # plans do not grow with each splice
    assert loop.error.max() < 0.01


def test_no_seam_jumps() -> None:
    loop = Loop(SchedulerConfig(), (10, 300), noise=0.03).run(20.0)
    assert len(loop.seams) > 100
    assert max(loop.seams) < 1e-9


def test_steps_between_commands_are_those_of_the_motion_and_not_of_the_seams() -> None:
    """Second differences over 10 ms stay what the acceleration limits allow: a jump would show as a spike."""
    loop = Loop(SchedulerConfig(), (10, 300), noise=0.03, seed=1).run(20.0)
    bends = np.abs(np.diff(loop.commanded, 2, axis=0)).max(axis=0)
    assert (bends <= LIMITS.acceleration * 0.01**2).all()


def gate_verdicts(plan: JointPlan) -> list[str]:
    """What the gate's own rules, written apart from the scheduler, object to."""
    proposal = Proposal(
        Trace(SOURCE_CHUNK), plan.joint_names, plan.times_s, plan.positions, plan.velocities, plan.accelerations,
        t0_ns=plan.t0_ns,
    )  # fmt: skip
    motion = plan_of(proposal)
    rules: list[DerivativeRule | PositionRule] = [
        VelocityRule(chain.JOINTS, LIMITS.velocity),
        AccelerationRule(chain.JOINTS, LIMITS.acceleration),
        JerkRule(chain.JOINTS, LIMITS.jerk),
        PositionRule(LIMITS),
    ]
    assert motion.ends_at_rest
    return [verdict.detail for rule in rules if (verdict := rule.check(motion)) is not None]


@pytest.mark.parametrize("noise", [0.0, 0.03, 0.3])
def test_the_gate_has_nothing_to_repair(noise: float) -> None:
    loop = Loop(SchedulerConfig(), (10, 300), noise=noise, seed=2).run(15.0)
    objections = [objection for plan in loop.plans for objection in gate_verdicts(plan)]
    assert objections == []
