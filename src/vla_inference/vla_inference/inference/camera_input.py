"""One camera: the newest messages of its topic, as they came, without a copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from vla_inference.inference.parameters import CameraParameters
from vla_inference.inference.stamps import to_ns

# Sensor data with depth 1: an old picture is worth nothing once a newer one is there.
SENSOR_QOS = QoSProfile(
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
)


@dataclass(frozen=True, slots=True)
class CameraFrame:
    """One picture as it came over the wire.

    stamp_ns: header stamp, ROS time. received_ns: steady clock.
    data: (n,) uint8, a view of the message's own memory.
    encoding: of sensor_msgs/Image, or ``format`` of sensor_msgs/CompressedImage.
    height, width, step: 0 for a compressed picture, whose data says them.
    """

    name: str
    stamp_ns: int
    received_ns: int
    data: NDArray[np.uint8]
    encoding: str
    compressed: bool
    height: int = 0
    width: int = 0
    step: int = 0


class CameraInput:
    """Subscribes to one camera and hands each frame to ``sink``, on the executor's thread."""

    def __init__(
        self,
        node: Node,
        parameters: CameraParameters,
        steady_ns: Callable[[], int],
        sink: Callable[[CameraFrame], None],
    ) -> None:
        self.parameters = parameters
        self._steady_ns = steady_ns
        self._sink = sink
        compressed = parameters.transport == "compressed"
        self._subscription = node.create_subscription(
            CompressedImage if compressed else Image,
            parameters.topic,
            self._take_compressed if compressed else self._take_raw,
            SENSOR_QOS,
        )

    @property
    def topic(self) -> str:
        """Full name on the graph, remapping and namespace applied."""
        return str(self._subscription.topic_name)

    def _take_raw(self, message: Image) -> None:
        self._sink(
            CameraFrame(
                name=self.parameters.name,
                stamp_ns=to_ns(message.header.stamp),
                received_ns=self._steady_ns(),
                data=np.frombuffer(message.data, dtype=np.uint8),
                encoding=message.encoding,
                compressed=False,
                height=message.height,
                width=message.width,
                step=message.step,
            )
        )

    def _take_compressed(self, message: CompressedImage) -> None:
        self._sink(
            CameraFrame(
                name=self.parameters.name,
                stamp_ns=to_ns(message.header.stamp),
                received_ns=self._steady_ns(),
                data=np.frombuffer(message.data, dtype=np.uint8),
                encoding=message.format,
                compressed=True,
            )
        )
