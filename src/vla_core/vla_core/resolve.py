"""From what a policy said to where the robot shall be: deltas become absolute."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from vla_core.contract import Contract
from vla_core.errors import ActionError
from vla_core.types import ActionChunk, FloatArray, JointPlan, TwistPlan, read_only

TWIST_AXES = ("linear_x", "linear_y", "linear_z", "angular_x", "angular_y", "angular_z")


class PoseSolver(Protocol):
    """What end-effector actions need of kinematics; ``vla_core.kinematics.EndEffector`` is one."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Joints of the arm, in the order of its arrays."""
        ...

    def follow(
        self, deltas: FloatArray, rotation: str, frame: str, q0: FloatArray, *, cumulative: bool, period_s: float
    ) -> FloatArray:
        """(H, J) joint positions for ``deltas`` (H, 3 + n) of the tip's pose at ``q0`` (J,)."""
        ...


def resolve(
    chunk: ActionChunk,
    contract: Contract,
    state: FloatArray,
    t0_ns: int,
    end_effector: PoseSolver | None = None,
) -> JointPlan | TwistPlan:
    """``chunk`` as an absolute plan from ``t0_ns``.

    state: (n,) of the contract's ``state``, measured at ``t0_ns``: what relative actions are relative to.
    end_effector: needed for ``ee_pose_delta``, the joints of the plan are then its own.

    Action k is due at ``k * period_s``: a position or pose is to be reached then; a joint velocity holds from then on
    for a period, so that its plan has one waypoint more; a twist holds from then on.

    Raises:
        ActionError: wrong shape, a value that is not finite, or a joint that the state does not contain.
        KinematicsError: an end-effector pose cannot be reached.
    """
    _check(chunk, contract, state)
    spec = contract.action
    columns = chunk.actions[:, : len(spec.dimensions)]
    times_s = np.arange(float(len(columns))) * spec.period_s
    if spec.space == "base_twist":
        return _twist_plan(columns, contract, t0_ns, times_s)
    if spec.space == "joint_position":
        names, positions = spec.names, _absolute(columns, spec.kind, _values(contract, state, spec.names))
    elif spec.space == "joint_velocity":
        start = _values(contract, state, spec.names)
        names, positions = spec.names, np.vstack([start, start + np.cumsum(columns, axis=0) * spec.period_s])
        times_s = np.arange(float(len(positions))) * spec.period_s
    elif spec.space == "ee_pose_delta":
        names, positions = _by_end_effector(columns, contract, state, end_effector)
    else:
        raise ActionError(f"action space {spec.space!r} cannot be resolved; the contract must name a known one")
    return JointPlan(
        joint_names=names,
        t0_ns=t0_ns,
        times_s=read_only(times_s),
        positions=read_only(positions),
        gripper_joint=None if spec.gripper is None else spec.gripper.name,
        gripper_positions=_gripper(chunk, contract, state, len(times_s)),
    )


def _check(chunk: ActionChunk, contract: Contract, state: FloatArray) -> None:
    expected = (contract.action.horizon, contract.action.size)
    if chunk.actions.shape != expected:
        raise ActionError(
            f"actions of {contract.policy_id} have shape {chunk.actions.shape}, the contract says {expected} "
            f"(horizon, {', '.join(contract.action_names)})"
        )
    bad = np.argwhere(~np.isfinite(chunk.actions))
    if len(bad):
        step, column = (int(index) for index in bad[0])
        name = contract.action_names[column]
        raise ActionError(f"actions[{step}] of {contract.policy_id}: {name} is {chunk.actions[step, column]}")
    if not 0.0 < chunk.speed_scale <= 1.0:
        raise ActionError(f"speed_scale of {contract.policy_id} is {chunk.speed_scale}, must be in (0, 1]")
    if state.shape != (len(contract.state),) or not np.isfinite(state).all():
        raise ActionError(f"state must be {len(contract.state)} finite numbers ({', '.join(contract.state_names)})")


def _values(contract: Contract, state: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """The entries of ``state`` called ``names``."""
    missing = [name for name in names if name not in contract.state_names]
    if missing:
        raise ActionError(
            f"the contract's state has no {', '.join(missing)}, which its actions are relative to; "
            f"it has {', '.join(contract.state_names)}"
        )
    return state[[contract.state_names.index(name) for name in names]]


def _absolute(actions: FloatArray, kind: str, start: FloatArray) -> FloatArray:
    if kind == "absolute":
        return actions
    return start + (np.cumsum(actions, axis=0) if kind == "step_relative" else actions)


def _gripper(chunk: ActionChunk, contract: Contract, state: FloatArray, count: int) -> FloatArray | None:
    """(count,) gripper positions; the last action holds where there are more waypoints than actions."""
    spec = contract.action.gripper
    if spec is None:
        return None
    start = np.zeros(1) if spec.kind == "absolute" else _values(contract, state, (spec.name,))
    positions = _absolute(chunk.actions[:, -1:], spec.kind, start)[:, 0]
    return read_only(positions[np.minimum(np.arange(count), len(positions) - 1)])


def _by_end_effector(
    deltas: FloatArray, contract: Contract, state: FloatArray, solver: PoseSolver | None
) -> tuple[tuple[str, ...], FloatArray]:
    spec = contract.action
    if solver is None or spec.rotation is None or spec.frame is None:
        raise ActionError(f"{contract.policy_id} moves the end effector; resolving needs the arm's kinematics")
    start = _values(contract, state, solver.joint_names)
    cumulative = spec.kind == "step_relative"
    positions = solver.follow(deltas, spec.rotation, spec.frame, start, cumulative=cumulative, period_s=spec.period_s)
    return solver.joint_names, positions


def _twist_plan(columns: FloatArray, contract: Contract, t0_ns: int, times_s: FloatArray) -> TwistPlan:
    """A component that the contract does not name is one that the base cannot move in: zero."""
    twists = np.zeros((len(columns), 6))
    for index, name in enumerate(contract.action.names):
        if name not in TWIST_AXES:
            raise ActionError(f"twist component {name!r} is unknown; valid: {', '.join(TWIST_AXES)}")
        twists[:, TWIST_AXES.index(name)] = columns[:, index]
    return TwistPlan(contract.action.frame or "base_link", t0_ns, read_only(times_s), read_only(twists))
