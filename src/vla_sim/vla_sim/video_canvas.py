"""Words and insets on a video frame: OpenCV drawing, no MuJoCo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vla_core.types import ImageArray

RGB = tuple[int, int, int]

WHITE: RGB = (245, 245, 245)
DARK: RGB = (28, 30, 34)
GREY: RGB = (150, 155, 160)
GREEN: RGB = (70, 190, 105)
AMBER: RGB = (240, 175, 50)
RED: RGB = (230, 75, 65)
BLUE: RGB = (80, 150, 235)

GATE_COLORS: dict[str, RGB] = {
    "EXECUTING": GREEN,
    "ARMED": BLUE,
    "HOLDING": BLUE,
    "STOPPING": AMBER,
    "STOPPED": RED,
    "DISARMED": GREY,
}
RUNNING = ("", "running")
NEUTRAL = (*RUNNING, "not judged")
SUCCEEDED = ("success", "succeeded", "completed")

_BAND_PX = 84
_BAR_PX = 8
_MARGIN_PX = 16


@dataclass(frozen=True, slots=True)
class Caption:
    """What is written on one frame. episode counts from 0; progress is its share done, [0, 1].

    outcomes: of every episode so far and to come, empty where it is not known yet. speed: of the playback.
    """

    instruction: str
    gate_state: str
    outcome: str
    episode: int
    progress: float
    outcomes: Sequence[str]
    speed: float = 1.0


def outcome_color(outcome: str) -> RGB:
    """Green for a success, grey while it runs or where nobody can say, red for everything else."""
    if outcome.lower() in NEUTRAL:
        return GREY
    return GREEN if outcome.lower() in SUCCEEDED else RED


def compose(main: ImageArray, insets: Sequence[tuple[str, ImageArray]], caption: Caption) -> ImageArray:
    """``main`` (H, W, 3) RGB with labelled ``insets`` down its right side and ``caption`` on it; a new array."""
    canvas = np.array(main)
    width = canvas.shape[1]
    top = _MARGIN_PX
    for label, image in insets:
        side, left = image.shape[0], width - _MARGIN_PX - image.shape[1]
        cv2.rectangle(canvas, (left - 2, top - 2), (left + image.shape[1] + 1, top + side + 1), WHITE, 2)
        canvas[top : top + side, left : left + image.shape[1]] = image
        cv2.rectangle(canvas, (left, top), (left + text_width(label, 14) + 12, top + 22), DARK, -1)
        put_text(canvas, label, (left + 6, top + 16), 14, WHITE)
        top += side + _MARGIN_PX
    _gate_chip(canvas, caption.gate_state)
    if caption.speed > 1.05:
        put_text(canvas, f"{caption.speed:.1f}x", (_MARGIN_PX, 2 * _MARGIN_PX + 44), 16, WHITE)
    _band(canvas, caption)
    _progress_bar(canvas, caption)
    return canvas


def _gate_chip(canvas: ImageArray, state: str) -> None:
    color = GATE_COLORS.get(state.upper(), GREY)
    text = f"gate {state.lower() or 'unknown'}"
    right = _MARGIN_PX + 40 + text_width(text, 18)
    cv2.rectangle(canvas, (_MARGIN_PX, _MARGIN_PX), (right, _MARGIN_PX + 34), DARK, -1)
    cv2.circle(canvas, (_MARGIN_PX + 17, _MARGIN_PX + 17), 7, color, -1, cv2.LINE_AA)
    put_text(canvas, text, (_MARGIN_PX + 32, _MARGIN_PX + 23), 18, WHITE)


def _band(canvas: ImageArray, caption: Caption) -> None:
    height, width = canvas.shape[:2]
    top = height - _BAND_PX
    canvas[top:] = (0.3 * canvas[top:]).astype(np.uint8)
    outcome = "" if caption.outcome.lower() in RUNNING else caption.outcome
    room = width - 3 * _MARGIN_PX - (text_width(outcome, 24, bold=True) if outcome else 0)
    put_text(canvas, fit(f"“{caption.instruction}”", 28, room), (_MARGIN_PX, height - 38), 28, WHITE)
    if outcome:
        place = (width - _MARGIN_PX - text_width(outcome, 24, bold=True), height - 38)
        put_text(canvas, outcome, place, 24, outcome_color(outcome), bold=True)


def _progress_bar(canvas: ImageArray, caption: Caption) -> None:
    """One cell per episode, coloured by its outcome once it is over."""
    height, width = canvas.shape[:2]
    count = max(len(caption.outcomes), 1)
    edges = np.linspace(_MARGIN_PX, width - _MARGIN_PX, count + 1).astype(int)
    for index in range(count):
        left, right = int(edges[index]), int(edges[index + 1]) - 3
        low, high = height - _BAR_PX - 8, height - 8
        cv2.rectangle(canvas, (left, low), (right, high), (70, 74, 80), -1)
        if index < caption.episode:
            cv2.rectangle(canvas, (left, low), (right, high), outcome_color(caption.outcomes[index]), -1)
        elif index == caption.episode:
            done = left + round((right - left) * min(max(caption.progress, 0.0), 1.0))
            cv2.rectangle(canvas, (left, low), (done, high), outcome_color(caption.outcome), -1)


def fit(text: str, size_px: int, room_px: int) -> str:
    """``text``, cut with an ellipsis where it is wider than ``room_px``."""
    if len(text) * size_px < 100 * room_px and text_width(text, size_px) <= room_px:
        return text
    text = text[: 10 * room_px // size_px]  # no font is that narrow, and measuring 10,000 characters takes long
    while text and text_width(text + "…", size_px) > room_px:
        text = text[:-1]
    return text + "…"


def put_text(
    canvas: ImageArray, text: str, place: tuple[int, int], size_px: int, color: RGB, bold: bool = False
) -> None:
    """``text`` with its base line starting at ``place`` (x, y)."""
    if hasattr(cv2, "FontFace"):  # OpenCV 5 brings an outline font; before it there are only strokes
        cv2.putText(canvas, text, place, color, cv2.FontFace("sans"), size_px, 700 if bold else 400)
    else:
        text = text.translate({ord("“"): '"', ord("”"): '"', ord("…"): "."})
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, size_px / 32, color, 2 if bold else 1, cv2.LINE_AA)


def text_width(text: str, size_px: int, bold: bool = False) -> int:
    """Width of ``text`` [px]."""
    if hasattr(cv2, "FontFace"):
        box = cv2.getTextSize((10_000, 1000), text, (0, 0), cv2.FontFace("sans"), size_px, 700 if bold else 400)
        return int(box[2])
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size_px / 32, 2)[0][0])
