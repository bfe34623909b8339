"""Where sentences from every source are received, and turned into a task or a refusal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from vla_core.instructions import InstructionError, InstructionIntake, InstructionRate
from vla_inference.inference.tasks import Task, TaskDesk

# Why no instruction can be served at the moment, with the remedy; None when all is well.
Objection = Callable[[], str | None]

MAX_TIMEOUT_S = 86_400.0
"""Longest that an instruction may ask for: a day; more is a unit mistake, and no clock could count it."""


class Reception:
    """One door for topic and action.

    objections: asked in order for each sentence that is well-formed.
    default_timeout_s: asked each time, so that it may change; ROS time.
    rate: how far apart instructions are; None: no limit. steady_ns: its clock.
    """

    def __init__(
        self,
        intake: InstructionIntake,
        desk: TaskDesk,
        objections: Sequence[Objection],
        default_timeout_s: Callable[[], float],
        rate: InstructionRate | None = None,
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._intake = intake
        self._desk = desk
        self._objections = tuple(objections)
        self._default_timeout_s = default_timeout_s
        self._rate = rate or InstructionRate(0.0)
        self._steady_ns = steady_ns

    def judge_with(self, intake: InstructionIntake) -> None:
        """From now on, sentences are checked by ``intake``."""
        self._intake = intake

    def receive(
        self,
        sentence: str,
        source: str,
        now_ns: int,
        timeout_s: float = 0.0,
        on_end: Callable[[Task], None] | None = None,
    ) -> Task:
        """Start a task, preempting the one that runs. ``timeout_s`` 0: the default.

        Raises:
            InstructionError: the sentence, the timeout or the state of the system does not allow it; nothing changed,
                a running task runs on.
        """
        text = self._intake.check(sentence)
        if not 0.0 <= timeout_s <= MAX_TIMEOUT_S:  # also true for NaN
            raise InstructionError(
                "instruction_bad_timeout",
                f"timeout_s is {timeout_s}, must be 0 (the default) or at most {MAX_TIMEOUT_S:g} [s]",
            )
        for objection in self._objections:
            reason = objection()
            if reason is not None:
                raise InstructionError("instruction_not_ready", reason)
        steady_ns = self._steady_ns()
        self._rate.check(steady_ns)
        task = self._desk.accept(text, source, now_ns, timeout_s or self._default_timeout_s(), on_end)
        self._rate.count(steady_ns)
        return task
