"""Writes a scene's looks into a compiled model: colours, lights, camera errors."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.spec import SceneSpec, VisualSpec


class Looks:
    """Applies SceneSpec after SceneSpec to one model, each time starting from the nominal looks."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._geom_rgba = model.geom_rgba.copy()
        self._cam_pos, self._cam_quat = model.cam_pos.copy(), model.cam_quat.copy()
        self._cam_fovy = model.cam_fovy.copy()
        self._robot_geoms = np.flatnonzero(model.geom_group == 1)  # MuJoCo puts a URDF's visuals into group 1

    def apply(self, scene: SceneSpec) -> None:
        """Write cube shades and everything in ``scene.visual`` into the model."""
        model, visual = self._model, scene.visual
        for cube in scene.cubes:
            model.geom(f"cube_{cube.color}").rgba[:3] = cube.rgb
        model.geom("table").rgba[:3] = visual.table_rgb
        model.geom("floor").rgba[:3] = visual.floor_rgb
        model.geom_rgba[self._robot_geoms, :3] = self._geom_rgba[self._robot_geoms, :3] * visual.robot_tint
        direction = np.array(visual.light_direction)
        model.light("key").dir[:] = direction / np.linalg.norm(direction)
        model.light("key").diffuse[:] = visual.light_intensity
        model.vis.headlight.ambient[:] = visual.ambient
        self._apply_cameras(visual)

    def _apply_cameras(self, visual: VisualSpec) -> None:
        model = self._model
        for name, shift, turn in (
            ("front", visual.front_shift_m, visual.front_turn_rad),
            ("wrist", visual.wrist_shift_m, visual.wrist_turn_rad),
        ):
            camera = model.camera(name).id
            model.cam_pos[camera] = self._cam_pos[camera] + shift
            model.cam_quat[camera] = turned(self._cam_quat[camera], np.array(turn))
            model.cam_fovy[camera] = self._cam_fovy[camera] * visual.fov_scale


def turned(quat: NDArray[np.float64], rotation_vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """``quat`` (w, x, y, z) followed by a small turn about its own axes [rad]."""
    result = np.array(quat, dtype=np.float64)
    mujoco.mju_quatIntegrate(result, rotation_vector, 1.0)
    return result
