"""A video of a run, drawn afterwards from its state log. No ROS.

The overview camera with shadows, what the policy's cameras saw as insets, and on it the instruction, the
state of the gate and the outcome. Only the attempts are shown, not the arm's way home between them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypedDict

os.environ.setdefault("MUJOCO_GL", "egl")  # read when mujoco is imported

import cv2
import imageio_ffmpeg
import mujoco
import numpy as np

from vla_core.errors import VlaError
from vla_core.types import FloatArray, ImageArray
from vla_sim.looks import Looks
from vla_sim.rendering import SceneRenderer
from vla_sim.scene import CAMERAS, OVERVIEW_CAMERA, build_spec
from vla_sim.spec import SceneSpec
from vla_sim.state_log import StateLog, load_state_log
from vla_sim.video_canvas import RUNNING, Caption, compose

SIZE_PX = (960, 720)  # width, height
_INSET_SHARE = 5 / 18  # of the height
FPS = 15.0
MAX_FRAMES = 450  # each costs 0.15 s of processor time
# A directional light casts shadows only around where it stands: put over the table, its shadow map is fine enough
# not to speckle.
_TABLE_CENTRE_M = np.array([0.3, 0.0, 0.2])
_SHADOW_DISTANCE_M = 1.0
_SHADOW_HALF_WIDTH = 0.8  # in extents of the model, about 1 m
AFTERWARDS_S = 1.0  # how long an outcome stays on the screen


class VideoError(VlaError):
    """There is nothing to draw, or the video cannot be written."""


class VideoEvent(TypedDict):
    """What is shown from ``t`` on. t: stamp in the time base of the log [s]; outcome: "" or "running" until known."""

    t: float
    instruction: str
    gate_state: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame to draw: row of the log, and the words on it."""

    row: int
    caption: Caption


def plan_shots(
    log: StateLog, events: Sequence[VideoEvent], fps: float = FPS, max_frames: int = MAX_FRAMES
) -> list[Shot]:
    """The frames of the video, evenly spaced in each attempt; played faster where they would be too many."""
    attempts = _attempts(events)
    lengths_s = [attempt[-1]["t"] + AFTERWARDS_S - attempt[0]["t"] for attempt in attempts]
    speed = max(1.0, sum(lengths_s) * fps / max_frames)
    outcomes = [attempt[-1]["outcome"] for attempt in attempts]
    times_s = log.time_ns * 1e-9
    shots: list[Shot] = []
    for index, (attempt, length_s) in enumerate(zip(attempts, lengths_s, strict=True)):
        starts = np.array([event["t"] for event in attempt])
        for time_s in np.arange(starts[0], starts[0] + length_s, speed / fps):
            row = int(np.searchsorted(times_s, time_s, side="right")) - 1
            if row < 0 or (row == len(times_s) - 1 and time_s > times_s[-1] + AFTERWARDS_S):
                continue  # the log does not reach there
            event = attempt[int(np.searchsorted(starts, time_s, side="right")) - 1]
            progress = (time_s - starts[0]) / length_s
            shots.append(Shot(row, Caption(
                event["instruction"], event["gate_state"], event["outcome"], index, progress, outcomes, speed,
            )))  # fmt: skip
    return shots


def _attempts(events: Sequence[VideoEvent]) -> list[list[VideoEvent]]:
    """``events`` in time order, cut after each one that knows its outcome."""
    attempts: list[list[VideoEvent]] = []
    over = True
    for event in sorted(events, key=lambda item: item["t"]):
        finished = event["outcome"].lower() not in RUNNING
        if over and finished and attempts:
            continue  # said again after the end
        if over:
            attempts.append([])
        attempts[-1].append(event)
        over = finished
    return attempts


class Studio:
    """Draws states of scenes. One thread: that of construction.

    width, height: [px]. samples: of the multisampling, 0 off.
    """

    def __init__(self, width: int = SIZE_PX[0], height: int = SIZE_PX[1], samples: int = 4) -> None:
        spec = build_spec()
        spec.visual.quality.offsamples = samples
        spec.visual.quality.shadowsize = 2048
        spec.visual.map.shadowclip = _SHADOW_HALF_WIDTH
        spec.visual.global_.offwidth, spec.visual.global_.offheight = width, height
        self._model: mujoco.MjModel = spec.compile()
        self._looks = Looks(self._model)
        self._scene: SceneSpec | None = None
        inset_px = int(_INSET_SHARE * height)
        self._main = SceneRenderer(self._model, height, width, shadows=True)
        self._inset = SceneRenderer(self._model, inset_px, inset_px)

    def draw(self, scene: SceneSpec, qpos: FloatArray, camera: str = OVERVIEW_CAMERA) -> ImageArray:
        """(height, width, 3) RGB of ``qpos`` (nq,) in ``scene``."""
        if scene is not self._scene:
            self._looks.apply(scene)
            self._scene = scene
            light = self._model.light("key")
            light.pos[:] = _TABLE_CENTRE_M - light.dir * _SHADOW_DISTANCE_M
        self._main.set_qpos(qpos)
        return self._main.render(camera)

    def draw_captioned(self, scene: SceneSpec, qpos: FloatArray, caption: Caption) -> ImageArray:
        """The same with the policy's cameras as insets, and ``caption``."""
        main = self.draw(scene, qpos)
        self._inset.set_qpos(qpos)
        return compose(main, [(f"{name} camera", self._inset.render(name)) for name in reversed(CAMERAS)], caption)

    def __enter__(self) -> Studio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._main.close()
        self._inset.close()


def render_demo_video(
    state_log_path: Path,
    events: Sequence[VideoEvent],
    out_path: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    size_px: tuple[int, int] = SIZE_PX,
    max_frames: int = MAX_FRAMES,
) -> int:
    """Write an H.264 video (yuv420p, plays in browsers) of the attempts in ``events``.

    progress: called with (frames done, frames in all). size_px: width and height, multiples of 8.
    Returns the number of frames. Raises StateLogError or VideoError.
    """
    log = load_state_log(Path(state_log_path))
    shots = plan_shots(log, events, max_frames=max_frames)
    if not shots:
        raise VideoError(f"{state_log_path}: no state lies in the time of any of the {len(events)} events")
    out_path.parent.mkdir(parents=True, exist_ok=True)
    writer = imageio_ffmpeg.write_frames(
        str(out_path), size_px, fps=FPS, codec="libx264", pix_fmt_out="yuv420p", quality=None, macro_block_size=8,
        output_params=["-crf", "21", "-preset", "veryfast", "-movflags", "+faststart"],
    )  # fmt: skip
    try:
        writer.send(None)
        with Studio(*size_px) as studio:
            for done, shot in enumerate(shots, start=1):
                frame = studio.draw_captioned(log.scenes[log.episode[shot.row]], log.qpos[shot.row], shot.caption)
                writer.send(np.ascontiguousarray(frame))
                if progress is not None:
                    progress(done, len(shots))
    except OSError as error:  # ffmpeg has gone
        raise VideoError(f"{out_path}: the encoder failed: {error}") from error
    finally:
        writer.close()
    return len(shots)


def save_still(scene: SceneSpec, qpos: FloatArray, out_path: Path, caption: Caption | None = None) -> None:
    """One picture of ``qpos`` (nq,) in ``scene`` as PNG, with insets and words if there is a ``caption``."""
    with Studio() as studio:
        image = studio.draw(scene, qpos) if caption is None else studio.draw_captioned(scene, qpos, caption)
    out_path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(out_path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
        raise VideoError(f"{out_path}: cannot write the picture")
