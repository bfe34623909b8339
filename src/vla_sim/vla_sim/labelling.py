"""Frames of training data: what the cameras see in a state, and what the expert would do in it when asked so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vla_sim.expert import Expert
from vla_sim.furniture import CABINET_HALF_WIDTH_M, HANDLE_OFF_M, HANDLE_Z_M, FurnitureState, over_tray
from vla_sim.sampling import corridor_free
from vla_sim.simulation import TabletopSim
from vla_sim.spec import ALL_TASKS, COLORS, CUBE_SIZE_M, DRAWER, DRAWER_TASKS, FURNISHED_TASKS, TARGETS, TASKS
from vla_sim.state import SimState

Instruction = tuple[str, str]
"""(task, target): a colour, or the drawer."""

LABELS_PER_FRAME: Final = 3
WORK_AREA_M: Final = ((0.37, 0.66), (-0.32, 0.32))  # x and y of cubes that the tool reaches upright
GRASP_CLEARANCE_M: Final = 0.095  # centre to centre: room for a finger beside the cube
CABINET_CLEARANCE_M: Final = CABINET_HALF_WIDTH_M + 0.065  # the same beside the cabinet
LIFTED_M: Final = 0.012


def possible_instructions(state: SimState) -> list[Instruction]:
    """Every (task, target) that can be carried out in ``state`` without touching another cube."""
    asked = [(task, color) for task in TASKS for color in state.colors]
    if state.furniture is not None:
        asked += [(task, DRAWER) for task in DRAWER_TASKS]
        asked += [(task, color) for task in FURNISHED_TASKS if task not in DRAWER_TASKS for color in state.colors]
    return [(task, target) for task, target in asked if is_possible(state, task, target)]


def is_possible(state: SimState, task: str, target: str) -> bool:
    """Whether the cube is in reach and there is room: a finger's beside the cube, or a free way for a push.

    For the tasks of the furniture: whether it is there, and the zone or the drawer free.
    """
    if task in FURNISHED_TASKS:
        return state.furniture is not None and _furnished_possible(state, state.furniture, task, target)
    cube = state.cube_positions_m[state.cube_index(target)]
    if not all(low < value < high for value, (low, high) in zip(cube[:2], WORK_AREA_M, strict=True)):
        return False
    if _beside_drawer(state, cube):
        return False
    others = [state.cube_positions_m[COLORS.index(color)] for color in state.colors if color != target]
    if task == "reach":
        return True
    if task == "pick":
        return all(np.hypot(*(other[:2] - cube[:2])) > GRASP_CLEARANCE_M for other in others)
    direction = 1.0 if task == "push_left" else -1.0
    place = (float(cube[0]), float(cube[1]))
    return all(corridor_free(direction, place, (float(other[0]), float(other[1]))) for other in others)


def _furnished_possible(state: SimState, there: FurnitureState, task: str, target: str) -> bool:
    if task in DRAWER_TASKS:
        return there.has_drawer
    cube = state.cube_positions_m[state.cube_index(target)]
    others = [state.cube_positions_m[COLORS.index(color)] for color in state.colors if color != target]
    lifted = bool(cube[2] > CUBE_SIZE_M / 2 + LIFTED_M)
    if task == "place":
        free = there.has_zone and all(np.hypot(*(o[:2] - there.zone_xy_m)) > GRASP_CLEARANCE_M for o in others)
        return bool(free) and (lifted or is_possible(state, "pick", target))
    if not there.has_drawer or any(_in_tray(there, other) for other in others):
        return False
    return lifted or _in_tray(there, cube) or is_possible(state, "pick", target)


def _in_tray(there: FurnitureState, cube: NDArray[np.float64]) -> bool:
    return over_tray(cube[0], cube[1], there.drawer_xy_m[0], there.drawer_xy_m[1], there.drawer_open_m)


def _beside_drawer(state: SimState, cube: NDArray[np.float64]) -> bool:
    """Whether the cube stands so near the cabinet's side, or in the drawer, that fingers do not fit beside it."""
    there = state.furniture
    return there is not None and there.has_drawer and bool(abs(cube[1] - there.drawer_xy_m[1]) < CABINET_CLEARANCE_M)


def target_position_m(state: SimState, target: str) -> NDArray[np.float64]:
    """(3,) in base_link: the cube's centre, or the middle of the drawer's handle."""
    if target != DRAWER:
        position: NDArray[np.float64] = state.cube_positions_m[COLORS.index(target)]
        return position
    assert state.furniture is not None
    x, y = state.furniture.drawer_xy_m
    return np.array([x - state.furniture.drawer_open_m - HANDLE_OFF_M, y, sum(HANDLE_Z_M) / 2])


def choose_labels(
    rng: Generator, state: SimState, executed: Instruction, count: int = LABELS_PER_FRAME
) -> list[Instruction]:
    """The executed instruction and ``count - 1`` other possible ones, repeated only when there are too few."""
    others = [instruction for instruction in possible_instructions(state) if instruction != executed]
    if not others:
        return [executed] * count
    chosen = rng.choice(len(others), size=count - 1, replace=len(others) < count - 1)
    return [executed, *(others[index] for index in chosen)]


def _numbers(there: FurnitureState) -> NDArray[np.float32]:
    return np.array([*there.drawer_xy_m, there.drawer_open_m, *there.zone_xy_m], np.float32)


class FrameRecorder:
    """Collects frames; ``arrays`` gives them stacked.

    ========== ================ ======== ===========================================================
    front      (T, 96, 96, 3)   uint8    RGB
    wrist      (T, 96, 96, 3)   uint8    RGB
    state      (T, 8)           float32  measured joint1..joint7 [rad], finger_joint1 [m]
    task_id    (T, K)           uint8    index into ``ALL_TASKS``; column 0 is what was being executed
    color_id   (T, K)           uint8    index into ``TARGETS``: a colour, or the drawer
    chunk      (T, K, 8, 8)     float32  absolute joint1..joint7 [rad] and gripper [m], row k due at t + k * 0.1 s
    done       (T, K)           bool     the expert regards the instruction as fulfilled
    target     (T, K, 3)        float32  of the cube or handle meant, base_link [m]; for an auxiliary loss only
    cubes      (T, 4, 3)        float32  centres in the order of ``COLORS``, NaN where absent
    episode    (T,)             int64    seed of the episode
    furniture  (T, 5)           float32  drawer: x, y of the cabinet's open side, how far open; zone: x, y [m]; NaN
                                         where there is none. Only of a simulation with furniture
    ========== ================ ======== ===========================================================
    """

    def __init__(self, expert: Expert) -> None:
        self._expert = expert
        self._frames: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, sim: TabletopSim, state: SimState, instructions: Sequence[Instruction], episode: int) -> None:
        """One frame: images of ``sim`` as it is now, ``state`` of the same instant, a label per instruction."""
        chunks = [self._expert.chunk(state, task, target) for task, target in instructions]
        targets = [target_position_m(state, target) for _, target in instructions]
        furniture = {} if state.furniture is None else {"furniture": _numbers(state.furniture)}
        self._frames.append(
            {
                "front": sim.render("front"),
                "wrist": sim.render("wrist"),
                "state": np.append(state.q_rad, state.gripper_m).astype(np.float32),
                "task_id": np.array([ALL_TASKS.index(task) for task, _ in instructions], np.uint8),
                "color_id": np.array([TARGETS.index(target) for _, target in instructions], np.uint8),
                "chunk": np.stack([np.column_stack([c.q_rad, c.gripper_m]) for c in chunks]).astype(np.float32),
                "done": np.array([c.done for c in chunks]),
                "target": np.stack(targets).astype(np.float32),
                "cubes": state.cube_positions_m.astype(np.float32),
                "episode": np.int64(episode),
                **furniture,
            }
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All frames, stacked. ValueError when there are none."""
        if not self._frames:
            raise ValueError("no frames were recorded")
        return {key: np.stack([frame[key] for frame in self._frames]) for key in self._frames[0]}
