"""A drawer and a marked zone, as plain values: what some scenes have on the table besides cubes.

The drawer slides out of a low cabinet at the table's side, along base_link's -x, towards the robot. Its tray has no
lid: what the cabinet does not cover can be reached from above. All sizes [m].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DRAWER_TRAVEL_M: Final = 0.135
"""How far the drawer can be opened."""
CABINET_HALF_WIDTH_M: Final = 0.053
CABINET_DEPTH_M: Final = 0.152
CABINET_HEIGHT_M: Final = 0.059
CABINET_WALL_M: Final = 0.004

TRAY_LENGTH_M: Final = 0.145  # inside, behind the front plate
TRAY_HALF_WIDTH_M: Final = 0.042  # inside
TRAY_WALL_M: Final = 0.003
TRAY_GAP_M: Final = 0.002  # between its floor and the table
TRAY_FLOOR_M: Final = 0.006  # height on which a cube in the tray stands
TRAY_WALL_TOP_M: Final = 0.032
PLATE_M: Final = 0.008  # thickness of the front plate
PLATE_TOP_M: Final = 0.052

HANDLE_OFF_M: Final = 0.045  # of the bar's middle, from the front plate's back
HANDLE_HALF_M: Final = 0.006
HANDLE_HALF_LENGTH_M: Final = 0.036
HANDLE_Z_M: Final = (0.030, 0.050)

ZONE_RADIUS_M: Final = 0.060
ZONE_RIM_M: Final = 0.010  # white, so that it shows on any table


@dataclass(frozen=True, slots=True)
class DrawerSpec:
    """Where the cabinet stands and how far its drawer is open at first.

    x_m, y_m: middle of the cabinet's open side, in base_link. open_m: 0 closed to ``DRAWER_TRAVEL_M``.
    cabinet_rgb, tray_rgb: each in [0, 1].
    """

    x_m: float
    y_m: float
    open_m: float
    cabinet_rgb: tuple[float, float, float] = (0.45, 0.31, 0.22)
    tray_rgb: tuple[float, float, float] = (0.80, 0.72, 0.62)

    @property
    def side(self) -> str:
        """Where it stands as the robot sees it: "left" or "right"."""
        return "left" if self.y_m > 0 else "right"


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """A disc of ``ZONE_RADIUS_M`` marked on the table; x_m, y_m: its middle in base_link. rgb: in [0, 1]."""

    x_m: float
    y_m: float
    rgb: tuple[float, float, float] = (0.52, 0.24, 0.62)


@dataclass(frozen=True, slots=True)
class FurnitureState:
    """Ground truth of the furniture and of what it takes to judge a cube released.

    drawer_xy_m: (2,) middle of the cabinet's open side in base_link, drawer_open_m: how far the drawer is out; NaN
    where there is no drawer. zone_xy_m: (2,) middle of the zone, NaN where there is none.
    cube_speeds_m_s: (4,) in the order of ``COLORS``, NaN where absent. touched: colours that a finger touches.
    """

    drawer_xy_m: FloatArray
    drawer_open_m: float
    zone_xy_m: FloatArray
    cube_speeds_m_s: FloatArray
    touched: tuple[str, ...]

    @property
    def has_drawer(self) -> bool:
        """Whether there is a drawer."""
        return bool(np.isfinite(self.drawer_open_m))

    @property
    def has_zone(self) -> bool:
        """Whether there is a zone."""
        return bool(np.isfinite(self.zone_xy_m[0]))


def over_tray(x: float, y: float, drawer_x: float, drawer_y: float, open_m: float) -> bool:
    """Whether (x, y) in base_link is inside the tray's walls, seen from above, wherever the tray is."""
    return 0.0 < x - (drawer_x - open_m) < TRAY_LENGTH_M and abs(y - drawer_y) < TRAY_HALF_WIDTH_M
