"""JPEG and PNG arrive as RGB; anything else is refused with what it is."""

from __future__ import annotations

import array

import cv2
import numpy as np
import pytest

from vla_core.errors import ObservationError
from vla_core.images import decode_compressed

RGB = np.zeros((16, 24, 3), dtype=np.uint8)
RGB[:, :8], RGB[:, 8:16], RGB[:, 16:] = (220, 20, 30), (10, 200, 40), (30, 20, 210)


def encoded(extension: str) -> array.array[int]:
    ok, data = cv2.imencode(extension, RGB[..., ::-1])
    assert ok
    return array.array("B", data.tobytes())


@pytest.mark.parametrize("format", ["png", "rgb8; png compressed bgr8", "PNG"])
def test_png_is_exact(format: str) -> None:
    image = decode_compressed(format=format, data=encoded(".png"))
    np.testing.assert_array_equal(image, RGB)
    assert not image.flags.writeable


@pytest.mark.parametrize("format", ["jpeg", "jpg", "bgr8; jpeg compressed bgr8"])
def test_jpeg_keeps_the_colours_in_order(format: str) -> None:
    image = decode_compressed(format=format, data=encoded(".jpg"))
    centres = image[8, [4, 12, 20]].astype(int)
    assert (centres.argmax(axis=1) == [0, 1, 2]).all()


@pytest.mark.parametrize(
    ("format", "data", "message"),
    [
        ("h264", b"\x00\x00\x00\x01", r"unknown image format 'h264'; valid: jpeg, jpg, png"),
        ("16UC1; compressedDepth png", encoded(".png").tobytes(), r"unknown image format"),
        ("", b"", r"unknown image format ''"),
        ("jpeg", b"", r"image of 0 bytes is neither JPEG nor PNG"),
        ("jpeg", b"GIF89a" + bytes(20), r"neither JPEG nor PNG \(starts with 474946"),
        ("png", encoded(".png").tobytes()[:30], r"damaged"),
        ("jpeg", b"\xff\xd8\xff\xe0" + bytes(50), r"damaged"),
    ],
)
def test_what_is_no_picture_is_refused(format: str, data: bytes, message: str) -> None:
    with pytest.raises(ObservationError, match=message):
        decode_compressed(format=format, data=data)
