"""What a scene is made of, as plain values, and how random scenes are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from vla_core.errors import VlaError
from vla_sim.furniture import DrawerSpec, ZoneSpec

COLORS: Final = ("red", "green", "blue", "yellow")
TASKS: Final = ("pick", "reach", "push_left", "push_right")
"""The tasks of the plain table."""
FURNISHED_TASKS: Final = ("place", "open_drawer", "close_drawer", "store", "store_close")
"""The tasks that need a marked zone or a drawer: a cube into the zone, the drawer opened or closed, a cube into the
drawer (opened first where it is closed), and the same with the drawer closed afterwards."""
ALL_TASKS: Final = (*TASKS, *FURNISHED_TASKS)
DRAWER_TASKS: Final = ("open_drawer", "close_drawer")
"""The tasks whose target is ``DRAWER`` and not a colour."""
DRAWER: Final = "drawer"
TARGETS: Final = (*COLORS, DRAWER)
"""Everything that an instruction may be about; labels are indices into this."""

CUBE_SIZE_M: Final = 0.045
X_RANGE_M: Final = (0.40, 0.60)
Y_RANGE_M: Final = (-0.20, 0.20)
YAW_RANGE_RAD: Final = 0.60  # below 45 degrees: which of the cube's faces to grasp is never a coin toss
SPACING_M: Final = 0.115  # centre to centre: an open gripper fits between two cubes

PUSH_LINE_M: Final = 0.16
"""A push ends when the cube is this far to the asked side of the robot's middle (|y| in base_link)."""
PUSH_START_M: Final = 0.06
"""A cube to be pushed starts at least ``PUSH_LINE_M - PUSH_START_M`` = 0.10 m before that line."""

TRAINING_SEEDS: Final = range(1_000_000)
EVALUATION_SEEDS: Final = range(1_000_000, 2_000_000)
"""Seeds of evaluation scenes; data for training never comes from these."""
CALIBRATION_SEEDS: Final = range(2_000_000, 3_000_000)
"""Seeds of scenes on which thresholds are chosen, neither trained nor judged on."""


class SceneError(VlaError):
    """A scene was asked for that cannot be built."""


@dataclass(frozen=True, slots=True)
class CubeSpec:
    """One cube on the table.

    color: one of ``COLORS``. x_m, y_m: centre in base_link [m]. yaw_rad: about +z [rad].
    rgb: what it really looks like, each in [0, 1].
    """

    color: str
    x_m: float
    y_m: float
    yaw_rad: float
    rgb: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class VisualSpec:
    """Everything about a scene that only a camera notices. The defaults are the nominal scene.

    Colours are RGB in [0, 1]; camera shifts are [m] in base_link (front) and the hand's frame (wrist);
    camera turns are small rotation vectors [rad]; light_direction is where the light travels to.
    """

    table_rgb: tuple[float, float, float] = (0.74, 0.66, 0.56)
    floor_rgb: tuple[float, float, float] = (0.46, 0.49, 0.53)
    robot_tint: float = 1.0
    light_direction: tuple[float, float, float] = (-0.25, 0.25, -1.0)
    light_intensity: float = 0.55
    ambient: float = 0.42
    front_shift_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    front_turn_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    wrist_shift_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    wrist_turn_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fov_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """A whole scene: seed it came from, 2 to 4 cubes of distinct colours, the looks, and the task set in it.

    drawer, zone: the furniture, None where there is none: the plain table.
    """

    seed: int
    cubes: tuple[CubeSpec, ...]
    task: str
    target: str
    visual: VisualSpec = field(default_factory=VisualSpec)
    drawer: DrawerSpec | None = None
    zone: ZoneSpec | None = None

    @property
    def furnished(self) -> bool:
        """Whether it takes a simulation with furniture."""
        return self.drawer is not None or self.zone is not None

    @property
    def colors(self) -> tuple[str, ...]:
        """Colours on the table, in the order they were placed."""
        return tuple(cube.color for cube in self.cubes)


def require_choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    """``value`` when it is one of ``choices``; SceneError with the list otherwise."""
    if value not in choices:
        raise SceneError(f"{name} {value!r} is not one of {', '.join(choices)}")
    return value
