"""How often a new instruction may start."""

from __future__ import annotations

from vla_core.instructions.errors import InstructionError


class InstructionRate:
    """Keeps new instructions ``min_interval_s`` apart; 0: no limit. Steady time.

    Every instruction preempts the one before. One that comes before the planner could act on the last keeps the arm
    from ever doing anything, so a flood is refused and the running instruction runs on. Only accepted ones count.
    """

    def __init__(self, min_interval_s: float) -> None:
        if not 0.0 <= min_interval_s < float("inf"):  # also true for NaN
            raise ValueError(f"min_interval_s is {min_interval_s}, must be finite and not negative")
        self._min_interval_ns = round(min_interval_s * 1e9)
        self._accepted_ns: int | None = None

    def check(self, steady_ns: int) -> None:
        """Raises InstructionError ``instruction_rate`` when it is too early for another one."""
        if self._accepted_ns is not None and steady_ns - self._accepted_ns < self._min_interval_ns:
            raise InstructionError(
                "instruction_rate",
                f"the last one was accepted less than {self._min_interval_ns * 1e-9:g} s ago "
                "(parameter instruction.min_interval_s); send an instruction once, and the next one later",
            )

    def count(self, steady_ns: int) -> None:
        """An instruction was accepted."""
        self._accepted_ns = steady_ns
