"""What the scripted expert looks at: tool, fingers, cubes and furniture, in plain floats that a rollout may change."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin
from typing import Final

from vla_sim.furniture import HANDLE_OFF_M, TRAY_FLOOR_M, over_tray
from vla_sim.spec import CUBE_SIZE_M
from vla_sim.state import SimState

HALF_M: Final = CUBE_SIZE_M / 2
HELD_FINGER_M: Final = HALF_M + 0.0025  # fingers this close have met the cube between them
LOST_FINGER_M: Final = HALF_M - 0.006  # fingers this close have closed on nothing
AIRBORNE_M: Final = 0.006  # a cube this far up no longer stands on the table


@dataclass(slots=True)
class Cube:
    """Centre [m] and turn [rad] of one cube in base_link."""

    x: float
    y: float
    z: float
    yaw: float

    @property
    def reach_y(self) -> float:
        """How far the cube extends from its centre along base_link's y [m]."""
        return HALF_M * (abs(cos(self.yaw)) + abs(sin(self.yaw)))


@dataclass(slots=True)
class Drawer:
    """x, y: middle of the cabinet's open side in base_link [m]; open: how far the drawer is out [m]."""

    x: float
    y: float
    open: float

    @property
    def handle_x(self) -> float:
        """Where the handle's bar is along base_link's x [m]."""
        return self.x - self.open - HANDLE_OFF_M

    def below(self, cube: Cube) -> bool:
        """Whether the cube is over the drawer's tray, or in it."""
        return over_tray(cube.x, cube.y, self.x, self.y, self.open)


@dataclass(slots=True)
class View:
    """Tool pose in base_link ([m], turn about +z [rad]), finger_joint1 [m], cubes by colour, furniture.

    zone: middle of the marked zone in base_link [m].
    """

    x: float
    y: float
    z: float
    yaw: float
    finger: float
    cubes: dict[str, Cube]
    drawer: Drawer | None = None
    zone: tuple[float, float] | None = None

    def between(self, cube: Cube) -> bool:
        """Whether the cube is between the fingers, seen along all three axes of the hand."""
        dx, dy = cube.x - self.x, cube.y - self.y
        along = abs(cos(self.yaw) * dx + sin(self.yaw) * dy)
        across = abs(cos(self.yaw) * dy - sin(self.yaw) * dx)
        return along < 0.022 and across < 0.020 and abs(cube.z - self.z) < 0.026

    def held(self) -> str | None:
        """Colour of the cube in the gripper, if any: fingers that met it, or a cube in the air between them."""
        met = LOST_FINGER_M < self.finger < HELD_FINGER_M
        for color, cube in self.cubes.items():
            if self.between(cube) and (met or cube.z > self.rest_z(cube) + AIRBORNE_M):
                return color
        return None

    def rest_z(self, cube: Cube) -> float:
        """How high the cube's centre is when it stands below where it is: on the table or in the drawer [m]."""
        return HALF_M + (TRAY_FLOOR_M if self.drawer is not None and self.drawer.below(cube) else 0.0)


def cubes_of(state: SimState) -> dict[str, Cube]:
    """The cubes on the table, as a rollout may move them."""
    cubes = {}
    for color in state.colors:
        row = state.cube_index(color)
        x, y, z = (float(v) for v in state.cube_positions_m[row])
        cubes[color] = Cube(x, y, z, float(state.cube_yaws_rad[row]))
    return cubes


def drawer_of(state: SimState) -> Drawer | None:
    """The drawer, as a rollout may move it; None where there is none."""
    there = state.furniture
    if there is None or not there.has_drawer:
        return None
    return Drawer(float(there.drawer_xy_m[0]), float(there.drawer_xy_m[1]), there.drawer_open_m)


def zone_of(state: SimState) -> tuple[float, float] | None:
    """The middle of the marked zone; None where there is none."""
    there = state.furniture
    return None if there is None or not there.has_zone else (float(there.zone_xy_m[0]), float(there.zone_xy_m[1]))
