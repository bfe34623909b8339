"""Why a dataset is refused."""

from __future__ import annotations

from pathlib import Path

from vla_core.errors import VlaError


class DatasetError(VlaError):
    """A dataset cannot be used; the message names the file or the episode and the frame."""


def where(path: Path, episode: int | None = None, frame: int | None = None) -> str:
    """``PATH: episode 3, frame 17``, as every refusal begins."""
    text = str(path)
    if episode is not None:
        text += f": episode {episode}" + ("" if frame is None else f", frame {frame}")
    return text
