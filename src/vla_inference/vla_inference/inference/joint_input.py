"""Joint states as they come in; which joints are wanted, and whether they are usable, the observer judges."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState

from vla_inference.inference.camera_input import SENSOR_QOS
from vla_inference.inference.samples import JointSample
from vla_inference.inference.stamps import to_ns

TOPIC = "joint_states"


class JointInput:
    """Subscribes to ``joint_states`` and hands each sample to ``sink``, on the thread that serves ``group``."""

    def __init__(
        self, node: Node, steady_ns: Callable[[], int], sink: Callable[[JointSample], None], group: CallbackGroup
    ) -> None:
        self._node = node
        self._steady_ns = steady_ns
        self._sink = sink
        self._subscription = node.create_subscription(JointState, TOPIC, self._take, SENSOR_QOS, callback_group=group)

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

    def _take(self, message: JointState) -> None:
        self._sink(
            JointSample(
                stamp_ns=to_ns(message.header.stamp),
                received_ns=self._steady_ns(),
                names=message.name,
                positions=message.position,
                velocities=message.velocity,
            )
        )
