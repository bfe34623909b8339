"""One fault, once: the arm moves, the fault strikes, the arm rests, the cause goes, the arm moves again."""

from __future__ import annotations

import time
from collections.abc import Callable

from proof.faults.fault import Fault, Strike, now_ns
from proof.faults.judge import Facts, Goal, detection, rest_at, seconds_to
from proof.faults.rig import Rig
from proof.faults.truth import Truth
from vla_bringup.errors import StackError
from vla_core.errors import VlaError

STEADY_S = 1.0
REST_PATIENCE_S = 4.0
BY_ITSELF_S = 2.5
RECOVER_S = 45.0

Tell = Callable[[str], None]


def trial(rig: Rig, truth: Truth, fault: Fault, goal: Goal, tell: Tell) -> Facts:
    """Raises VlaError when the stack could not be brought to where the fault can strike."""
    bring_to_motion(rig, goal, tell)
    rig.log.clear()
    reason_before = rig.log.said[-1].reason if rig.log.said else ""
    tell("strikes")
    speed = rig.log.speed
    strike = fault.strike(rig)
    checks = _watch(rig, fault, goal, strike, tell)
    end_ns = now_ns()
    tell("the cause is removed")
    recovered, steps, took_s, moved_early = _recover(rig, goal, strike, tell)
    samples = list(rig.log.samples)
    noticed = detection(rig.log.said, strike.fault_ns, goal, reason_before)
    if goal.detection_s is None and goal.rest_s is not None:
        noticed = None  # whom it concerns cannot notice it
    from_ns = strike.fault_ns if noticed is None else noticed.steady_ns
    rested = rest_at(samples, from_ns, end_ns, rig.config.promises.rest_rad_s)
    after = [sample for sample in samples if sample.steady_ns >= strike.fault_ns]
    return Facts(
        detection_s=None if noticed is None else (noticed.steady_ns - strike.fault_ns) * 1e-9,
        reason="" if noticed is None else noticed.reason,
        rest_s=None if rested is None else seconds_to(samples, from_ns, rested),
        peak_excess=max(truth.excess(after), rig.log.new_excess),
        contact=truth.contact(after),
        speed_at_fault=speed,
        recovered=recovered,
        recovery=steps,
        recovery_s=took_s,
        moved_while_latched=moved_early,
        checks=tuple(checks),
    )


def bring_to_motion(rig: Rig, goal: Goal, tell: Tell) -> None:
    """From wherever it is: stopped, home, and then in steady motion."""
    tell("goes home")
    if rig.stopped:
        rig.reset()
    rig.end_instruction()
    rig.go_home()
    tell("begins to move")
    rig.move()
    rig.wait(STEADY_S)

    def steady() -> bool:  # else an old reason could be taken for the answer to the fault
        return rig.moving() and bool(rig.log.said) and rig.log.said[-1].reason not in goal.reasons

    if not rig.session.wait_for(steady, 10.0):
        reason = rig.log.said[-1].reason if rig.log.said else "nothing"
        raise StackError(f"the arm did not keep moving without a fault; the monitor said: {reason}")


def _watch(rig: Rig, fault: Fault, goal: Goal, strike: Strike, tell: Tell) -> list[str]:
    """Until the arm rests, or long enough; then what the fault tries while its cause is there."""
    if goal.rest_s is None:
        rig.wait(fault.watch_s)
        return []
    tell("comes to rest")
    deadline = time.monotonic() + REST_PATIENCE_S
    rested_since = 0.0
    while time.monotonic() < deadline:
        time.sleep(0.02)
        if not rig.resting():
            rested_since = 0.0
        elif rested_since == 0.0:
            rested_since = time.monotonic()
        elif time.monotonic() - rested_since > fault.watch_s:
            return strike.persist()
    return []


def _recover(rig: Rig, goal: Goal, strike: Strike, tell: Tell) -> tuple[bool, str, float, bool]:
    """Whether nominal motion comes back, by which steps, how long that took [s], and whether it came too early."""
    started = time.monotonic()
    steps: list[str] = []
    early = False
    try:
        strike.remove()
        tell("recovers")
        moved = rig.session.wait_for(rig.moving, BY_ITSELF_S)
        early = moved and goal.latched
        if not moved and rig.stopped:
            rig.reset(RECOVER_S)
            steps.append("reset")
            moved = rig.session.wait_for(rig.moving, BY_ITSELF_S)
        if not moved:
            rig.move(RECOVER_S)
            steps.append("instruction")
    except VlaError as error:
        return False, str(error), time.monotonic() - started, early
    return True, " + ".join(steps) or "by itself", time.monotonic() - started, early
