"""One video per kind of failure, drawn afterwards by making the attempt once more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from vla_core.policy import Policy
from vla_policy.evaluation.attempts import FAILURES, Result, film
from vla_policy.evaluation.recorder import FILM_HZ
from vla_sim.simulation import TabletopSim
from vla_sim.video import Studio
from vla_sim.video_canvas import Caption

SIZE_PX = (640, 480)


def examples(results: Sequence[Result]) -> dict[str, Result]:
    """The first failed attempt of each kind."""
    found: dict[str, Result] = {}
    for result in results:
        if result.failure:
            found.setdefault(result.failure, result)
    return {kind: found[kind] for kind in FAILURES if kind in found}


def shoot(result: Result, sim: TabletopSim, policy: Policy, path: Path) -> None:
    """Make the attempt of ``result`` again and write it as H.264 video (yuv420p, plays in browsers)."""
    again, scene, frames = film(result.job, sim, policy)
    title = f"{result.job.condition.title}: {FAILURES[result.failure]}"
    writer = imageio_ffmpeg.write_frames(
        str(path), SIZE_PX, fps=FILM_HZ, codec="libx264", pix_fmt_out="yuv420p", quality=None, macro_block_size=8,
        output_params=["-crf", "27", "-preset", "veryfast", "-movflags", "+faststart"],
    )  # fmt: skip
    writer.send(None)
    try:
        with Studio(*SIZE_PX, samples=0) as studio:
            for number, qpos in enumerate(frames, start=1):
                last = number == len(frames)
                caption = Caption(again.sentence, title, "failed" if last else "", 0, number / len(frames), [""], 1.0)
                writer.send(np.ascontiguousarray(studio.draw_captioned(scene, qpos, caption)))
    finally:
        writer.close()
