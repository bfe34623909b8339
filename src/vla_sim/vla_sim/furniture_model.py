"""The drawer and the zone as MuJoCo bodies, and where a scene puts them."""

from __future__ import annotations

from typing import Final

import mujoco
import numpy as np

from vla_sim import furniture as f
from vla_sim.furniture import DrawerSpec, FurnitureState, ZoneSpec
from vla_sim.spec import COLORS, SceneSpec

CABINET: Final = "cabinet"
TRAY: Final = "tray"
DRAWER_JOINT: Final = "drawer_slide"
ZONE: Final = "zone"

_AWAY_M: Final = (0.4, 0.0, -5.0)  # below the floor
_ROBOT, _WORLD = 1, 2  # contact bits, as for the table and the cubes
_BOX: Final = mujoco.mjtGeom.mjGEOM_BOX
_FINGERS: Final = ("left_finger", "right_finger")


def add_furniture(spec: mujoco.MjSpec) -> None:
    """Put cabinet, drawer and zone into the model, out of sight. The drawer's joint comes last in qpos."""
    zone = spec.worldbody.add_body(name=ZONE, pos=_AWAY_M)
    for name, radius, top in (("zone_rim", f.ZONE_RADIUS_M, 0.0006), (ZONE, f.ZONE_RADIUS_M - f.ZONE_RIM_M, 0.0012)):
        disc = zone.add_geom(
            name=name, type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[radius, top / 2, 0], pos=[0, 0, top / 2]
        )
        disc.contype = disc.conaffinity = 0
        disc.rgba = [0.95, 0.95, 0.95, 1.0]
    cabinet = spec.worldbody.add_body(name=CABINET, pos=_AWAY_M)
    height, depth, wall = f.CABINET_HEIGHT_M, f.CABINET_DEPTH_M, f.CABINET_WALL_M
    for name, side in (("left", 1.0), ("right", -1.0)):
        y = side * (f.CABINET_HALF_WIDTH_M - wall / 2)
        _box(cabinet, f"cabinet_{name}", (0, depth), (y - wall / 2, y + wall / 2), (0, height))
    half = f.CABINET_HALF_WIDTH_M
    _box(cabinet, "cabinet_roof", (0, depth), (-half, half), (height - wall, height))
    _box(cabinet, "cabinet_back", (depth, depth + wall), (-half, half), (0, height))
    tray = cabinet.add_body(name=TRAY)
    joint = tray.add_joint(name=DRAWER_JOINT, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[-1, 0, 0])
    joint.limited, joint.range = mujoco.mjtLimited.mjLIMITED_TRUE, [0.0, f.DRAWER_TRAVEL_M]
    joint.frictionloss, joint.armature = 1.5, 0.1
    joint.damping[0] = 6.0
    inside, outside, bottom = f.TRAY_HALF_WIDTH_M, f.TRAY_HALF_WIDTH_M + f.TRAY_WALL_M, f.TRAY_GAP_M
    _box(tray, "tray_floor", (0, f.TRAY_LENGTH_M), (-outside, outside), (bottom, f.TRAY_FLOOR_M))
    _box(tray, "tray_left", (0, f.TRAY_LENGTH_M), (inside, outside), (bottom, f.TRAY_WALL_TOP_M))
    _box(tray, "tray_right", (0, f.TRAY_LENGTH_M), (-outside, -inside), (bottom, f.TRAY_WALL_TOP_M))
    end = f.TRAY_LENGTH_M + f.TRAY_WALL_M
    _box(tray, "tray_back", (f.TRAY_LENGTH_M, end), (-outside, outside), (bottom, f.TRAY_WALL_TOP_M))
    _box(
        tray, "tray_plate", (-f.PLATE_M, 0), (-f.CABINET_HALF_WIDTH_M, f.CABINET_HALF_WIDTH_M), (bottom, f.PLATE_TOP_M)
    )
    bar, thick, length = -f.HANDLE_OFF_M, f.HANDLE_HALF_M, f.HANDLE_HALF_LENGTH_M
    _box(tray, "handle_bar", (bar - thick, bar + thick), (-length, length), f.HANDLE_Z_M)
    for name, side in (("left", 1.0), ("right", -1.0)):
        y = side * (length - 0.004)
        _box(tray, f"handle_{name}", (bar, -f.PLATE_M), (y - 0.004, y + 0.004), (0.034, 0.046))
    spec.add_exclude(bodyname1=CABINET, bodyname2=TRAY)


def _box(
    body: mujoco.MjsBody, name: str, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]
) -> None:
    low, high = np.array([x[0], y[0], z[0]]), np.array([x[1], y[1], z[1]])
    geom = body.add_geom(name=name, type=_BOX, pos=(low + high) / 2, size=(high - low) / 2, density=500.0)
    geom.contype, geom.conaffinity = _WORLD, _ROBOT | _WORLD
    geom.friction = [0.5, 0.005, 0.0001]


class Furniture:
    """Places one model's furniture and reads its state."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._cabinet, self._zone = model.body(CABINET).id, model.body(ZONE).id
        self._address = int(model.joint(DRAWER_JOINT).qposadr[0])
        self._dof = int(model.joint(DRAWER_JOINT).dofadr[0])
        self._cabinet_geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == self._cabinet]
        self._tray_geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == model.body(TRAY).id]
        self._handle_geoms = [g for g in self._tray_geoms if model.geom(g).name.startswith("handle")]
        fingers = {model.body(name).id for name in _FINGERS}
        self._finger_geoms = np.array([g for g in range(model.ngeom) if model.geom_bodyid[g] in fingers])
        self._cube_geoms = np.array([model.geom(f"cube_{color}").id for color in COLORS])
        self._cube_dofs = [int(model.joint(f"cube_{color}").dofadr[0]) for color in COLORS]
        self._drawer: DrawerSpec | None = None
        self._zone_spec: ZoneSpec | None = None

    def place(self, scene: SceneSpec, data: mujoco.MjData) -> None:
        """Put the furniture where the scene wants it, the drawer at rest; out of sight where it wants none."""
        model, drawer, zone = self._model, scene.drawer, scene.zone
        self._drawer, self._zone_spec = drawer, zone
        model.body_pos[self._cabinet] = _AWAY_M if drawer is None else (drawer.x_m, drawer.y_m, 0.0)
        model.body_pos[self._zone] = _AWAY_M if zone is None else (zone.x_m, zone.y_m, 0.0)
        data.qpos[self._address] = 0.0 if drawer is None else drawer.open_m
        data.qvel[self._dof] = data.qacc_warmstart[self._dof] = 0.0
        if drawer is not None:
            model.geom_rgba[self._cabinet_geoms, :3] = drawer.cabinet_rgb
            model.geom_rgba[self._tray_geoms, :3] = drawer.tray_rgb
            model.geom_rgba[self._handle_geoms, :3] = (0.16, 0.17, 0.19)
        if zone is not None:
            model.geom(ZONE).rgba[:3] = zone.rgb

    def state(self, data: mujoco.MjData) -> FurnitureState:
        """Ground truth now."""
        drawer, zone, speeds = self._drawer, self._zone_spec, np.full(4, np.nan)
        for index, dof in enumerate(self._cube_dofs):
            if data.qpos[self._model.jnt_qposadr[self._model.dof_jntid[dof]] + 2] > -2.0:
                speeds[index] = np.linalg.norm(data.qvel[dof : dof + 3])
        pairs = data.contact.geom
        first, second = pairs[:, 0], pairs[:, 1]
        by_finger = np.concatenate(
            [second[np.isin(first, self._finger_geoms)], first[np.isin(second, self._finger_geoms)]]
        )
        return FurnitureState(
            drawer_xy_m=np.full(2, np.nan) if drawer is None else np.array([drawer.x_m, drawer.y_m]),
            drawer_open_m=float("nan") if drawer is None else float(data.qpos[self._address]),
            zone_xy_m=np.full(2, np.nan) if zone is None else np.array([zone.x_m, zone.y_m]),
            cube_speeds_m_s=speeds,
            touched=tuple(c for c, geom in zip(COLORS, self._cube_geoms, strict=True) if geom in by_finger),
        )
