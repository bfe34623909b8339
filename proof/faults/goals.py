"""What each kind of fault has to keep, from the stack's own promises."""

from __future__ import annotations

from collections.abc import Callable

from proof.faults.config import Promises, StackConfig
from proof.faults.judge import Goal

Detect = Callable[[Promises], float | None]


def goal(
    name: str,
    *reasons: str,
    detect: Detect | None,
    rest: Detect | None = lambda promises: promises.stop_s,
    latched: bool = False,
) -> Callable[[StackConfig], Goal]:
    """detect, rest: of the promises [s]; None: see ``Goal``. The description may give other reasons for ``name``."""

    def make(config: StackConfig) -> Goal:
        return Goal(
            None if detect is None else detect(config.promises),
            None if rest is None else rest(config.promises),
            tuple(config.reasons.get(name, reasons)),
            config.any_reason and name not in config.reasons,
            latched,
        )

    return make


def at_once(promises: Promises) -> float:
    """Within one command period."""
    return promises.period_s


def next_period(promises: Promises) -> float:
    """Judged once in each command period, not when the message comes."""
    return 2 * promises.period_s


def dead_man(promises: Promises) -> float:
    """The time in which a process or camera that is dead is missed."""
    return promises.dead_man_s


def overdue(promises: Promises) -> float:
    """A plan that is refused does not stop the one that runs; that nothing usable comes is noticed later."""
    return promises.dead_man_s + promises.stop_s


def what_was_sent(promises: Promises) -> float:
    """Nobody is left to decide: what was sent last is carried out, and then the arm brakes."""
    return promises.outlives_s + promises.stop_s
