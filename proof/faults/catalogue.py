"""The faults, in the order of the report."""

from __future__ import annotations

import math

from proof.faults import alter, process_faults, sensor_faults
from proof.faults.fault import Fault, Strike
from proof.faults.goals import at_once, goal, overdue
from proof.faults.rig import Rig

MOTION = ("velocity_limit", "acceleration_limit", "jerk_limit", "step_limit", "stopping_distance", "repeated_refusals")
FINITE = ("nonfinite",)
STEP = ("step_limit", "position_limit", "stopping_distance", *MOTION)


def _plan(name: str, change: str, *reasons: str, **how: object) -> Fault:
    """A fault in the content of plans: every one is altered until the cause is removed."""

    def strike(rig: Rig) -> Strike:
        assert rig.config.plan is not None
        tap = rig.taps["plan"]
        return Strike(tap.alter(_ALTERATIONS[change](rig.config.plan)), tap.pass_all)

    needs = ("plan", "plan.gripper") if change == "gripper" else ("plan",)
    return Fault(name, "content", strike, goal(name, *reasons, **{"detect": at_once, **how}), needs, ("plan",))  # type: ignore[arg-type]


_ALTERATIONS = {
    "nan": lambda plan: alter.value(plan, math.nan),
    "inf": lambda plan: alter.value(plan, math.inf),
    "jump": alter.jump,
    "shake": alter.shake,
    "order": alter.wrong_order,
    "stale": lambda plan: alter.out_of_date,
    "repeat": lambda plan: alter.repeated(),
    "gripper": alter.wide_gripper,
}

FAULTS: tuple[Fault, ...] = (
    _plan("NaN", "nan", *FINITE),
    _plan("Inf", "inf", *FINITE),
    _plan("jump", "jump", *STEP),
    _plan("oscillation at the limit", "shake", *MOTION, rest=None),
    _plan("wrong order of joints", "order", *STEP),
    _plan("out-of-date chunk", "stale", "chunk_stale", "chunk_before_reset", "chunk_order", rest=overdue),
    _plan("duplicated and reordered chunks", "repeat", "chunk_order", rest=None),
    _plan("gripper out of range", "gripper", "gripper_range"),
    *sensor_faults.FAULTS,
    *process_faults.FAULTS,
)


def names() -> list[str]:
    """Of all of them."""
    return [fault.name for fault in FAULTS]
