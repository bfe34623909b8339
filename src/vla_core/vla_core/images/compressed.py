"""``sensor_msgs/CompressedImage`` -> RGB uint8."""

from __future__ import annotations

import cv2
import numpy as np

from vla_core.errors import ObservationError
from vla_core.images.conversion import ImageBytes
from vla_core.types import ImageArray

COMPRESSED_FORMATS = ("jpeg", "jpg", "png")
_MAGIC = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png"}


def decode_compressed(*, format: str, data: ImageBytes) -> ImageArray:
    """(height, width, 3) uint8 RGB, read-only.

    Args:
        format: the message's field, such as ``jpeg``, ``png`` or ``rgb8; jpeg compressed bgr8``.
        data: the JPEG or PNG file.

    Raises:
        ObservationError: another format, or data that cannot be decoded.
    """
    words = format.lower().replace(";", " ").split()
    if not any(word in COMPRESSED_FORMATS for word in words) or "compresseddepth" in words:
        raise ObservationError(f"unknown image format '{format}'; valid: {', '.join(COMPRESSED_FORMATS)}")
    flat = np.frombuffer(data, dtype=np.uint8)
    head = flat[:8].tobytes()
    if not any(head.startswith(magic) for magic in _MAGIC):
        raise ObservationError(f"image of {flat.size} bytes is neither JPEG nor PNG (starts with {head.hex() or '?'})")
    # The picture as it was taken, as on the raw topic: not turned by a tag in the file.
    image = cv2.imdecode(flat, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise ObservationError(f"image of {flat.size} bytes ({format}) is damaged and cannot be decoded")
    result: ImageArray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    result.setflags(write=False)
    return result
