"""The same results as cv_bridge: the module itself where it is installed, and what its source calls."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vla_core.images import decode_compressed, to_depth_m, to_rgb

WIDTH, HEIGHT, PADDING = 8, 6, 4
RNG = np.random.default_rng(1)

# encoding -> (dtype, channels, conversions): cv_bridge.cpp, getConversionCodes to RGB, by OpenCV's old names.
SOURCE: dict[str, tuple[str, int, int | None]] = {
    "rgb8": ("u1", 3, None),
    "bgr8": ("u1", 3, cv2.COLOR_BGR2RGB),
    "rgba8": ("u1", 4, cv2.COLOR_RGBA2RGB),
    "bgra8": ("u1", 4, cv2.COLOR_BGRA2RGB),
    "mono8": ("u1", 1, cv2.COLOR_GRAY2RGB),
    "mono16": ("u2", 1, cv2.COLOR_GRAY2RGB),
    "yuv422": ("u1", 2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": ("u1", 2, cv2.COLOR_YUV2RGB_YUY2),
    "bayer_rggb8": ("u1", 1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": ("u1", 1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": ("u1", 1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": ("u1", 1, cv2.COLOR_BayerGB2RGB),
}


def picture(encoding: str, big: bool) -> tuple[NDArray[np.generic], dict[str, object]]:
    """Numbers in this machine's order, and the message's fields with padded rows."""
    kind, channels, _ = SOURCE.get(encoding, ({"16UC1": "u2", "32FC1": "f4"}.get(encoding, "u1"), 1, None))
    raw = RNG.integers(0, 65536, (HEIGHT, WIDTH, channels))
    pixels = (raw / 7.0 if kind == "f4" else raw).astype(kind)
    wire = np.ascontiguousarray(pixels.astype(f"{'>' if big else '<'}{kind}")).reshape(HEIGHT, -1).view(np.uint8)
    rows = np.concatenate([wire, np.full((HEIGHT, PADDING), 0xAB, np.uint8)], axis=1)
    fields = {
        "width": WIDTH, "height": HEIGHT, "encoding": encoding, "step": rows.shape[1], "data": rows.tobytes(),
        "is_bigendian": big,
    }  # fmt: skip
    return pixels.squeeze(), fields


def cases() -> list[tuple[str, bool]]:
    return [(name, big) for name, (kind, *_) in SOURCE.items() for big in ((False, True) if kind == "u2" else (False,))]


@pytest.mark.parametrize(("encoding", "big"), cases())
def test_colours_as_cv_bridges_source_makes_them(encoding: str, big: bool) -> None:
    pixels, fields = picture(encoding, big)
    code = SOURCE[encoding][2]
    expected = pixels if code is None else cv2.cvtColor(pixels, code)
    if expected.dtype == np.uint16:  # the colours first, then convertTo(…, 255. / 65535.)
        expected = np.rint(expected * (255.0 / 65535.0)).astype(np.uint8)
    np.testing.assert_array_equal(to_rgb(**fields), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(("encoding", "big"), cases())
def test_colours_as_the_real_cv_bridge_makes_them(encoding: str, big: bool) -> None:
    module = pytest.importorskip("cv_bridge", reason="cv_bridge is not installed: it comes with a full ROS 2")
    messages = pytest.importorskip("sensor_msgs.msg")
    _, fields = picture(encoding, big)
    message = messages.Image(**{**fields, "is_bigendian": int(big)})
    expected = module.CvBridge().imgmsg_to_cv2(message, "rgb8")
    np.testing.assert_array_equal(to_rgb(**fields), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
@pytest.mark.parametrize("big", [False, True])
def test_depth_as_the_real_cv_bridge_reads_it(encoding: str, big: bool) -> None:
    module = pytest.importorskip("cv_bridge", reason="cv_bridge is not installed: it comes with a full ROS 2")
    messages = pytest.importorskip("sensor_msgs.msg")
    _, fields = picture(encoding, big)
    read = module.CvBridge().imgmsg_to_cv2(messages.Image(**{**fields, "is_bigendian": int(big)}))
    scale = np.float32(1000) if encoding == "16UC1" else np.float32(1)
    expected = np.where(read == 0, np.nan, read.astype(np.float32) / scale) if encoding == "16UC1" else read
    np.testing.assert_array_equal(to_depth_m(**fields), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["jpeg", "png"])
def test_compressed_as_the_real_cv_bridge_reads_it(format: str) -> None:
    module = pytest.importorskip("cv_bridge", reason="cv_bridge is not installed: it comes with a full ROS 2")
    messages = pytest.importorskip("sensor_msgs.msg")
    bgr = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    data = cv2.imencode(f".{format}", bgr)[1].tobytes()
    expected = module.CvBridge().compressed_imgmsg_to_cv2(messages.CompressedImage(format=format, data=data), "rgb8")
    np.testing.assert_array_equal(decode_compressed(format=format, data=data), expected)
