"""Ground-truth judge of every task: it reads the simulator's state and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vla_sim.furniture import TRAY_FLOOR_M, over_tray
from vla_sim.spec import (
    ALL_TASKS,
    COLORS,
    CUBE_SIZE_M,
    DRAWER,
    DRAWER_TASKS,
    FURNISHED_TASKS,
    TASKS,
    SceneError,
    require_choice,
)
from vla_sim.state import SimState

HOLD_S: Final = 1.0
LIFT_M: Final = 0.05  # of the cube's centre over where it rests
REACH_XY_M: Final = 0.03
REACH_ABOVE_TOP_M: Final = (0.0, 0.065)  # of tool0 over the cube's top face
REACH_MOVED_M: Final = 0.03  # a cube that was shoved away was not reached
PUSH_M: Final = 0.07
PUSH_ON_TABLE_M: Final = 0.02  # a pushed cube has not been lifted
WRONG_MOVED_M: Final = 0.03
PLACED_M: Final = 0.040  # from the zone's middle to the cube's; the zone's radius is 60 mm
RESTING_M_S: Final = 0.02
LOW_M: Final = 0.008  # of a cube's centre over where it rests: it stands on nothing else
OPENED_M: Final = 0.09
CLOSED_M: Final = 0.012


@dataclass(frozen=True, slots=True)
class Verdict:
    """goal_reached: the condition holds now. success: it has held for 1 s without a break, at some time.
    wrong_object: another cube than the target was lifted or moved by more than 3 cm, except with the drawer in which it
    lay; or the drawer was, when the task was not about it.
    """

    goal_reached: bool
    success: bool
    wrong_object: bool


class EpisodeJudge:
    """Judges one instruction from the state at its start on. Time is the state's own."""

    def __init__(self, task: str, target: str, start: SimState) -> None:
        """SceneError for an unknown task or a target that is not there."""
        self.task = require_choice("task", task, ALL_TASKS)
        self.target = require_choice("target", target, (DRAWER,)) if task in DRAWER_TASKS else target
        self._index = -1 if task in DRAWER_TASKS else start.cube_index(target)
        self._others = [
            COLORS.index(color)
            for color in start.colors
            if color != target and not in_drawer(start, COLORS.index(color))
        ]
        _require_furniture(task, start)
        self._drawer_m = 0.0 if start.furniture is None else start.furniture.drawer_open_m
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
        if state.furniture is not None and (self.task in TASKS or self.task == "place"):
            wrong = wrong or bool(abs(state.furniture.drawer_open_m - self._drawer_m) > WRONG_MOVED_M)
        self._verdict = Verdict(reached, self._verdict.success or held, self._verdict.wrong_object or wrong)
        return self._verdict

    def _reached(self, state: SimState) -> bool:
        if self.task in FURNISHED_TASKS:
            return _furnished_goal(self.task, self._index, state)
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


def in_drawer(state: SimState, index: int) -> bool:
    """Whether the cube in row ``index`` stands in the drawer's tray."""
    there, (x, y, z) = state.furniture, (float(v) for v in state.cube_positions_m[index])
    if there is None or not there.has_drawer:
        return False
    drawer_x, drawer_y = (float(v) for v in there.drawer_xy_m)
    low = z < TRAY_FLOOR_M + CUBE_SIZE_M / 2 + LOW_M
    return low and over_tray(x, y, drawer_x, drawer_y, there.drawer_open_m)


def _furnished_goal(task: str, index: int, state: SimState) -> bool:
    """Whether the goal of one of ``FURNISHED_TASKS`` holds now."""
    there = state.furniture
    assert there is not None
    if task == "open_drawer":
        return there.drawer_open_m > OPENED_M
    if task == "close_drawer":
        return there.drawer_open_m < CLOSED_M
    if COLORS[index] in there.touched or not there.cube_speeds_m_s[index] < RESTING_M_S:
        return False
    if task == "place":
        x, y, z = (float(v) for v in state.cube_positions_m[index])
        away = float(np.hypot(x - there.zone_xy_m[0], y - there.zone_xy_m[1]))
        return away < PLACED_M and z < CUBE_SIZE_M / 2 + LOW_M
    return in_drawer(state, index) and (task == "store" or there.drawer_open_m < CLOSED_M)


def _require_furniture(task: str, state: SimState) -> None:
    there = state.furniture
    if task == "place" and (there is None or not there.has_zone):
        raise SceneError("task 'place' cannot be judged: there is no marked zone in this scene")
    if task in FURNISHED_TASKS and task != "place" and (there is None or not there.has_drawer):
        raise SceneError(f"task {task!r} cannot be judged: there is no drawer in this scene")
