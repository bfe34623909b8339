"""Camera images. A renderer belongs to the thread that made it; the simulation may run in another."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.scene import CAMERAS, IMAGE_SIZE_PX, OVERVIEW_CAMERA
from vla_sim.spec import SceneError


class SceneRenderer:
    """Renders a model at configurations it is given, on its own copy of the simulation's data.

    Policy cameras are drawn without shadows and reflections. Make and use it in one thread; ``close`` it there.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        height_px: int = IMAGE_SIZE_PX,
        width_px: int = IMAGE_SIZE_PX,
        *,
        shadows: bool = False,
    ) -> None:
        self._model = model
        self._data = mujoco.MjData(model)
        self._renderer = mujoco.Renderer(model, height_px, width_px)
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = shadows
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = shadows
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = [1, 1, 1, 0, 0, 0]  # group 3: the collision shapes

    def set_qpos(self, qpos: NDArray[np.float64]) -> None:
        """Bodies, lights and cameras of the next images stand as in ``qpos`` (nq,)."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)

    def render(self, camera: str) -> NDArray[np.uint8]:
        """(height, width, 3) RGB of one camera. SceneError for an unknown name."""
        if camera not in (*CAMERAS, OVERVIEW_CAMERA):
            raise SceneError(f"camera {camera!r} is not one of {', '.join((*CAMERAS, OVERVIEW_CAMERA))}")
        self._renderer.update_scene(self._data, camera, self._option)
        image: NDArray[np.uint8] = self._renderer.render()
        return image.copy()

    def close(self) -> None:
        """Free the graphics context."""
        self._renderer.close()
