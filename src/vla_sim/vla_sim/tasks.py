"""Ground-truth judge of the four tasks: it reads the simulator's state and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vla_sim.spec import COLORS, CUBE_SIZE_M, TASKS, require_choice
from vla_sim.state import SimState

HOLD_S: Final = 1.0
LIFT_M: Final = 0.05  # of the cube's centre over where it rests
REACH_XY_M: Final = 0.03
REACH_ABOVE_TOP_M: Final = (0.0, 0.065)  # of tool0 over the cube's top face
REACH_MOVED_M: Final = 0.03  # a cube that was shoved away was not reached
PUSH_M: Final = 0.07
PUSH_ON_TABLE_M: Final = 0.02  # a pushed cube has not been lifted
WRONG_MOVED_M: Final = 0.03


@dataclass(frozen=True, slots=True)
class Verdict:
    """goal_reached: the condition holds now. success: it has held for 1 s without a break, at some time.
    wrong_object: another cube than the target was lifted or moved by more than 3 cm.
    """

    goal_reached: bool
    success: bool
    wrong_object: bool


class EpisodeJudge:
    """Judges one instruction from the state at its start on. Time is the state's own."""

    def __init__(self, task: str, target: str, start: SimState) -> None:
        """SceneError for an unknown task or a colour that is not on the table."""
        self.task = require_choice("task", task, TASKS)
        self.target = target
        self._index = start.cube_index(target)
        self._others = [COLORS.index(color) for color in start.colors if color != target]
        self._start = start.cube_positions_m.copy()
        self._since_s: float | None = None
        self._verdict = Verdict(False, False, False)

    @property
    def verdict(self) -> Verdict:
        """The latest verdict."""
        return self._verdict

    def update(self, state: SimState) -> Verdict:
        """Judge the next state; call at 20 Hz or faster so that a break is not missed."""
        reached = self._reached(state)
        if not reached:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = state.time_s
        held = self._since_s is not None and state.time_s - self._since_s >= HOLD_S - 1e-6
        moved = state.cube_positions_m[self._others] - self._start[self._others]
        wrong = bool(self._others) and bool(np.linalg.norm(moved, axis=1).max() > WRONG_MOVED_M)
        self._verdict = Verdict(reached, self._verdict.success or held, self._verdict.wrong_object or wrong)
        return self._verdict

    def _reached(self, state: SimState) -> bool:
        cube, start = state.cube_positions_m[self._index], self._start[self._index]
        moved = cube - start
        if self.task == "pick":
            return bool(moved[2] > LIFT_M)
        if self.task == "reach":
            across = float(np.hypot(*(state.tool_position_m[:2] - cube[:2])))
            above = float(state.tool_position_m[2] - cube[2] - CUBE_SIZE_M / 2)
            still = float(np.hypot(moved[0], moved[1])) < REACH_MOVED_M
            return across < REACH_XY_M and REACH_ABOVE_TOP_M[0] < above < REACH_ABOVE_TOP_M[1] and still
        direction = 1.0 if self.task == "push_left" else -1.0
        return bool(direction * moved[1] > PUSH_M and abs(moved[2]) < PUSH_ON_TABLE_M)
