"""What each rule of the arm's gate costs, and how that grows.

``python bench/gate_rules.py [--rounds N]`` writes out/bench/gate_rules.json. Goals, on one core: a chunk of 50 points
and 8 dimensions through the full rule set in 5 ms, a command period in 0.2 ms. The tabletop arm comes down until its
fingers are 15 mm over the table, moves along it and goes up again, as when grasping; and once too fast to stop there.
Processor time of the thread, medians; ``gate_hop`` measures the same with processes and messages around it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from _gate_rig import ASSETS, HOME, JOINTS, summary, write
from numpy.polynomial import Polynomial

from vla_core.kinematics.robot import RobotKinematics
from vla_core.limits import load_joint_limits
from vla_core.safety.checking import Checker, Snapshot
from vla_core.safety.clock import Now
from vla_core.safety.config import GateConfig
from vla_core.safety.gate import ArmGate
from vla_core.safety.planning import plan_of
from vla_core.safety.proposal import SOURCE_CHUNK, SOURCE_JOINT, Proposal, Trace
from vla_core.safety.rules.collision import CollisionRule
from vla_core.safety.trajectory import Trajectory
from vla_core.safety.workspace.description import Workspace, Zone, load_workspace
from vla_core.safety.workspace.model import CollisionModel

CHUNK_GOAL_MS, TICK_GOAL_MS = 5.0, 0.2
HORIZONS = (10, 25, 50, 100)
LENGTH_S, HASTY_S = 1.6, 1.0  # of a horizon of 50; the latter is refused
URDF = (ASSETS / "arm.urdf").read_text()
LIMITS = load_joint_limits(URDF, ASSETS / "joint_limits.yaml", JOINTS)
GRIPPER = load_joint_limits(URDF, ASSETS / "joint_limits.yaml", ["finger_joint1"])
LOW_M, HIGH_M = 0.024, 0.16  # of the tool; finger tips are 9 mm lower


class Path:
    """Joint positions of a tool that comes down, moves sideways and goes up; from rest to rest."""

    def __init__(self) -> None:
        kinematics, q, rows = RobotKinematics(URDF, JOINTS), HOME.copy(), []
        upright = kinematics.T_base_link(HOME, "tool0")[:3, :3]
        shares = np.linspace(0.0, 1.0, 80)
        for share in shares:
            height = LOW_M + (HIGH_M - LOW_M) * (2.0 * share - 1.0) ** 4
            target = np.array([0.45, -0.03 + 0.06 * share, height])
            for _ in range(60):
                pose = kinematics.T_base_link(q, "tool0")
                turn = 0.5 * sum(np.cross(pose[:3, i], upright[:, i]) for i in range(3))
                error = np.concatenate([pose[:3, :3].T @ (target - pose[:3, 3]), pose[:3, :3].T @ turn])
                q = q + 0.5 * np.linalg.pinv(kinematics.jacobian(q, "tool0")) @ error
            rows.append(q)
        self._curves = [Polynomial.fit(shares, column, 10) for column in np.array(rows).T]

    def proposal(self, number: int, points: int, length_s: float, t0_ns: int | None) -> Proposal:
        """``points`` over ``length_s``, with velocities and a gripper."""
        times = length_s * (np.arange(points) + 1.0) / points
        u = times / length_s
        share, rate = u**3 * (10.0 - 15.0 * u + 6.0 * u * u), 30.0 * (u * (1.0 - u)) ** 2 / length_s
        positions = np.stack([curve(share) for curve in self._curves], axis=1)
        velocities = np.stack([curve.deriv()(share) * rate for curve in self._curves], axis=1)
        trace, grip = Trace(SOURCE_CHUNK, number, 1), np.full(points, 0.03)
        return Proposal(trace, tuple(JOINTS), times, positions, velocities, None, "finger_joint1", grip, t0_ns, 1.0)

    @property
    def start(self) -> Any:
        """(J,) where it begins."""
        return np.array([curve(0.0) for curve in self._curves])


def clock(call: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Milliseconds that a call computes; what else the machine does meanwhile does not count."""
    call()
    spent = []
    for _ in range(rounds):
        begun = time.thread_time()
        call()
        spent.append((time.thread_time() - begun) * 1e3)
    return summary(spent)


def config(workspace: Workspace | None) -> GateConfig:
    """The tabletop arm's gate."""
    model = None if workspace is None else CollisionModel(URDF, JOINTS, workspace)
    return GateConfig(LIMITS, GRIPPER, collision=model)


def snapshot(path: Path) -> Snapshot:
    """At rest where the path begins."""
    reference = np.stack([path.start, np.zeros(7), np.zeros(7)])
    return Snapshot(1, reference, 0.0, path.start, 1.0)


def chunk_ms(gate: GateConfig, path: Path, points: int, length_s: float, rounds: int) -> dict[str, Any]:
    """The whole of ``Checker.prepare``."""
    checker, state = Checker(gate), snapshot(path)
    proposal = path.proposal(1, points, length_s, 1)
    spent = clock(lambda: checker.prepare(proposal, state, 0.0), rounds)
    return {**spent, "decision": checker.prepare(proposal, state, 0.0).verdict.reason or "pass"}


def each_rule(gate: GateConfig, path: Path, rounds: int) -> dict[str, Any]:
    """Rules one by one on the same motion; bounds that they share are counted once, with the first."""
    checker = Checker(gate)
    proposal = path.proposal(1, 50, LENGTH_S, 1).columns(JOINTS)
    plan = plan_of(proposal)
    assert checker.collision is not None
    motion = [checker.position, *checker.derivatives, checker._stopping, checker.collision]
    table: dict[str, Any] = {}
    for shape in checker._shape_rules:
        table[type(shape).__name__] = clock(lambda rule=shape: rule.check(proposal), rounds)
    table["plan_of"] = clock(lambda: plan_of(proposal), rounds)
    table["bounds"] = clock(lambda: Trajectory(plan.times, plan.states).bounds, rounds)
    for rule in motion:
        table[type(rule).__name__] = clock(lambda rule=rule: rule.check(plan), rounds)
    return table


def ticks_ms(gate: GateConfig, path: Path, cycles: int) -> tuple[dict[str, Any], dict[str, int]]:
    """Every command period while chunks are followed, and the decisions about the chunks."""
    arm, now_ns, spent = ArmGate(gate), 1_000_000_000, []
    decisions: dict[str, int] = {}

    def now() -> Now:
        return Now(now_ns, now_ns + 7_000_000_000)

    arm.measure(path.start, np.zeros(7), 0.04, now())
    arm.tick(now())
    assert not arm.reset(now())
    for number in range(1, cycles + 1):
        position = arm._stream.committed.state(arm._clock.time)[0]
        arm.measure(position, np.zeros(7), 0.04, now())
        verdict = arm.submit(replace(path.proposal(number, 50, LENGTH_S, None), trace=Trace(SOURCE_JOINT)), now())
        decisions[verdict.reason or "pass"] = decisions.get(verdict.reason or "pass", 0) + 1
        for _ in range(180):
            now_ns += 10_000_000
            position = arm._stream.committed.state(arm._clock.time + 0.01)[0]
            arm.measure(position, np.zeros(7), 0.04, now())
            begun = time.thread_time()
            command = arm.tick(now())
            if command is not None and arm._stream.following:
                spent.append((time.thread_time() - begun) * 1e3)
        back = Proposal(Trace(SOURCE_JOINT), tuple(JOINTS), np.array([1.5]), path.start[None])
        arm.submit(back, now())
        for _ in range(200):
            now_ns += 10_000_000
            arm.measure(arm._stream.committed.state(arm._clock.time + 0.01)[0], np.zeros(7), 0.04, now())
            arm.tick(now())
    return summary(spent), decisions


def single_ms(gate: GateConfig, rounds: int) -> dict[str, float]:
    """A command of one point about home, as a servo loop sends it."""
    checker, reference = Checker(gate), np.stack([HOME, np.zeros(7), np.zeros(7)])
    state = Snapshot(1, reference, 0.0, HOME, 1.0)
    point = Proposal(Trace(SOURCE_JOINT), tuple(JOINTS), np.array([0.1]), HOME[None] + 0.002)
    assert checker.single(point, state) is not None
    return clock(lambda: checker.single(point, state), rounds)


def by_pairs(shipped: Workspace, path: Path, rounds: int) -> list[dict[str, Any]]:
    """The collision rule with more and more to keep apart: zones around the arm, then itself."""
    plan = plan_of(path.proposal(1, 50, LENGTH_S, 1).columns(JOINTS))
    bare = replace(shipped, enclosure=None, keep_out=(), self_collision=False)
    table = shipped.keep_out
    pillars = tuple(Zone(f"pillar{k}", "cylinder_m", (0.03, 0.8), (0.75, -0.45 + 0.3 * k, 0.4)) for k in range(4))
    rows = []
    for workspace in (
        bare,
        replace(bare, keep_out=table),
        replace(bare, keep_out=table + pillars[:1]),
        replace(bare, keep_out=table + pillars),
        replace(bare, keep_out=table, self_collision=True),
        shipped,
    ):
        model = CollisionModel(URDF, JOINTS, workspace)
        rule = CollisionRule(model, config(None).brake)
        found = rule.check(plan)
        spent = clock(lambda rule=rule: rule.check(plan), rounds)
        rows.append({"pairs": len(model.pairs), "ms": spent, "decision": found.reason if found else "pass"})
    return rows


def main() -> int:
    """Exit status 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    shipped, path = load_workspace(ASSETS / "workspace.yaml"), Path()
    few = max(rounds // 4, 1)
    full, without = config(shipped), config(None)
    chunk = {
        "all": chunk_ms(full, path, 50, LENGTH_S, rounds),
        "without_collision": chunk_ms(without, path, 50, LENGTH_S, rounds),
    }
    ticks, decisions = ticks_ms(full, path, 5)
    report = {
        "chunk_ms": chunk,
        "goal_chunk_ms": CHUNK_GOAL_MS,
        "tick_ms": ticks,
        "tick_without_collision_ms": ticks_ms(without, path, 5)[0],
        "tick_decisions": decisions,
        "goal_tick_ms": TICK_GOAL_MS,
        "single_ms": {"all": single_ms(full, rounds), "without_collision": single_ms(without, rounds)},
        "rules_ms": each_rule(full, path, rounds),
        "by_horizon_ms": {n: chunk_ms(full, path, n, LENGTH_S * max(n / 50, 1.0), few) for n in HORIZONS},
        "refused_ms": chunk_ms(full, path, 50, HASTY_S, few),
        "by_pairs": by_pairs(shipped, path, few),
    }
    met = chunk["all"]["p50"] <= CHUNK_GOAL_MS and ticks["p50"] <= TICK_GOAL_MS
    passed = chunk["all"]["decision"] == "pass" and set(decisions) == {"pass"}  # a refusal would cost less
    write("gate_rules", {**report, "met": met and passed})
    return int(not (met and passed))


if __name__ == "__main__":
    sys.exit(main())
