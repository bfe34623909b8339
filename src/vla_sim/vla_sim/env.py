"""The tabletop as a Gymnasium environment: the scene, cameras, tasks and judge of everything else here.

``gymnasium.make("vla_sim.env:vla_sim/Tabletop-v0")`` imports this module, which registers the environment; after
``import vla_sim.env`` the part before the colon may be left out.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from vla_sim.follower import ChunkFollower
from vla_sim.rendering import SceneRenderer
from vla_sim.robot import ARM_JOINTS, GRIPPER_CLOSED_M, GRIPPER_JOINT, GRIPPER_OPEN_M
from vla_sim.sampling import sample_scene
from vla_sim.scene import IMAGE_SIZE_PX, OVERVIEW_CAMERA
from vla_sim.simulation import TabletopSim
from vla_sim.spec import SceneError, require_choice
from vla_sim.state import SimState
from vla_sim.tasks import EpisodeJudge, Verdict

ENV_ID: Final = "vla_sim/Tabletop-v0"
MAX_EPISODE_STEPS: Final = 200
PERIOD_S: Final = 0.1
_CONTROL_S: Final = 0.01
_JUDGED_EVERY: Final = 5  # control steps: 20 Hz
_STATE_MARGIN: Final = 0.1  # of a joint's range: how far a measured position may lie outside
_PICTURE_PX: Final = (480, 640)
_RENDER_MODES: Final = ["rgb_array"]  # gymnasium wants a list
_OPTIONS: Final = ("task", "target", "n_cubes", "instruction")
_WORDS: Final = {
    "pick": "pick up the {} cube",
    "reach": "reach the {} cube",
    "push_left": "push the {} cube left",
    "push_right": "push the {} cube right",
}

Observation = dict[str, Any]
Info = dict[str, Any]


class TabletopEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """One instruction on a random table, at 10 Hz in lock-step.

    Observation: ``front``, ``wrist`` (96, 96, 3) uint8 RGB; ``state`` (8,) float32 measured joint1..joint7 [rad] and
    finger_joint1 [m]; ``instruction`` text.
    Action: (8,) float32, where joint1..joint7 [rad] and finger_joint1 [m] shall be 0.1 s later. The arm goes there
    with limited speed and acceleration. An action outside ``action_space`` is refused, not clipped; wrap the
    environment in ``gymnasium.wrappers.ClipAction`` where clipping is wanted.
    Reward: 1 in the step in which the task counts as fulfilled (held for 1 s), which ends the episode, else 0.
    Info: ground truth, for judging and learning only: ``seed``, ``task``, ``target``, ``goal_reached``, ``success``,
    ``wrong_object``, ``time_s`` since the reset, ``cubes`` {colour: (3,) centre [m]}, ``cube_yaws_rad`` {colour: turn},
    ``tool_position_m`` (3,), ``dq_rad_s`` (7,), ``max_limit_violation``.
    """

    metadata: dict[str, Any] = {"render_modes": _RENDER_MODES, "render_fps": round(1 / PERIOD_S)}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None, randomize: float = 1.0) -> None:
        """``randomize``: 0 nominal looks, 1 full domain randomization. SceneError for an unknown ``render_mode``."""
        if render_mode is not None:
            require_choice("render_mode", render_mode, tuple(_RENDER_MODES))
        self.render_mode = render_mode
        self._randomize = randomize
        self._sim = TabletopSim()
        self._painter: SceneRenderer | None = None
        self._instruction = ""
        self._steps = 0
        low, high = self._sim.model.jnt_range[:8].T
        margin = _STATE_MARGIN * (high - low)
        image = spaces.Box(0, 255, (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), np.uint8)
        self.observation_space = spaces.Dict(
            {
                "front": image,
                "wrist": image,
                "state": spaces.Box((low - margin).astype(np.float32), (high + margin).astype(np.float32)),
                "instruction": spaces.Text(200, charset=string.printable),
            }
        )
        self.action_space = spaces.Box(
            np.append(low[:7], GRIPPER_CLOSED_M).astype(np.float32),
            np.append(high[:7], GRIPPER_OPEN_M).astype(np.float32),
        )

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Observation, Info]:
        """A fresh scene with the arm at home. The scene of ``seed`` is ``sampling.scene_from_seed(seed)``.

        options: ``task``, ``target``, ``n_cubes`` instead of drawing them; ``instruction`` to word the task in another
        way. SceneError for another key or an impossible value.
        """
        super().reset(seed=seed)
        wanted = dict(options or {})
        for key in wanted:
            require_choice("option", key, _OPTIONS)
        words = wanted.pop("instruction", None)
        noted = -1 if seed is None else seed
        scene = sample_scene(self.np_random, seed=noted, randomize=self._randomize, **wanted)
        instruction = _WORDS[scene.task].format(scene.target) if words is None else words
        if not self.observation_space["instruction"].contains(instruction):
            raise SceneError(f"instruction {instruction!r} is not a text of 1 to 200 printable ASCII characters")
        self._sim.reset(scene)
        self._scene, self._instruction, self._steps = scene, instruction, 0
        state = self._sim.state()
        self._judge = EpisodeJudge(scene.task, scene.target, state)
        self._follower = ChunkFollower(state.q_rad, state.gripper_m, PERIOD_S)
        return self._observe(state), self._tell(state, self._judge.verdict)

    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, Info]:
        """Move for 0.1 s. ValueError for an action outside ``action_space`` or before the first ``reset``."""
        if not self._instruction:
            raise ValueError("reset the environment before the first step")
        target = self._checked(action)
        follower = self._follower
        follower.start(np.stack([follower.q_rad, target[:7]]), target[7:].repeat(2))
        succeeded = False
        for control_step in range(1, round(PERIOD_S / _CONTROL_S) + 1):
            follower.advance(_CONTROL_S)
            self._sim.set_targets(follower.q_rad, follower.gripper_m, follower.dq_rad_s)
            self._sim.step(round(_CONTROL_S / self._sim.timestep_s))
            if control_step % _JUDGED_EVERY == 0:
                succeeded = self._judge.update(self._sim.state()).success
        self._steps += 1
        state = self._sim.state()
        return self._observe(state), float(succeeded), succeeded, False, self._tell(state, self._judge.verdict)

    def render(self) -> NDArray[np.uint8] | None:
        """(480, 640, 3) RGB of the whole table for people; None without ``render_mode``."""
        if self.render_mode is None:
            return None
        if self._painter is None:
            self._painter = SceneRenderer(self._sim.model, *_PICTURE_PX)
        self._painter.set_qpos(self._sim.qpos())
        return self._painter.render(OVERVIEW_CAMERA)

    def close(self) -> None:
        """Free the graphics contexts."""
        if self._painter is not None:
            self._painter.close()
            self._painter = None
        self._sim.close()

    def _checked(self, action: NDArray[np.float32]) -> NDArray[np.float64]:
        values = np.asarray(action, dtype=np.float32)
        low, high = self.action_space.low, self.action_space.high
        if values.shape != low.shape:
            raise ValueError(f"action has shape {values.shape}, not {low.shape}")
        for name, value, least, most in zip((*ARM_JOINTS, GRIPPER_JOINT), values, low, high, strict=True):
            if not least <= value <= most:  # also true for NaN
                raise ValueError(f"action for {name} is {value}, not within [{least}, {most}]")
        return values.astype(np.float64)

    def _observe(self, state: SimState) -> Observation:
        measured = np.append(state.q_rad, state.gripper_m).astype(np.float32)
        images = {camera: self._sim.render(camera) for camera in ("front", "wrist")}
        return {**images, "state": measured, "instruction": self._instruction}

    def _tell(self, state: SimState, verdict: Verdict) -> Info:
        return {
            "seed": self._scene.seed,
            "task": self._scene.task,
            "target": self._scene.target,
            "goal_reached": verdict.goal_reached,
            "success": verdict.success,
            "wrong_object": verdict.wrong_object,
            "time_s": self._steps * PERIOD_S,
            "cubes": {color: state.cube_positions_m[state.cube_index(color)] for color in state.colors},
            "cube_yaws_rad": {color: float(state.cube_yaws_rad[state.cube_index(color)]) for color in state.colors},
            "tool_position_m": state.tool_position_m,
            "dq_rad_s": state.dq_rad_s,
            "max_limit_violation": self._sim.max_limit_violation,
        }


if ENV_ID not in gymnasium.registry:
    gymnasium.register(ENV_ID, entry_point="vla_sim.env:TabletopEnv", max_episode_steps=MAX_EPISODE_STEPS)
