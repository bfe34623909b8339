"""What a fault is: how it strikes, how its cause goes away, and what must come of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from proof.faults.config import StackConfig
from proof.faults.judge import Goal
from proof.faults.rig import Rig, topic_of


@dataclass(slots=True)
class Strike:
    """A fault that has struck. fault_ns: when, steady. remove: takes the cause away. persist: what the operator tries
    while the cause is there, after rest; returns what went wrong.
    """

    fault_ns: int
    remove: Callable[[], None] = lambda: None
    persist: Callable[[], list[str]] = list


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the matrix.

    group: "content", "sensor", "process", "time" or "operator". needs: what the description must have, for the fault to
    make sense: "plan", "plan.gripper", "joint_states", "clock", "cameras", "command", "e_stop_topic", or a role.
    taps: topics led through the runner; "camera" stands for the first camera. watch_s: how long it is watched at rest,
    or going on. ends: it ends a process, which has to be started again.
    """

    name: str
    group: str
    strike: Callable[[Rig], Strike]
    goal: Callable[[StackConfig], Goal]
    needs: tuple[str, ...] = ()
    taps: tuple[str, ...] = ()
    watch_s: float = 1.0
    ends: bool = False

    def inapplicable(self, config: StackConfig) -> str:
        """Why this stack cannot have the fault; empty: it can."""
        for need in self.needs:
            if need == "plan.gripper":
                there = config.plan is not None and bool(config.plan.gripper)
            elif need in config.processes:
                there = True
            else:
                there = bool(getattr(config, need, None))
            if not there:
                return f"the description of {config.name} has no {need}"
            process = config.processes.get(need)
            if self.ends and process is not None and process.attach and not process.restart:
                return f"nothing is known to start it again: processes.{need}.restart"
        for tap in self.taps_in(config):
            topic = topic_of(config, tap)
            if not topic.source and config.processes[topic.role].attach:
                return f"{topic.topic} comes from a process of others: name the source of {tap}"
        return ""

    def taps_in(self, config: StackConfig) -> tuple[str, ...]:
        """Names of the taps in this stack."""
        return tuple(next(iter(config.cameras), "") if name == "camera" else name for name in self.taps)


def now_ns() -> int:
    """The runner's clock."""
    return time.monotonic_ns()
