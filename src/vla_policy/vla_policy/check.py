"""Is this bundle whole, and does it run here? Each question is answered in turn; the first no ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vla_core.checks import check_chunk
from vla_core.contract import Bundle, Contract, load_bundle
from vla_core.errors import PreflightError, VlaError
from vla_core.policy import Policy
from vla_core.urdf import UrdfJoint, parse_urdf
from vla_policy.example import example_observation
from vla_policy.measure import Latency, measure_latency
from vla_policy.runtimes import RuntimeSettings, load_policy


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. ``latency`` comes with the finding that measured it."""

    question: str
    ok: bool
    detail: str
    latency: Latency | None = None


def check_bundle(
    folder: Path,
    *,
    urdf: Path | None = None,
    settings: RuntimeSettings | None = None,
    runs: int = 50,
    on_run: Callable[[], None] = lambda: None,
) -> Iterator[Finding]:
    """Findings as they are made. ``urdf``: robot that the bundle must fit; None: not asked."""
    question = "files and contract"
    try:
        bundle = load_bundle(folder)
        yield Finding(question, True, _size(bundle))
        if urdf is not None:
            question = "robot"
            check_robot(bundle.contract, urdf)
            yield Finding(question, True, f"every joint is in {urdf.name}, in the same unit")
        question = "model"
        started = time.perf_counter()
        policy = load_policy(bundle, settings)
        yield Finding(question, True, _model(policy, time.perf_counter() - started))
        question = "answer"
        yield Finding(question, True, _answer(policy))
        question = "speed"
        latency = measure_latency(policy, runs, on_run=on_run)
        yield Finding(question, True, f"{latency.chunks_per_s:.1f} chunks/s", latency)
    except VlaError as error:
        yield Finding(question, False, str(error))


def check_robot(contract: Contract, urdf: Path) -> None:
    """The robot of ``urdf`` has every joint that the contract names, in the contract's unit.

    Raises:
        PreflightError: it has not; names every difference.
        LimitsError: the URDF cannot be read.
    """
    try:
        joints = parse_urdf(urdf.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PreflightError(f"{urdf}: cannot be read: {error}") from error
    wanted = {dimension.name: dimension.unit for dimension in contract.state}
    if contract.action.space == "joint_position":
        wanted |= {dimension.name: dimension.unit for dimension in contract.action.dimensions}
    if contract.action.gripper is not None:
        wanted[contract.action.gripper.name] = contract.action.gripper.unit
    lines = [line for name, unit in wanted.items() if (line := _joint_difference(name, unit, joints.get(name)))]
    if lines:
        moving = ", ".join(name for name, joint in joints.items() if joint.kind != "fixed") or "none"
        raise PreflightError(
            f"{contract.policy_id} is for another robot than {urdf.name}: {'; '.join(lines)}. "
            f"Moving joints there: {moving}"
        )


def _joint_difference(name: str, unit: str, joint: UrdfJoint | None) -> str | None:
    if joint is None or joint.kind == "fixed":
        return f"it has no moving joint '{name}'"
    if joint.unit != unit:
        return f"joint '{name}' is in {joint.unit}, the contract says {unit}"
    return None


def _size(bundle: Bundle) -> str:
    files = bundle.contract.files
    size = sum(bundle.file(name).stat().st_size for name, _ in files)
    return f"{bundle.contract.policy_id}: {len(files)} files, {size / 1e6:.1f} MB, every sha256 matches"


def _model(policy: Policy, duration_s: float) -> str:
    providers = getattr(policy, "providers", None)
    where = f" on {providers[0]}" if providers else ""
    return f"inputs and outputs are the contract's; loaded and warmed up in {duration_s:.1f} s{where}"


def _answer(policy: Policy) -> str:
    contract = policy.contract
    chunk = policy.infer(example_observation(contract, "pick up the red cube"))
    check_chunk(chunk, contract)
    steps, columns = chunk.actions.shape
    return f"{steps} steps of {columns} columns, every {contract.action.period_s:g} s"
