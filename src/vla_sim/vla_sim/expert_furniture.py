"""The scripted expert's wish where there is a drawer or a marked zone; as ``expert_field``, without memory.

Which step of two is due follows from what is seen alone: a cube that lies in the drawer has been put there, a drawer
that is open needs no opening. The handle's bar is not gripped: two fingers astride of it pull and push it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import hypot, pi
from typing import Final

from vla_sim.expert_field import (
    ASTRIDE_Z_M,
    HOVER_Z_M,
    PLAIN,
    VERTICAL_SPEED_M_S,
    Wish,
    go,
    pick,
    put_down,
    towards,
    turned,
)
from vla_sim.expert_view import HALF_M, Cube, Drawer, View
from vla_sim.furniture import CABINET_HALF_WIDTH_M, HANDLE_HALF_LENGTH_M, PLATE_M
from vla_sim.robot import GRIPPER_CLOSED_M, GRIPPER_OPEN_M

HOOK_FINGER_M: Final = 0.018  # fingers astride of the handle's bar
HOOK_YAW_RAD: Final = pi / 2  # one finger before the bar, one behind it
HOOK_Z_M: Final = 0.038
DRAG_SPEED_M_S: Final = 0.13
PULLED_M: Final = 0.126  # where a pull slows to a stop
OPEN_M: Final = 0.116  # a drawer so far open counts as open
USABLE_M: Final = 0.104  # a drawer so far open takes a cube
PUSHED_M: Final = -0.006  # where a push slows to a stop: against the end
SHUT_M: Final = 0.006  # a drawer so far open counts as closed

RELEASE_FINGER_M: Final = 0.033  # fingers that let a cube go without reaching far
STORE_Z_M: Final = 0.047  # of the tool when a cube is let fall into the drawer: finger tips above its walls
IN_ZONE_M: Final = 0.030  # a cube that lies so near the zone's middle has been placed
CLEAR_M: Final = 0.085  # centre to centre: room to put a held cube down beside another
CLEAR_OF_DRAWER_M: Final = CABINET_HALF_WIDTH_M + 0.085
CARRY_Z_M: Final = 0.115


def furnished_wish(view: View, task: str, target: str) -> Wish:
    """What the expert wants now. The zone or the drawer that the task needs must be there."""
    held = view.held()
    if held is not None and not (held == target and task in _CARRYING):
        return _put_away(view, view.cubes[held])
    if task in PLAIN:
        return PLAIN[task](view, view.cubes[target], held is not None)
    if task == "place":
        return _place(view, view.cubes[target], held is not None)
    assert view.drawer is not None
    if task in _DRAWER:
        return _DRAWER[task](view, view.drawer)
    wish = _store(view, view.drawer, view.cubes[target], held is not None)
    return _close(view, view.drawer) if wish.done and task == "store_close" else wish


def _place(view: View, cube: Cube, held: bool) -> Wish:
    assert view.zone is not None
    x, y = view.zone
    away = hypot(cube.x - x, cube.y - y)
    if not held:
        return _leave(view, cube) if away < IN_ZONE_M and cube.z < HALF_M + 0.010 else pick(view, cube, False)
    if away < 0.020 and cube.z < HALF_M + 0.004:
        return Wish(0.0, 0.0, 0.0, 0.0, GRIPPER_OPEN_M)
    # The cube goes to the middle, wherever in the fingers it is; its bottom a millimetre into the table: it is felt.
    low = view.z - cube.z + HALF_M - 0.001
    return go(view, x - cube.x + view.x, y - cube.y + view.y, low, 0.0, GRIPPER_CLOSED_M, 0.006)


def _store(view: View, drawer: Drawer, cube: Cube, held: bool) -> Wish:
    if not held and drawer.below(cube) and cube.z < view.rest_z(cube) + 0.012:
        return _leave(view, cube)
    pulling = _astride(view, drawer) and drawer.open < OPEN_M
    if drawer.open < USABLE_M or (pulling and not held):
        return _put_away(view, cube) if held else _open(view, drawer)
    if not held:
        return pick(view, cube, False)
    x, y = drawer.x - (drawer.open - PLATE_M) / 2 - PLATE_M / 2, drawer.y
    dx, dy = x - cube.x, y - cube.y
    if hypot(dx, dy) < 0.012 and view.z < STORE_Z_M + 0.006:
        return Wish(0.0, 0.0, 0.0, 0.0, RELEASE_FINGER_M)
    return go(view, view.x + dx, view.y + dy, STORE_Z_M, 0.0, GRIPPER_CLOSED_M, 0.008)


def _open(view: View, drawer: Drawer) -> Wish:
    if drawer.open >= OPEN_M:
        return _rise(view, HOOK_FINGER_M)
    if _astride(view, drawer):
        return _drag(view, drawer, -towards(PULLED_M - drawer.open, DRAG_SPEED_M_S))
    return _to_handle(view, drawer)


def _close(view: View, drawer: Drawer) -> Wish:
    if drawer.open <= SHUT_M:
        return _rise(view, HOOK_FINGER_M)
    if _astride(view, drawer):
        return _drag(view, drawer, towards(drawer.open - PUSHED_M, DRAG_SPEED_M_S))
    return _to_handle(view, drawer)


def _astride(view: View, drawer: Drawer) -> bool:
    """Whether the fingers stand before and behind the bar, low enough to drag it."""
    return (
        abs(view.x - drawer.handle_x) < HOOK_FINGER_M
        and abs(view.y - drawer.y) < HANDLE_HALF_LENGTH_M - 0.016
        and view.z < HOOK_Z_M + 0.012
        and abs(view.yaw - HOOK_YAW_RAD) < 0.20
        and 0.010 < view.finger < 0.026
    )


def _drag(view: View, drawer: Drawer, speed: float) -> Wish:
    turn = turned(HOOK_YAW_RAD - view.yaw)
    return Wish(speed, towards(drawer.y - view.y, 0.08), towards(HOOK_Z_M - view.z, 0.10), turn, HOOK_FINGER_M)


def _to_handle(view: View, drawer: Drawer) -> Wish:
    ready = 0.012 < view.finger < 0.024
    low = HOOK_Z_M if ready or view.z > HOVER_Z_M - 0.02 else HOVER_Z_M
    return go(view, drawer.handle_x, drawer.y, low, HOOK_YAW_RAD - view.yaw, HOOK_FINGER_M, 0.005)


def _leave(view: View, cube: Cube) -> Wish:
    """The cube is where it belongs: open, and up when the fingers are clear of it."""
    if hypot(cube.x - view.x, cube.y - view.y) < 0.05 and view.z < ASTRIDE_Z_M and view.finger < HALF_M + 0.006:
        return Wish(0.0, 0.0, 0.0, 0.0, RELEASE_FINGER_M, done=True)
    return _rise(view, RELEASE_FINGER_M)


def _rise(view: View, gripper: float) -> Wish:
    return Wish(0.0, 0.0, max(towards(HOVER_Z_M + 0.015 - view.z, VERTICAL_SPEED_M_S), 0.0), 0.0, gripper, done=True)


def _put_away(view: View, cube: Cube) -> Wish:
    """Put a held cube down on the table: here, or where there is room for it."""
    away_x, away_y = _room(view, cube)
    if away_x == away_y == 0.0:
        return put_down(cube)
    up = towards(CARRY_Z_M - view.z, VERTICAL_SPEED_M_S)
    freedom = min(max((view.z - 0.085) / 0.02, 0.0), 1.0)  # sideways only above everything
    return Wish(0.16 * away_x * freedom, 0.16 * away_y * freedom, up, 0.0, GRIPPER_CLOSED_M)


def _room(view: View, cube: Cube) -> tuple[float, float]:
    """Which way there is room to put the cube down, as a unit vector; zero where there is."""
    drawer = view.drawer
    if drawer is not None and abs(cube.y - drawer.y) < CLEAR_OF_DRAWER_M:
        return 0.0, -1.0 if drawer.y > 0.0 else 1.0
    others = [other for other in view.cubes.values() if other is not cube]
    near = min(others, key=lambda other: hypot(other.x - cube.x, other.y - cube.y), default=None)
    if near is None or cube.z < HALF_M + 0.02:
        return 0.0, 0.0
    dx, dy = cube.x - near.x, cube.y - near.y
    away = hypot(dx, dy)
    if away >= CLEAR_M:
        return 0.0, 0.0
    return (dx / away, dy / away) if away > 1e-4 else (1.0, 0.0)


_CARRYING: Final = ("pick", "place", "store", "store_close")
_DRAWER: Final[dict[str, Callable[[View, Drawer], Wish]]] = {"open_drawer": _open, "close_drawer": _close}
