"""``demo.mp4``: drawn after the run from the logged states, with what was said and decided written on it."""

from __future__ import annotations

import bisect
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "egl")  # before mujoco is imported

import cv2
import imageio_ffmpeg
import mujoco
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from vla_bringup.console import console
from vla_bringup.demo.records import Event
from vla_sim.looks import Looks
from vla_sim.rendering import SceneRenderer
from vla_sim.scene import OVERVIEW_CAMERA, build_spec
from vla_sim.state_log import StateLog, load_state_log

Image = NDArray[np.uint8]

MAIN_PX = (720, 960)  # height, width
SIDE_PX = 320
FPS = 15
LONGEST_S = 60.0
BAR_COLOR = (24, 26, 30)
TEXT_COLOR = (235, 235, 235)
GATE_COLORS = {
    "EXECUTING": (90, 210, 110),
    "HOLDING": (90, 190, 230),
    "STOPPING": (240, 190, 60),
    "STOPPED": (240, 80, 70),
    "DISARMED": (150, 150, 150),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture to draw: which logged state, and what holds then."""

    state: int
    event: Event


def choose_frames(log: StateLog, events: Sequence[Event], fps: float = FPS) -> list[Frame]:
    """States at ``fps`` of simulated time while an attempt runs; the way home between attempts is left out."""
    if not events or log.time_ns.size == 0:
        return []
    times = [event.time_ns for event in events]
    spans = _attempt_spans(events)
    frames = []
    next_ns = 0
    for state, time_ns in enumerate(log.time_ns.tolist()):
        if time_ns < next_ns or not any(start <= time_ns <= end for start, end in spans):
            continue
        next_ns = time_ns + int(0.9e9 / fps)  # less than a period: the log has its own raster
        frames.append(Frame(state, events[max(0, bisect.bisect_right(times, time_ns) - 1)]))
    return frames[: int(LONGEST_S * fps)]


def _attempt_spans(events: Sequence[Event]) -> list[tuple[int, int]]:
    """(first, last) instant [ns] of each attempt, which ends with the event that knows its outcome."""
    spans = []
    start: int | None = None
    for event in events:
        start = event.time_ns if start is None else start
        if event.outcome != "running":
            spans.append((start, event.time_ns))
            start = None
    if start is not None:
        spans.append((start, events[-1].time_ns))
    return spans


def render_video(states: Path, events: Sequence[Event], path: Path) -> int:
    """Write the video; returns how many frames. StateLogError when ``states`` is none."""
    log = load_state_log(states)
    frames = choose_frames(log, events)
    if not frames:
        return 0
    with VideoScene(log) as scene:
        size = (MAIN_PX[1] + SIDE_PX, MAIN_PX[0])
        writer = imageio_ffmpeg.write_frames(
            str(path), size, fps=FPS, codec="libx264", quality=None, macro_block_size=8,
            output_params=["-crf", "21", "-preset", "veryfast", "-movflags", "+faststart"],
        )  # fmt: skip
        writer.send(None)
        for frame in track(frames, "rendering the video", console=console, transient=True):
            writer.send(np.ascontiguousarray(scene.draw(frame)))
        writer.close()
    return len(frames)


class VideoScene:
    """Draws frames of a log: a large overview, and beside it what the two policy cameras see."""

    def __init__(self, log: StateLog) -> None:
        self._log = log
        spec = build_spec()
        spec.visual.quality.shadowsize = 2048
        self._model: mujoco.MjModel = spec.compile()
        self._looks = Looks(self._model)
        self._main = SceneRenderer(self._model, *MAIN_PX, shadows=True)
        self._side = SceneRenderer(self._model, SIDE_PX, SIDE_PX)
        self._episode = -1

    def __enter__(self) -> VideoScene:
        return self

    def __exit__(self, *_: object) -> None:
        self._main.close()
        self._side.close()

    def draw(self, frame: Frame) -> Image:
        """(height, width, 3) RGB."""
        episode = int(self._log.episode[frame.state])
        if episode != self._episode:
            self._looks.apply(self._log.scenes[episode])
            self._episode = episode
        qpos = self._log.qpos[frame.state]
        self._main.set_qpos(qpos)
        self._side.set_qpos(qpos)
        return compose(
            self._main.render(OVERVIEW_CAMERA), self._side.render("front"), self._side.render("wrist"), frame.event
        )


def compose(main: Image, front: Image, wrist: Image, event: Event) -> Image:
    """Overview on the left, front and wrist camera on the right, the words below them and on top."""
    canvas = np.zeros((MAIN_PX[0], MAIN_PX[1] + SIDE_PX, 3), np.uint8)
    canvas[:] = BAR_COLOR
    canvas[:, : MAIN_PX[1]] = main
    left = MAIN_PX[1]
    canvas[:SIDE_PX, left:] = front
    canvas[SIDE_PX : 2 * SIDE_PX, left:] = wrist
    for top, name in ((0, "front"), (SIDE_PX, "wrist")):
        _darken(canvas[top : top + 30, left : left + 70])
        _text(canvas, name, (left + 10, top + 21), 0.55)
    _text(canvas, f"gate: {event.gate}", (left + 12, 2 * SIDE_PX + 32), 0.6, GATE_COLORS.get(event.gate, TEXT_COLOR))
    if event.outcome != "running":
        _text(canvas, event.outcome, (left + 12, 2 * SIDE_PX + 62), 0.6)
    _darken(canvas[-56:, :left])
    sentence = event.instruction.encode("ascii", "replace").decode()  # the font has no other characters
    for row, line in enumerate(_lines(f'"{sentence}"', 68)[:2]):
        _text(canvas, line, (18, MAIN_PX[0] - 20 if row else MAIN_PX[0] - 34), 0.8)
    return canvas


def _darken(area: Image) -> None:
    """In place, so that words on it can be read."""
    area[:] = (0.35 * area).astype(np.uint8)


def _lines(text: str, width: int) -> list[str]:
    return [text[k : k + width] for k in range(0, len(text), width)]


def _text(image: Image, text: str, at: tuple[int, int], scale: float, color: tuple[int, int, int] = TEXT_COLOR) -> None:
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, color, 1, cv2.LINE_AA)
