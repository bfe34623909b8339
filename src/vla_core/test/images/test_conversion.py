"""Every encoding gives the same picture; sizes that contradict each other are refused, never guessed."""

from __future__ import annotations

import array

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vla_core.errors import ObservationError
from vla_core.images import COLOUR_ENCODINGS, DEPTH_ENCODINGS, to_depth_m, to_rgb

WIDTH, HEIGHT = 6, 4
RGB = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GREY = RGB[..., 0]


def message(pixels: NDArray[np.generic], encoding: str, padding: int = 0) -> dict[str, object]:
    """Fields of a message with ``padding`` bytes of rubbish after each row."""
    rows = np.ascontiguousarray(pixels).reshape(len(pixels), -1).view(np.uint8)
    padded = np.concatenate([rows, np.full((len(rows), padding), 0xAB, np.uint8)], axis=1)
    return {
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "encoding": encoding,
        "step": padded.shape[1],
        "data": array.array("B", padded.tobytes()),  # what rclpy gives
    }


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "pixels", "expected"),
    [
        ("rgb8", RGB, RGB),
        ("bgr8", RGB[..., ::-1], RGB),
        ("rgba8", np.dstack([RGB, GREY]), RGB),
        ("bgra8", np.dstack([RGB[..., ::-1], GREY]), RGB),
        ("mono8", GREY, np.dstack([GREY] * 3)),
        ("8UC1", GREY, np.dstack([GREY] * 3)),
    ],
)
def test_colours_arrive_in_the_right_channel(
    encoding: str, pixels: NDArray[np.uint8], expected: NDArray[np.uint8], padding: int
) -> None:
    image = to_rgb(**message(pixels, encoding, padding))
    np.testing.assert_array_equal(image, expected)
    assert image.flags.c_contiguous and not image.flags.writeable


@pytest.mark.parametrize("is_bigendian", [False, True])
def test_16_bit_grey_is_scaled_to_8_bits(is_bigendian: bool) -> None:
    grey = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    image = to_rgb(**message(grey.astype(">u2" if is_bigendian else "<u2"), "mono16", 3), is_bigendian=is_bigendian)
    np.testing.assert_array_equal(image, np.dstack([np.rint(grey / 257.0).astype(np.uint8)] * 3))


@pytest.mark.parametrize(
    ("encoding", "order"),
    [("yuv422", "UYVY"), ("uyvy", "UYVY"), ("yuv422_yuy2", "YUYV"), ("yuyv", "YUYV")],
)
@pytest.mark.parametrize("colour", [(200, 30, 40), (20, 180, 60), (30, 40, 220), (128, 128, 128)])
def test_yuv_of_one_colour_is_that_colour(encoding: str, order: str, colour: tuple[int, int, int]) -> None:
    # BT.601 limited range, by hand.
    red, green, blue = (value / 255 for value in colour)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    parts = {
        "Y": round(16 + 219 * luma),
        "U": round(128 + 224 * (blue - luma) / 1.772),
        "V": round(128 + 224 * (red - luma) / 1.402),
    }
    pair = np.array([parts[letter] for letter in order], dtype=np.uint8).reshape(1, 2, 2)
    image = to_rgb(**message(np.tile(pair, (HEIGHT, WIDTH // 2, 1)), encoding, 2))
    np.testing.assert_allclose(image.astype(int), np.broadcast_to(colour, image.shape), atol=4)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("colour", [(250, 0, 0), (0, 250, 0), (0, 0, 250), (10, 120, 230)])
def test_a_bayer_mosaic_of_one_colour_is_that_colour(pattern: str, colour: tuple[int, int, int]) -> None:
    cell = np.array([colour["rgb".index(letter)] for letter in pattern], dtype=np.uint8).reshape(2, 2)
    image = to_rgb(**message(np.tile(cell, (4, 4)), f"bayer_{pattern}8", 3))
    np.testing.assert_array_equal(image, np.broadcast_to(np.array(colour, dtype=np.uint8), (8, 8, 3)))


def test_a_packed_rgb8_image_is_not_copied() -> None:
    fields = message(RGB, "rgb8")
    image = to_rgb(**fields)
    assert np.shares_memory(image, np.frombuffer(fields["data"], dtype=np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0, 0] = 1


@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
@pytest.mark.parametrize("is_bigendian", [False, True])
@pytest.mark.parametrize("padding", [0, 2, 3])
def test_16_bit_depth_is_in_millimetres_and_zero_is_no_measurement(
    encoding: str, is_bigendian: bool, padding: int
) -> None:
    millimetres = np.array([[0, 1, 258], [1500, 65535, 0]])
    fields = message(millimetres.astype(">u2" if is_bigendian else "<u2"), encoding, padding)
    depth = to_depth_m(**fields, is_bigendian=is_bigendian)
    np.testing.assert_allclose(depth, [[np.nan, 0.001, 0.258], [1.5, 65.535, np.nan]], rtol=1e-6)
    assert depth.dtype == np.float32


@pytest.mark.parametrize("is_bigendian", [False, True])
def test_float_depth_is_in_metres_and_infinite_is_no_measurement(is_bigendian: bool) -> None:
    metres = np.array([[0.5, np.inf], [np.nan, 2.25]])
    fields = message(metres.astype(">f4" if is_bigendian else "<f4"), "32FC1", 4)
    np.testing.assert_array_equal(to_depth_m(**fields, is_bigendian=is_bigendian), [[0.5, np.nan], [np.nan, 2.25]])


@pytest.mark.parametrize("encoding", COLOUR_ENCODINGS)
def test_wrong_lengths_are_refused_in_every_encoding(encoding: str) -> None:
    sizes = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono16": 2}
    row = sizes.get(encoding, 2 if "y" in encoding.split("_")[0] else 1) * 8
    fields = {"width": 8, "height": 8, "encoding": encoding, "step": row, "data": bytes(row * 8)}
    if not encoding.startswith("bayer"):
        assert to_rgb(**fields).shape == (8, 8, 3)
    with pytest.raises(ObservationError, match=rf"image data has {row * 8 - 1} bytes; 8x8 {encoding} .* takes"):
        to_rgb(**fields | {"data": bytes(row * 8 - 1)})
    with pytest.raises(ObservationError, match="image data has"):
        to_rgb(**fields | {"data": bytes(row * 8 + 1)})
    with pytest.raises(ObservationError, match="image data has 0 bytes"):
        to_rgb(**fields | {"data": b""})


@pytest.mark.parametrize(
    ("change", "message_"),
    [
        ({"encoding": "rgb16"}, r"unknown encoding 'rgb16'; valid: rgb8, bgr8"),
        ({"encoding": "16UC1"}, r"'16UC1' is a depth, not a colour image"),
        ({"encoding": "8UC3"}, r"does not say the order of its colours"),
        ({"encoding": ""}, r"unknown encoding ''"),
        ({"step": 17}, r"step 17 is too short: 6 pixels of rgb8 take 18 bytes"),
        ({"width": 0}, r"image of 0x4"),
        ({"height": -1}, r"image of 6x-1"),
        ({"height": 0, "data": b""}, r"image of 6x0"),
        ({"encoding": "yuyv", "width": 5}, r"width 5 must be even"),
        ({"encoding": "bayer_rggb8", "height": 3}, r"6x3 must be even"),
    ],
)
def test_a_malformed_message_is_refused(change: dict[str, object], message_: str) -> None:
    with pytest.raises(ObservationError, match=message_):
        to_rgb(**message(RGB, "rgb8") | change)


def test_colour_is_no_depth() -> None:
    with pytest.raises(ObservationError, match=rf"'rgb8' is not a depth; valid: {', '.join(DEPTH_ENCODINGS)}"):
        to_depth_m(**message(RGB, "rgb8"))


def test_bayer_agrees_with_a_smooth_picture() -> None:
    y, x = np.mgrid[0:32, 0:32]
    smooth = np.dstack([x * 7, y * 7, (x + y) * 3]).astype(np.uint8)
    mosaic = smooth[..., 2].copy()
    mosaic[0::2, 0::2] = smooth[0::2, 0::2, 0]
    mosaic[0::2, 1::2] = smooth[0::2, 1::2, 1]
    mosaic[1::2, 0::2] = smooth[1::2, 0::2, 1]
    image = to_rgb(**message(mosaic, "bayer_rggb8"))
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(image[inner].astype(int) - smooth[inner]).max() <= 4
    assert image.shape == cv2.cvtColor(mosaic, cv2.COLOR_BayerRGGB2RGB).shape
