"""Cameras, joint states and /clock that freeze, go away or lie."""

from __future__ import annotations

from collections.abc import Callable

from proof.faults import alter
from proof.faults.fault import Fault, Strike
from proof.faults.goals import dead_man, goal, next_period
from proof.faults.rig import Rig
from proof.faults.tap import Alter


def _tapped(name: str, make: Callable[[Rig], Alter]) -> Callable[[Rig], Strike]:
    """Alter one topic until the cause is removed; "camera": the first one."""

    def strike(rig: Rig) -> Strike:
        tap = rig.taps[next(iter(rig.config.cameras)) if name == "camera" else name]
        return Strike(tap.alter(make(rig)), tap.pass_all)

    return strike


def _sensor(name: str, tap: str, make: Callable[[Rig], Alter], *reasons: str, **how: object) -> Fault:
    needs = ("cameras",) if tap == "camera" else (tap,)
    group = "time" if tap == "clock" else "sensor"
    return Fault(name, group, _tapped(tap, make), goal(name, *reasons, **how), needs, (tap,))  # type: ignore[arg-type]


CAMERA = ("plan_overdue", "camera_frozen", "camera_stalled", "camera_stale", "camera_missing", "chunk_stale")
JOINTS = ("joint_state_stale", "joint_state_frozen")

FAULTS: tuple[Fault, ...] = (
    _sensor("camera frozen", "camera", lambda rig: alter.same_picture(), *CAMERA, detect=dead_man),
    _sensor("camera gone", "camera", lambda rig: alter.nothing, *CAMERA, detect=dead_man),
    _sensor("joint states gone", "joint_states", lambda rig: alter.nothing, *JOINTS, detect=lambda p: p.joint_state_s),
    _sensor(
        "joint states frozen",
        "joint_states",
        lambda rig: alter.same_joints(),
        *JOINTS,
        "tracking_error",
        "step_limit",
        detect=lambda p: p.stuck_s,
    ),
    _sensor(
        "joint states noisy",
        "joint_states",
        lambda rig: alter.noisy_joints(rig.config.truth.joints),
        "tracking_error",
        "step_limit",
        detect=lambda p: p.tracking_s,
    ),
    _sensor("/clock frozen", "clock", lambda rig: alter.nothing, "clock_stalled", detect=lambda p: p.clock_s),
    _sensor(
        "/clock stepping back", "clock", lambda rig: alter.clock_back, "clock_back", detect=next_period, latched=True
    ),
)
