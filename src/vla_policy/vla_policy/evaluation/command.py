"""``vla policy eval BUNDLE``: from a folder to ``report.json`` and ``report.html``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from vla_core.contract import Contract, load_bundle
from vla_core.errors import ContractError
from vla_policy.evaluation.attempts import Result
from vla_policy.evaluation.condition import Condition
from vla_policy.evaluation.footage import examples, shoot
from vla_policy.evaluation.page import html
from vla_policy.evaluation.runner import jobs, run
from vla_policy.evaluation.summary import summarize
from vla_sim.robot import ARM_JOINTS, GRIPPER_JOINT
from vla_sim.scene import CAMERAS, IMAGE_SIZE_PX


def evaluate(
    bundle: Path, conditions: Sequence[Condition], scenes: int, seed: int, processes: int, out: Path, console: Console
) -> None:
    """Make every attempt, write the reports into ``out`` and print the table.

    Raises:
        ContractError: the bundle is not for the arm on the table.
    """
    contract = load_bundle(bundle).contract
    require_tabletop(contract)
    results = run(bundle, jobs(conditions, scenes, seed), processes, console)
    report = summarize(results, conditions, contract.policy_id, seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    videos = _videos(results, bundle, out, console)
    (out / "report.html").write_text(html(report, videos))
    console.print(_table(report["conditions"]))
    console.print(f"report: {out / 'report.html'} and {out / 'report.json'}", soft_wrap=True)


def require_tabletop(contract: Contract) -> None:
    """ContractError when the simulated cell lacks something that the policy is for."""
    action = contract.action
    wanted: list[tuple[str, object, object]] = [
        ("action.space", action.space, "joint_position"),
        ("action.kind", action.kind, "chunk_relative"),
        ("action.dimensions", action.names, ARM_JOINTS),
        ("action.gripper", action.gripper and action.gripper.name, GRIPPER_JOINT),
        ("action.period_s", action.period_s, 0.1),
        ("state", contract.state_names, (*ARM_JOINTS, GRIPPER_JOINT)),
    ]
    for camera in contract.cameras:
        wanted.append((f"cameras.{camera.name}", camera.name in CAMERAS, True))
        wanted.append((f"cameras.{camera.name} size", (camera.width, camera.height), (IMAGE_SIZE_PX, IMAGE_SIZE_PX)))
    wrong = [f"{field} is {found!r}, the cell has {there!r}" for field, found, there in wanted if found != there]
    if wrong:
        raise ContractError(f"{contract.policy_id} is not for the simulated tabletop: {'; '.join(wrong)}")


def _videos(results: Sequence[Result], bundle: Path, out: Path, console: Console) -> dict[str, Path]:
    found = examples(results)
    if not found:
        return {}
    from vla_policy.onnx_policy import OnnxPolicy
    from vla_sim.simulation import TabletopSim

    sim, policy = TabletopSim(), OnnxPolicy(load_bundle(bundle))
    videos = {}
    for kind, result in found.items():
        with console.status(f"drawing a failure: {kind}"):
            videos[kind] = out / f"failure_{kind}.mp4"
            shoot(result, sim, policy, videos[kind])
    sim.close()
    return videos


def _table(conditions: dict[str, Any]) -> Table:
    tasks = list(next(iter(conditions.values()))["tasks"])
    table = Table("condition", *tasks, "all", "95 % interval", "wrong object")
    for name, entry in conditions.items():
        low, high = entry["all"]["ci95"]
        cells = [f"{entry['tasks'][task]['success']:.0%}" for task in tasks]
        cells += [f"{entry['all']['success']:.1%}", f"{low:.0%} – {high:.0%}", f"{entry['all']['wrong_object']:.1%}"]
        table.add_row(name, *cells)
    return table
