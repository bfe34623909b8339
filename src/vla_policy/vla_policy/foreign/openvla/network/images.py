"""Camera image -> what the vision towers see: the reference's resize, crop and two normalizations, on PIL's bicubic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vla_core.types import ImageArray
from vla_policy.foreign.openvla.config import ImageSpec, OpenVlaConfig

CROP_AREA = 0.9
"""Of the image, which is what is left for policies trained with random crops."""


def pixel_values(image: ImageArray, config: OpenVlaConfig, *, center_crop: bool = False) -> NDArray[np.float32]:
    """(H, W, 3) uint8 RGB -> (3 * towers, size, size) float32, a tower's channels after the other's.

    center_crop: first take the middle 90 % of the area, at the size of the first tower, as evaluation does for
        policies that were fine-tuned with random crops.
    """
    picture = Image.fromarray(cropped(image, config.images[0].size) if center_crop else np.ascontiguousarray(image))
    if config.resize == "letterbox":
        picture = _letterboxed(picture, config.images[-1])  # one border for all towers, as in the reference
    return np.concatenate([_normalized(_resized(picture, one.size, config.resize), one) for one in config.images])


def cropped(image: ImageArray, size: int) -> ImageArray:
    """The middle ``CROP_AREA`` of ``image`` as (size, size, 3) uint8.

    Bilinear between the corners of the crop, edges included and nothing averaged: TensorFlow's ``crop_and_resize``.
    """
    side = float(np.sqrt(np.float32(CROP_AREA)))
    rows, columns = (_samples(length, side, size) for length in image.shape[:2])
    values = image.astype(np.float32) * np.float32(1 / 255)
    values = _between(values, rows, 0)
    values = np.clip(_between(values, columns, 1), 0.0, 1.0)
    return (values * np.float32(255.5)).astype(np.uint8)  # TensorFlow's conversion: scale by 255 + 1/2, then cut


def _samples(length: int, side: float, count: int) -> NDArray[np.float32]:
    """(count,) positions [pixel] along an axis of ``length`` pixels."""
    start = np.float32((1 - side) / 2)
    step = np.float32(side) * np.float32(length - 1) / np.float32(count - 1)
    return start * np.float32(length - 1) + np.arange(count, dtype=np.float32) * step


def _between(values: NDArray[np.float32], positions: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    low = np.floor(positions).astype(np.int64)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = -1
    weight = (positions - low).astype(np.float32).reshape(shape)
    first, second = np.take(values, low, axis), np.take(values, high, axis)
    return np.asarray(first + (second - first) * weight, dtype=np.float32)


def _letterboxed(picture: Image.Image, spec: ImageSpec) -> Image.Image:
    """A border in the mean colour; where the difference is odd, one pixel less than a square, as in the reference."""
    width, height = picture.size
    side = max(width, height)
    left, top = (side - width) // 2, (side - height) // 2
    red, green, blue = (int(value * 255) for value in spec.mean)
    canvas = Image.new("RGB", (width + 2 * left, height + 2 * top), (red, green, blue))
    canvas.paste(picture, (left, top))
    return canvas


def _resized(picture: Image.Image, size: int, strategy: str) -> Image.Image:
    width, height = picture.size
    if strategy == "resize-naive":
        target = (size, size)
    else:  # the shorter side becomes ``size``, the longer keeps the shape; then the middle
        short, long = min(width, height), max(width, height)
        longer = int(size * long / short)
        target = (size, longer) if width <= height else (longer, size)
    if target != picture.size:
        picture = picture.resize(target, Image.Resampling.BICUBIC)
    left, top = round((target[0] - size) / 2.0), round((target[1] - size) / 2.0)
    return picture if target == (size, size) else picture.crop((left, top, left + size, top + size))


def _normalized(picture: Image.Image, spec: ImageSpec) -> NDArray[np.float32]:
    values = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
    mean, std = (np.array(one, dtype=np.float32)[:, None, None] for one in (spec.mean, spec.std))
    return np.asarray((values - mean) / std, dtype=np.float32)
