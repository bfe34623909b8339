"""One camera: the newest messages of its topic, as they came, without a copy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from vla_inference.inference.parameters import CameraParameters
from vla_inference.inference.samples import CameraFrame
from vla_inference.inference.stamps import to_ns

# Sensor data with depth 1: an old picture is worth nothing once a newer one is there.
SENSOR_QOS = QoSProfile(
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
)


class CameraInput:
    """Subscribes to one camera and hands each frame to ``sink``, on the thread that serves ``group``."""

    def __init__(
        self,
        node: Node,
        parameters: CameraParameters,
        steady_ns: Callable[[], int],
        sink: Callable[[CameraFrame], None],
        group: CallbackGroup,
    ) -> None:
        self.parameters = parameters
        self._node = node
        self._steady_ns = steady_ns
        self._sink = sink
        compressed = parameters.transport == "compressed"
        self._subscription = node.create_subscription(
            CompressedImage if compressed else Image,
            parameters.topic,
            self._take_compressed if compressed else self._take_raw,
            SENSOR_QOS,
            callback_group=group,
        )

    @property
    def subscription(self) -> Subscription:
        """Of the topic."""
        return self._subscription

    @property
    def topic(self) -> str:
        """Full name on the graph, remapping and namespace applied."""
        return str(self._subscription.topic_name)

    def destroy(self) -> None:
        """Leave the topic."""
        self._node.destroy_subscription(self._subscription)

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
                is_bigendian=bool(message.is_bigendian),
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
