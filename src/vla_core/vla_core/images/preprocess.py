"""A camera's image -> the image that the contract wants."""

from __future__ import annotations

import cv2
import numpy as np

from vla_core.contract.model import CameraSpec
from vla_core.errors import ObservationError
from vla_core.types import ImageArray

ASPECT_TOLERANCE = 0.02
"""Relative; 640x480 against 642x480 is nobody's mistake."""


def prepare_image(image: ImageArray, camera: CameraSpec) -> ImageArray:
    """The image as the policy is to be given it, resized where the contract makes that the node's work.

    Args:
        image: (H, W, 3) uint8 RGB from the camera.
        camera: what the contract says of this camera.

    Raises:
        ObservationError: wrong type, wrong aspect, or wrong size while nobody may resize.
    """
    _check_array(image, camera)
    height, width = image.shape[:2]
    mismatch = size_mismatch(width, height, camera)
    if mismatch is not None:
        raise ObservationError(f"camera {camera.name}: {mismatch}")
    return fit_to_input(image, camera) if camera.resize == "node" else image


def fit_to_input(image: ImageArray, camera: CameraSpec) -> ImageArray:
    """The image in the model's input size by the contract's method; for the policy that resizes itself."""
    return resize_image(image, camera.width, camera.height, camera.resize_method)


def size_mismatch(width: int, height: int, camera: CameraSpec) -> str | None:
    """Why an image of this size does not suit the contract, with the remedy; None when it does."""
    if camera.resize == "none" and (width, height) != (camera.width, camera.height):
        return (
            f"image is {width}x{height}, the contract wants {camera.width}x{camera.height} and nobody to resize; "
            f"set the camera to {camera.width}x{camera.height}, or 'resize: node' in the contract"
        )
    # Padding and cropping keep the geometry, so that only a stated aspect binds them.
    binding = camera.resize_method == "stretch" or camera.aspect is not None
    aspect = width / height
    if binding and abs(aspect / camera.source_aspect - 1) > ASPECT_TOLERANCE:
        return (
            f"image is {width}x{height} (aspect {aspect:.3f}), the policy was trained on aspect "
            f"{camera.source_aspect:.3f}; choose a camera mode of that aspect, or state 'aspect' in the contract"
        )
    return None


def resize_image(image: ImageArray, width: int, height: int, method: str) -> ImageArray:
    """(H, W, 3) -> (height, width, 3): area averaging where it shrinks, bilinear where it grows.

    Args:
        image: uint8.
        width: wanted columns.
        height: wanted rows.
        method: ``stretch``; ``pad``: black bars; ``crop``: the centre.
    """
    rows, columns = image.shape[:2]
    if (columns, rows) == (width, height):
        return image
    if method == "stretch":
        return _scaled(image, width, height)
    if method == "crop":
        scale = min(columns / width, rows / height)
        part_width, part_height = max(1, round(width * scale)), max(1, round(height * scale))
        left, top = (columns - part_width) // 2, (rows - part_height) // 2
        return _scaled(image[top : top + part_height, left : left + part_width], width, height)
    if method != "pad":
        raise ValueError(f"a loaded contract has no resize method '{method}'")
    scale = min(width / columns, height / rows)
    inner_width, inner_height = max(1, round(columns * scale)), max(1, round(rows * scale))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    canvas[top : top + inner_height, left : left + inner_width] = _scaled(image, inner_width, inner_height)
    return canvas


def _scaled(image: ImageArray, width: int, height: int) -> ImageArray:
    rows, columns = image.shape[:2]
    shrinks = width <= columns and height <= rows
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), dtype=np.uint8)


def _check_array(image: ImageArray, camera: CameraSpec) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ObservationError(
            f"camera {camera.name}: expected an RGB image (H, W, 3) of uint8; got {image.shape} of {image.dtype}"
        )
