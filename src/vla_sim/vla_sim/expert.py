"""The scripted expert: any visited state, any instruction -> the chunk of actions it would take from there.

A chunk is the expert's velocity field integrated forward from the state, with a small model of what fingers and
cubes do meanwhile; no physics, no memory. About 1 ms a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vla_sim.expert_field import FINGER_HALF_WIDTH_M, Wish, wish
from vla_sim.expert_furniture import HOOK_FINGER_M, HOOK_Z_M
from vla_sim.expert_view import HALF_M, HELD_FINGER_M, Cube, Drawer, View, cubes_of, drawer_of, zone_of
from vla_sim.furniture import DRAWER_TRAVEL_M, HANDLE_HALF_LENGTH_M, HANDLE_HALF_M
from vla_sim.kinematics import ToolKinematics, tool_yaw_rad
from vla_sim.spec import ALL_TASKS, DRAWER, DRAWER_TASKS, FURNISHED_TASKS, SceneError, require_choice
from vla_sim.state import SimState

FloatArray = NDArray[np.float64]

HORIZON: Final = 8
PERIOD_S: Final = 0.1
FINGER_SPEED_M_S: Final = 0.15  # a mean over closing on a cube; only imagined, the fingers' servo has its own way
_SUBSTEPS: Final = 2
_UPRIGHT_GAIN_1_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ExpertChunk:
    """q_rad: (horizon, 7) absolute positions, row k due at t + k * period; row 0 is the state's own position.
    gripper_m: (horizon,) set-points of finger_joint1. done: the instruction is fulfilled in this state.
    """

    q_rad: FloatArray
    gripper_m: FloatArray
    done: bool


class Expert:
    """Labels states with chunks. Not for use by two threads at once."""

    def __init__(self) -> None:
        self._kinematics = ToolKinematics()

    def chunk(
        self, state: SimState, task: str, target: str, horizon: int = HORIZON, period_s: float = PERIOD_S
    ) -> ExpertChunk:
        """What the expert does from ``state``. SceneError for an unknown task or a target that is not there."""
        _require(state, task, target)
        q = np.array(state.q_rad)
        position, rotation = self._kinematics.forward(q)
        x, y, z = (float(v) for v in position)
        view = View(x, y, z, tool_yaw_rad(rotation), state.gripper_m, cubes_of(state), drawer_of(state), zone_of(state))
        rows, gripper = np.empty((horizon, 7)), np.empty(horizon)
        desire = wish(view, task, target)
        done = desire.done
        step_s = period_s / _SUBSTEPS
        for row in range(horizon):
            rows[row], gripper[row] = q, desire.gripper
            if row + 1 == horizon:
                break
            for _ in range(_SUBSTEPS):
                q = self._step(q, rotation, desire, step_s)
                position, rotation = self._kinematics.forward(q)
                _imagine(view, position, tool_yaw_rad(rotation), desire, step_s, task, target)
                desire = wish(view, task, target)
        return ExpertChunk(rows, gripper, done)

    def _step(self, q: FloatArray, rotation: FloatArray, desire: Wish, step_s: float) -> FloatArray:
        # (tool z) x (0, 0, -1): the turn that brings the tool to look straight down
        turn = np.array([-rotation[1, 2] * _UPRIGHT_GAIN_1_S, rotation[0, 2] * _UPRIGHT_GAIN_1_S, desire.turn])
        speed = self._kinematics.joint_velocity(np.array([desire.vx, desire.vy, desire.vz]), turn)
        return self._kinematics.clip(q + step_s * speed)


def _require(state: SimState, task: str, target: str) -> None:
    require_choice("task", task, ALL_TASKS)
    if task in DRAWER_TASKS:
        require_choice("target", target, (DRAWER,))
    else:
        state.cube_index(target)
    there = state.furniture
    if task == "place" and (there is None or not there.has_zone):
        raise SceneError("task 'place' needs a marked zone, and there is none in this scene")
    if task in FURNISHED_TASKS and task != "place" and (there is None or not there.has_drawer):
        raise SceneError(f"task {task!r} needs a drawer, and there is none in this scene")


def _imagine(view: View, position: FloatArray, yaw: float, desire: Wish, step_s: float, task: str, target: str) -> None:
    """Move tool, fingers and what they touch to where they will be after ``step_s``."""
    held = view.held()
    if held is not None and desire.gripper < HALF_M:
        cube = view.cubes[held]
        cube.x += position[0] - view.x
        cube.y += position[1] - view.y
        cube.z += position[2] - view.z
    view.x, view.y, view.z, view.yaw = float(position[0]), float(position[1]), float(position[2]), yaw
    travel = FINGER_SPEED_M_S * step_s
    finger = view.finger + min(max(desire.gripper - view.finger, -travel), travel)
    if finger < HALF_M and desire.gripper < HALF_M and any(view.between(cube) for cube in view.cubes.values()):
        finger = max(finger, min(view.finger, HALF_M))
    view.finger = finger
    if view.drawer is not None:
        _drag(view, view.drawer)
        for cube in view.cubes.values():
            if finger > HELD_FINGER_M and view.between(cube) and view.drawer.below(cube):
                cube.z = view.rest_z(cube)  # let fall
    if task.startswith("push"):
        _shove(view, view.cubes[target], 1.0 if task == "push_left" else -1.0)


def _drag(view: View, drawer: Drawer) -> None:
    """A handle between the fingers, and what lies in the drawer, is moved along."""
    if view.z > HOOK_Z_M + 0.012 or abs(view.y - drawer.y) > HANDLE_HALF_LENGTH_M or view.finger > 2 * HOOK_FINGER_M:
        return
    off, play = drawer.handle_x - view.x, max(view.finger - HANDLE_HALF_M, 0.0)
    if abs(off) > HOOK_FINGER_M + 0.005 or abs(off) <= play:
        return
    opened = min(max(drawer.open + off - (play if off > 0.0 else -play), 0.0), DRAWER_TRAVEL_M)
    for cube in view.cubes.values():
        if drawer.below(cube) and cube.z < 2 * HALF_M:
            cube.x -= opened - drawer.open
    drawer.open = opened


def _shove(view: View, cube: Cube, direction: float) -> None:
    """A cube in front of the fingers is moved along."""
    contact = cube.reach_y + FINGER_HALF_WIDTH_M
    ahead = direction * (cube.y - view.y)
    if view.z < 2 * HALF_M and abs(view.x - cube.x) < 0.03 and 0.0 < ahead < contact:
        cube.y = view.y + direction * contact
