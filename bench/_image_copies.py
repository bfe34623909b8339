"""How often an image is copied between its arrival in inference_node and the policy worker's socket: counted, not read.

Each stage runs alone under tracemalloc; what it allocates at its peak, in images, is the number of copies it makes.
"""

from __future__ import annotations

import array
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from websockets.frames import Frame, Opcode

from vla_core.contract import CameraSpec
from vla_core.images import content_hash, prepare_image, to_rgb
from vla_core.remote import packb

WIDTH, HEIGHT = 640, 480


def count_copies(resize: str, input_px: int = 224) -> dict[str, float]:
    """Stage -> images allocated [of the camera's size], for a contract whose images are resized by ``resize``."""
    size = (input_px, input_px) if resize == "node" else (WIDTH, HEIGHT)
    camera = CameraSpec("front", *size, "rgb8", "node" if resize == "node" else "none", "pad", 0.3)
    wire = _wire_image()
    counts: dict[str, float] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        result = work()
        counts[name] = round((tracemalloc.get_traced_memory()[1] - before) / (WIDTH * HEIGHT * 3), 2)
        tracemalloc.stop()
        return result

    message = stage("take from rclpy", lambda: deserialize_message(wire, Image))
    data = stage("view as an array", lambda: np.frombuffer(message.data, dtype=np.uint8))
    stage("hash", lambda: content_hash(data))
    fields = {"width": message.width, "height": message.height, "encoding": message.encoding, "step": message.step}
    rgb = stage("convert to RGB", lambda: to_rgb(data=data, **fields))
    ready = stage("resize to the policy's input", lambda: prepare_image(rgb, camera))
    packed = stage("pack into the request", lambda: packb({"image": ready}))
    stage("frame for the socket", lambda: Frame(Opcode.BINARY, packed).serialize(mask=True))
    if not np.shares_memory(rgb, data):
        raise AssertionError("a packed rgb8 image was copied where it need not be")
    counts["sum"] = round(sum(counts.values()), 2)
    return counts


def _wire_image() -> bytes:
    image = Image(width=WIDTH, height=HEIGHT, encoding="rgb8", step=WIDTH * 3)
    image.data = array.array("B", bytes(WIDTH * HEIGHT * 3))
    return serialize_message(image)
