"""The tabletop in motion: physics, set-points in, ground truth and images out."""

from __future__ import annotations

import threading
from typing import Final

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from vla_sim.furniture_model import Furniture
from vla_sim.looks import Looks
from vla_sim.monitor import LimitMonitor
from vla_sim.rendering import SceneRenderer
from vla_sim.robot import GRIPPER_CLOSED_M, GRIPPER_OPEN_M, HOME_Q, TOOL_BODY
from vla_sim.scene import ARM_KD, ARM_KP, TIMESTEP_S, build_model, home_qpos
from vla_sim.spec import COLORS, CUBE_SIZE_M, SceneError, SceneSpec
from vla_sim.state import SimState, cube_yaw_rad

FloatArray = NDArray[np.float64]

_VELOCITY_LEAD_S: Final = np.array(ARM_KD) / np.array(ARM_KP)


class TabletopSim:
    """One arm, one table, up to four cubes; advances only when told to.

    Safe to use from several threads: every public method takes one lock. Rendering from another thread works on
    a copy: ``qpos()`` there, then a ``SceneRenderer(sim.model)`` that the rendering thread made itself.
    """

    def __init__(self, furnished: bool = False) -> None:
        """``furnished``: with a drawer and a zone, for the scenes that have them; shows plain scenes too."""
        self.model = build_model(furnished)
        self.lock = threading.RLock()
        self.scene: SceneSpec | None = None
        self._data = mujoco.MjData(self.model)
        self._looks = Looks(self.model)
        self._furniture = Furniture(self.model) if furnished else None
        self._monitor = LimitMonitor()
        self._renderer: SceneRenderer | None = None
        self._cube_bodies = [self.model.body(f"cube_{color}").id for color in COLORS]
        self._cube_qpos = [int(self.model.joint(f"cube_{color}").qposadr[0]) for color in COLORS]
        self._cube_dofs = [int(self.model.joint(f"cube_{color}").dofadr[0]) for color in COLORS]
        self._tool_body = self.model.body(TOOL_BODY).id
        self._set_home(HOME_Q, GRIPPER_OPEN_M)

    @property
    def time_s(self) -> float:
        """Simulated time [s]; never steps back, not even at a reset."""
        return float(self._data.time)

    @property
    def timestep_s(self) -> float:
        """Duration of one physics step [s]."""
        return TIMESTEP_S

    @property
    def max_limit_violation(self) -> float:
        """Largest excess over a joint limit since the last reset or ``replace_cubes``, as a fraction; 0: none."""
        return self._monitor.max_violation

    def reset(self, scene: SceneSpec, q_rad: ArrayLike | None = None, gripper_m: float = GRIPPER_OPEN_M) -> None:
        """Put the arm at ``q_rad`` (home when None), at rest, and all else where the scene wants it.

        SceneError when the scene has furniture and this simulation has not.
        """
        with self.lock:
            self._set_home(HOME_Q if q_rad is None else np.asarray(q_rad, dtype=np.float64), gripper_m)
            self.replace_cubes(scene)

    def replace_cubes(self, scene: SceneSpec) -> None:
        """Fresh cubes, furniture, looks and limit monitor; the arm is not moved. SceneError as for ``reset``."""
        if scene.furnished and self._furniture is None:
            raise SceneError(
                f"the scene of task {scene.task!r} has a drawer or a zone; make the simulation with furnished=True"
            )
        with self.lock:
            self.scene = scene
            self._looks.apply(scene)
            present = {cube.color: cube for cube in scene.cubes}
            for index, color in enumerate(COLORS):
                cube = present.get(color)
                if cube is None:
                    pose = (0.4, 0.1 * index, -5.0, 1.0, 0.0, 0.0, 0.0)  # below the floor, weightless
                else:
                    half = cube.yaw_rad / 2
                    pose = (cube.x_m, cube.y_m, CUBE_SIZE_M / 2, np.cos(half), 0.0, 0.0, np.sin(half))
                address, dof = self._cube_qpos[index], self._cube_dofs[index]
                self._data.qpos[address : address + 7] = pose
                self._data.qvel[dof : dof + 6] = 0.0
                self._data.qacc_warmstart[dof : dof + 6] = 0.0
                self.model.body_gravcomp[self._cube_bodies[index]] = 1.0 if cube is None else 0.0
            if self._furniture is not None:
                self._furniture.place(scene, self._data)
            self._monitor.reset()
            mujoco.mj_forward(self.model, self._data)

    def set_targets(self, q_rad: ArrayLike, gripper_m: float, dq_rad_s: ArrayLike | None = None) -> None:
        """Set-points of the joint servos, kept until the next call.

        q_rad: (7,) [rad]. gripper_m: finger_joint1 [m]; the fingers go there in about 0.2 s and hold with 20 N.
        dq_rad_s: (7,) velocity of the set-point; given, the arm follows without lag, else about 25 ms behind.
        """
        target = np.array(q_rad, dtype=np.float64)
        if target.shape != (7,):
            raise ValueError(f"q_rad has shape {target.shape}, not (7,)")
        if dq_rad_s is not None:
            target = target + _VELOCITY_LEAD_S * np.asarray(dq_rad_s, dtype=np.float64)
        gripper = min(max(gripper_m, GRIPPER_CLOSED_M), GRIPPER_OPEN_M)
        if not (np.isfinite(target).all() and np.isfinite(gripper_m)):
            raise ValueError(f"set-points must be finite: q_rad {q_rad!r}, gripper_m {gripper_m}")
        with self.lock:
            self._data.ctrl[:7] = target
            self._data.ctrl[7:9] = gripper

    def push_hand(self, force_n: ArrayLike) -> None:
        """Somebody pushes the tool with ``force_n`` (3,) in base_link [N], until the next call or reset."""
        with self.lock:
            self._data.xfrc_applied[self._tool_body, :3] = force_n

    def step(self, count: int = 1) -> None:
        """Advance by ``count`` physics steps of ``timestep_s``; the limits are judged after the last."""
        with self.lock:
            mujoco.mj_step(self.model, self._data, count)
            self._monitor.update(self._data.qpos[:7], self._data.qvel[:7])

    def state(self) -> SimState:
        """Ground truth now."""
        with self.lock:
            data = self._data
            positions, yaws = np.full((4, 3), np.nan), np.full(4, np.nan)
            for index, body in enumerate(self._cube_bodies):
                address = self._cube_qpos[index]
                if data.qpos[address + 2] > -2.0:  # else parked below the floor
                    positions[index] = data.qpos[address : address + 3]
                    yaws[index] = cube_yaw_rad(data.xmat[body].reshape(3, 3))
            return SimState(
                time_s=float(data.time),
                q_rad=data.qpos[:7].copy(),
                dq_rad_s=data.qvel[:7].copy(),
                gripper_m=float(data.qpos[7]),
                cube_positions_m=positions,
                cube_yaws_rad=yaws,
                tool_position_m=data.xpos[self._tool_body].copy(),
                furniture=None if self._furniture is None else self._furniture.state(data),
            )

    def joint_positions(self) -> FloatArray:
        """(9,) measured joint1..joint7 [rad], finger_joint1, finger_joint2 [m]."""
        with self.lock:
            return np.array(self._data.qpos[:9])

    def joint_velocities(self) -> FloatArray:
        """(9,) [rad/s], [m/s], in the order of ``joint_positions``."""
        with self.lock:
            return np.array(self._data.qvel[:9])

    def joint_efforts(self) -> FloatArray:
        """(9,) servo torques [N m] and finger forces [N], in the order of ``joint_positions``."""
        with self.lock:
            return np.array(self._data.actuator_force[:9])

    def qpos(self) -> FloatArray:
        """(nq,) a copy of the whole configuration: what a renderer or a log needs."""
        with self.lock:
            return np.array(self._data.qpos)

    def render(self, camera: str) -> NDArray[np.uint8]:
        """(96, 96, 3) RGB of "front" or "wrist" now; always call this from one and the same thread."""
        if self._renderer is None:
            self._renderer = SceneRenderer(self.model)
        with self.lock:
            self._renderer.set_qpos(self._data.qpos)
            return self._renderer.render(camera)

    def close(self) -> None:
        """Free the graphics context, if ``render`` made one."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _set_home(self, q_rad: FloatArray, gripper_m: float) -> None:
        data = self._data
        time_s = data.time
        mujoco.mj_resetData(self.model, data)
        data.time = time_s
        data.qpos[:] = home_qpos(self.model)
        data.qpos[:7], data.qpos[7:9] = q_rad, gripper_m
        data.ctrl[:7], data.ctrl[7:9] = q_rad, gripper_m
        for body in self._cube_bodies:
            self.model.body_gravcomp[body] = 1.0
        mujoco.mj_forward(self.model, data)
