"""The raw fields of a ``sensor_msgs/Image`` -> RGB uint8 or depth in metres, without rclpy.

Encodings as in ``sensor_msgs/image_encodings.hpp``. A packed ``rgb8`` image is viewed, never copied.
"""

from __future__ import annotations

import array
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vla_core.errors import ObservationError
from vla_core.types import ImageArray

DepthArray = NDArray[np.float32]
ImageBytes: TypeAlias = "bytes | bytearray | memoryview[int] | array.array[int] | ImageArray"
"""What holds a message's bytes; rclpy gives ``array.array``."""

# encoding -> (bytes per pixel, OpenCV code to RGB; None: already RGB). YUV 4:2:2 has 2 bytes per pixel on average.
# mono16 is a picture here, scaled to 8 bits as cv_bridge does, and a depth to whom asks for one.
_COLOUR: dict[str, tuple[int, int | None]] = {
    "rgb8": (3, None),
    "bgr8": (3, cv2.COLOR_BGR2RGB),
    "rgba8": (4, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, cv2.COLOR_GRAY2RGB),
    "mono16": (2, cv2.COLOR_GRAY2RGB),
    "yuv422": (2, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (2, cv2.COLOR_YUV2RGB_YUYV),
    "yuyv": (2, cv2.COLOR_YUV2RGB_YUYV),
    "bayer_rggb8": (1, cv2.COLOR_BayerRGGB2RGB),
    "bayer_bggr8": (1, cv2.COLOR_BayerBGGR2RGB),
    "bayer_gbrg8": (1, cv2.COLOR_BayerGBRG2RGB),
    "bayer_grbg8": (1, cv2.COLOR_BayerGRBG2RGB),
}
_DEPTH = {"16UC1": 2, "mono16": 2, "32FC1": 4}

COLOUR_ENCODINGS = tuple(_COLOUR)
DEPTH_ENCODINGS = tuple(_DEPTH)


def to_rgb(
    *, width: int, height: int, encoding: str, step: int, data: ImageBytes, is_bigendian: bool = False
) -> ImageArray:
    """(height, width, 3) uint8 RGB, read-only; for packed ``rgb8`` it shares the memory of ``data``.

    Args:
        width: columns [pixel].
        height: rows [pixel].
        encoding: one of ``COLOUR_ENCODINGS``.
        step: length of one row [byte], padding included.
        data: ``height * step`` bytes.
        is_bigendian: byte order of ``mono16``; the other colours are bytes.

    Raises:
        ObservationError: unknown encoding, or sizes that contradict each other.
    """
    if encoding not in _COLOUR:
        raise ObservationError(_unknown_colour(encoding))
    size, code = _COLOUR[encoding]
    if size == 2 and encoding != "mono16" and width % 2:
        raise ObservationError(f"{encoding} shares colours between two pixels; width {width} must be even")
    if encoding.startswith("bayer_") and (width % 2 or height % 2):
        raise ObservationError(f"{encoding} is made of 2x2 cells; {width}x{height} must be even")
    pixels = _rows(width, height, encoding, step, data, size).reshape(height, width, size)
    if encoding == "mono16":
        numbers = np.ascontiguousarray(pixels).view(">u2" if is_bigendian else "<u2").astype(np.uint16)
        pixels = np.asarray(cv2.convertScaleAbs(numbers, alpha=255 / 65535), dtype=np.uint8)
    rgb = pixels if code is None else cv2.cvtColor(np.ascontiguousarray(pixels), code)
    result: ImageArray = np.ascontiguousarray(rgb, dtype=np.uint8)
    result.setflags(write=False)
    return result


def to_depth_m(
    *, width: int, height: int, encoding: str, step: int, data: ImageBytes, is_bigendian: bool = False
) -> DepthArray:
    """(height, width) float32 [m] along the optical axis, read-only; NaN where there is no measurement (REP 118).

    Args:
        width: columns [pixel].
        height: rows [pixel].
        encoding: one of ``DEPTH_ENCODINGS``; 16 bit are millimetres with 0 for no measurement, 32 bit are metres.
        step: length of one row [byte], padding included.
        data: ``height * step`` bytes.
        is_bigendian: byte order of the numbers.

    Raises:
        ObservationError: unknown encoding, or sizes that contradict each other.
    """
    if encoding not in _DEPTH:
        raise ObservationError(f"encoding '{encoding}' is not a depth; valid: {', '.join(DEPTH_ENCODINGS)}")
    size = _DEPTH[encoding]
    rows = _rows(width, height, encoding, step, data, size)
    numbers = np.frombuffer(rows.tobytes(), dtype=f"{'>' if is_bigendian else '<'}{'f' if size == 4 else 'u'}{size}")
    depth = numbers.reshape(height, width).astype(np.float32)
    if size == 2:
        depth = np.where(depth > 0, depth / np.float32(1000), np.float32(np.nan))
    depth[~np.isfinite(depth)] = np.nan
    depth.setflags(write=False)
    return depth


def _rows(width: int, height: int, encoding: str, step: int, data: ImageBytes, size: int) -> ImageArray:
    """(height, width * size) view of the bytes without padding."""
    if width <= 0 or height <= 0:
        raise ObservationError(f"image of {width}x{height}; both must be at least 1")
    if step < width * size:
        raise ObservationError(
            f"step {step} is too short: {width} pixels of {encoding} take {width * size} bytes in a row"
        )
    flat: ImageArray = np.frombuffer(data, dtype=np.uint8)
    if flat.size != step * height:
        raise ObservationError(
            f"image data has {flat.size} bytes; {width}x{height} {encoding} with step {step} takes {step * height}"
        )
    return flat.reshape(height, step)[:, : width * size]


def _unknown_colour(encoding: str) -> str:
    if encoding in _DEPTH:
        return f"encoding '{encoding}' is a depth, not a colour image; name a colour topic for this camera"
    if encoding in ("8UC3", "8UC4"):
        return f"encoding '{encoding}' does not say the order of its colours; let the driver publish rgb8 or bgr8"
    return f"unknown encoding '{encoding}'; valid: {', '.join(COLOUR_ENCODINGS)}"
