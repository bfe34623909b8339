"""The scripted expert's wish at one instant: a velocity of the tool that depends on nothing but what is seen.

There is no memory and there are no timers: a phase is where the tool is relative to the target. Heights follow a
funnel over the distance that is left, so that "above", "down" and "there" flow into each other, and whatever was
disturbed is simply done again from where things are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot, pi
from typing import Final

from vla_sim.expert_view import AIRBORNE_M, HALF_M, LOST_FINGER_M, Cube, View
from vla_sim.robot import GRIPPER_CLOSED_M, GRIPPER_OPEN_M
from vla_sim.spec import PUSH_LINE_M

TOOL_SPEED_M_S: Final = 0.28
VERTICAL_SPEED_M_S: Final = 0.20
PUSH_SPEED_M_S: Final = 0.16
TURN_SPEED_RAD_S: Final = 1.5
GAIN_1_S: Final = 5.0  # of every approach: the last centimetres decay with 0.2 s

HOVER_Z_M: Final = 0.105  # fingertips 5 cm above the cubes
LIFT_Z_M: Final = 0.16  # of the tool after picking up
REACH_ABOVE_TOP_M: Final = 0.035
PUSH_Z_M: Final = 0.024
PUSH_YAW_RAD: Final = pi / 2  # the fingers stand side by side behind the cube
PUSH_FINGER_M: Final = 0.018  # a cradle a little narrower than the cube, so that it cannot turn away
FINGER_HALF_WIDTH_M: Final = 0.010  # along the hand's x axis
PUSH_GAP_M: Final = 0.022  # free space when coming down behind a cube
ASTRIDE_Z_M: Final = 0.062  # below this the fingertips reach down beside a cube
PUSH_BEYOND_M: Final = 0.018  # where a push slows to a stop, past the line
FUNNEL_WIDTH_M: Final = 0.030


@dataclass(frozen=True, slots=True)
class Wish:
    """Tool velocity [m/s] and turn about +z [rad/s] in base_link, gripper set-point [m], whether it is done."""

    vx: float
    vy: float
    vz: float
    turn: float
    gripper: float
    done: bool = False


def wish(view: View, task: str, target: str) -> Wish:
    """What the expert wants now. ``target`` must be among ``view.cubes``, or the drawer for the drawer's tasks."""
    if view.drawer is not None or view.zone is not None:
        from vla_sim.expert_furniture import furnished_wish

        return furnished_wish(view, task, target)
    return plain_wish(view, task, target)


def plain_wish(view: View, task: str, target: str) -> Wish:
    """What the expert wants now for one of the four tasks of the plain table."""
    held = view.held()
    cube = view.cubes[target]
    if held is not None and not (task == "pick" and held == target):
        return put_down(view.cubes[held])
    return PLAIN[task](view, cube, held is not None)


def pick(view: View, cube: Cube, held: bool) -> Wish:
    if held:
        rise = towards(LIFT_Z_M - view.z, VERTICAL_SPEED_M_S)
        return Wish(0.0, 0.0, rise, 0.0, GRIPPER_CLOSED_M, done=view.z > LIFT_Z_M - 0.025)
    yaw_error = _grasp_yaw(view, cube) - view.yaw
    away = hypot(cube.x - view.x, cube.y - view.y)
    low = max(cube.z, 0.020)
    # Once the fingers move the cube moves with them: then a wider region still counts as "there".
    slack = 1.0 if view.finger > 0.037 else 2.2
    there = away < 0.007 * slack and abs(view.z - low) < 0.007 * slack and abs(yaw_error) < 0.09 * slack
    if there and view.finger > LOST_FINGER_M:
        return Wish(0.0, 0.0, 0.0, 0.0, GRIPPER_CLOSED_M)
    floor = low if view.finger > 0.034 else HOVER_Z_M
    return go(view, cube.x, cube.y, floor, yaw_error, GRIPPER_OPEN_M, 0.006)


def _reach(view: View, cube: Cube, held: bool) -> Wish:
    low = cube.z + HALF_M + REACH_ABOVE_TOP_M
    there = hypot(cube.x - view.x, cube.y - view.y) < 0.012 and abs(view.z - low) < 0.012
    return go(view, cube.x, cube.y, low, _grasp_yaw(view, cube) - view.yaw, GRIPPER_OPEN_M, 0.006, done=there)


def _push(view: View, cube: Cube, direction: float) -> Wish:
    beyond = direction * cube.y - PUSH_LINE_M
    if beyond > 0.0:
        creep = towards(PUSH_BEYOND_M - beyond, PUSH_SPEED_M_S) if _behind(view, cube, direction) else 0.0
        return Wish(0.0, direction * max(creep, 0.0), 0.0, 0.0, PUSH_FINGER_M, done=True)
    if _behind(view, cube, direction):
        forward = towards(PUSH_BEYOND_M - beyond, PUSH_SPEED_M_S)
        sideways = towards(cube.x - view.x, PUSH_SPEED_M_S)
        turn = turned(PUSH_YAW_RAD - view.yaw)
        return Wish(sideways, direction * forward, towards(PUSH_Z_M - view.z, 0.1), turn, PUSH_FINGER_M)
    gripper = PUSH_FINGER_M
    if hypot(cube.x - view.x, cube.y - view.y) < 0.032 and view.z < ASTRIDE_Z_M:  # the cube is between the fingers
        if view.finger < 0.034:
            return Wish(0.0, 0.0, 0.0, 0.0, GRIPPER_OPEN_M)
        gripper = GRIPPER_OPEN_M
    start_y = cube.y - direction * (cube.reach_y + FINGER_HALF_WIDTH_M + PUSH_GAP_M)
    return go(view, cube.x, start_y, PUSH_Z_M, PUSH_YAW_RAD - view.yaw, gripper, 0.012)


def _behind(view: View, cube: Cube, direction: float) -> bool:
    """Whether the fingers stand behind the cube, low enough to push it."""
    gap = -direction * (view.y - cube.y) - cube.reach_y - FINGER_HALF_WIDTH_M
    return view.z < PUSH_Z_M + 0.018 and abs(view.x - cube.x) < 0.022 and -0.022 < gap < 0.060


def put_down(cube: Cube) -> Wish:
    if cube.z < HALF_M + AIRBORNE_M:
        return Wish(0.0, 0.0, 0.0, 0.0, GRIPPER_OPEN_M)
    return Wish(0.0, 0.0, towards(HALF_M - 0.004 - cube.z, 0.15), 0.0, GRIPPER_CLOSED_M)


def go(
    view: View, x: float, y: float, low: float, yaw_error: float, gripper: float, tolerance: float, done: bool = False
) -> Wish:
    """Towards (x, y), high while far and down to ``low`` when within ``tolerance`` [m]; up first when too low."""
    dx, dy = x - view.x, y - view.y
    away = hypot(hypot(dx, dy), 0.06 * max(abs(yaw_error) - 0.05, 0.0))
    share = min(max((away - tolerance) / FUNNEL_WIDTH_M, 0.0), 1.0)
    height = low + (max(HOVER_Z_M, low) - low) * share * share * (3.0 - 2.0 * share)
    dz = height - view.z
    # Too low for where it is: sideways motion waits until the fingers are clear of cubes.
    freedom = min(max(1.0 - (dz - 0.010) / 0.030, 0.0), 1.0)
    vx, vy, vz = GAIN_1_S * dx * freedom, GAIN_1_S * dy * freedom, GAIN_1_S * dz
    vz = min(max(vz, -TOOL_SPEED_M_S), VERTICAL_SPEED_M_S)
    speed = (vx * vx + vy * vy + vz * vz) ** 0.5
    scale = min(1.0, TOOL_SPEED_M_S / speed) if speed > 0.0 else 1.0
    return Wish(vx * scale, vy * scale, vz * scale, turned(yaw_error) * freedom, gripper, done)


def _grasp_yaw(view: View, cube: Cube) -> float:
    """The way to turn the hand so that the fingers meet faces of the cube: the nearest that the wrist likes."""
    turns = [cube.yaw + quarter * pi / 2 for quarter in (-1, 0, 1, 2)]
    return min((t for t in turns if -1.05 < t < 1.75), key=lambda t: abs(t - view.yaw))


def towards(error: float, speed: float) -> float:
    return min(max(GAIN_1_S * error, -speed), speed)


def turned(yaw_error: float) -> float:
    return min(max(GAIN_1_S * yaw_error, -TURN_SPEED_RAD_S), TURN_SPEED_RAD_S)


PLAIN: Final[dict[str, Callable[[View, Cube, bool], Wish]]] = {
    "pick": pick,
    "reach": _reach,
    "push_left": lambda view, cube, _: _push(view, cube, 1.0),
    "push_right": lambda view, cube, _: _push(view, cube, -1.0),
}
