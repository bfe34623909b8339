"""Videos of datasets: H.264 in mp4 by PyAV, a key frame every second frame, so that any frame is near one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from vla_policy.data.errors import DatasetError

CODEC: Final = "h264"
PIXEL_FORMAT: Final = "yuv444p"  # whole colours: at 96 pixels, half of them blurs a cube's edges into the table
FACTS: Final = {"video.codec": CODEC, "video.pix_fmt": PIXEL_FORMAT}
CRF: Final = 10  # mean error 0.6 of 255 on images of the simulated cell, 1.1 kB an image

Images = NDArray[np.uint8]


class VideoWriter:
    """Writes one file, frame after frame; a context manager."""

    def __init__(self, path: Path, fps: float, height: int, width: int) -> None:
        """height, width: [px], even. DatasetError for odd ones."""
        if height % 2 or width % 2:
            raise DatasetError(f"{path}: images of {width}x{height} pixels cannot be coded; both must be even")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._shape = (height, width, 3)
        self._container = av.open(str(path), "w")
        options = {"crf": str(CRF), "preset": "veryfast", "g": "2", "bf": "0", "threads": "1"}
        stream = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000), options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, PIXEL_FORMAT
        self._stream: Any = stream

    def add(self, images: Images) -> None:
        """Append (T, H, W, 3) RGB."""
        if images.shape[1:] != self._shape or images.dtype != np.uint8:
            raise DatasetError(f"images are {images.dtype} {images.shape[1:]}, not uint8 {self._shape}")
        for image in images:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def rate_and_size(path: Path) -> tuple[float, int, int]:
    """Frames per second, height and width [px] of a video. DatasetError where there is none."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        return float(stream.average_rate or 0.0), stream.height, stream.width


def frames(path: Path, first_s: float, count: int, fps: float) -> Iterator[Images]:
    """``count`` images (H, W, 3) RGB from ``first_s`` on, in order, one by one.

    DatasetError when the file ends, cannot be decoded or has no image at one of these times; the message counts from
    the first image asked for.
    """
    done = 0
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        base = float(stream.time_base)
        try:
            container.seek(max(round((first_s - 0.25 / fps) / base), 0), stream=stream, backward=True)
            for frame in container.decode(stream):
                late = float(frame.pts * base) - (first_s + done / fps)
                if late < -0.5 / fps:
                    continue
                if late > 0.5 / fps:
                    raise DatasetError(f"{path}: no image for frame {done} at {first_s + done / fps:.3f} s")
                yield frame.to_ndarray(format="rgb24")
                done += 1
                if done == count:
                    return
        except av.FFmpegError as error:
            raise DatasetError(f"{path}: frame {done} cannot be decoded: {error}") from error
    raise DatasetError(f"{path}: ends before frame {done} of {count} at {first_s + done / fps:.3f} s; is it truncated?")


def read(path: Path, first_s: float, count: int, fps: float) -> Images:
    """The same images as one array (count, H, W, 3). DatasetError likewise."""
    return np.stack(list(frames(path, first_s, count, fps)))


def _opened(path: Path) -> Any:
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise DatasetError(f"{path}: cannot be opened as a video: {error}") from error
    if not container.streams.video:
        container.close()
        raise DatasetError(f"{path}: has no video in it")
    return container
