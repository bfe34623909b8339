"""A tap: one topic of the stack led through the runner, which can alter, delay, repeat or withhold what passes.

Untouched messages pass as bytes. A thread of its own waits for them, without an executor's bookkeeping.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.serialization import deserialize_message

from proof.faults.interfaces import message_type, profile
from vla_inference.monitor.fast_input import FastInput, WithoutExecutor

Alter = Callable[[Any], list[Any]]
"""A message becomes those that are sent on in its place."""

STRUCK_S = 5.0


class Tap:
    """From ``source`` to ``topic``. ``lost``: exceptions of the alteration, none in a good run."""

    def __init__(self, node: Node, source: str, topic: str, type_name: str, qos: str) -> None:
        self._node = node
        self._type = message_type(type_name)
        self._publisher = node.create_publisher(self._type, topic, profile(qos))
        self._subscription = node.create_subscription(
            self._type, source, self._pass_on, profile(qos), raw=True, callback_group=WithoutExecutor()
        )
        self._alter: Alter | None = None
        self._struck = threading.Event()
        self._struck_ns = 0
        self.lost: list[Exception] = []
        self._input = FastInput(node, [self._subscription], self.lost.append)
        self._input.start()

    def alter(self, alter: Alter) -> int:
        """Alter from now on; returns the steady time just before the first altered message left [ns].

        Raises:
            TimeoutError: nothing came that could be altered.
        """
        self._struck.clear()
        self._alter = alter
        if not self._struck.wait(STRUCK_S):
            raise TimeoutError(f"nothing came on {self._subscription.topic_name} within {STRUCK_S:g} s")
        return self._struck_ns

    def pass_all(self) -> None:
        """Alter no more."""
        self._alter = None

    def close(self) -> None:
        """End the thread and leave the topics."""
        self._input.stop()
        self._node.destroy_subscription(self._subscription)
        self._node.destroy_publisher(self._publisher)

    def _pass_on(self, data: bytes) -> None:
        alter = self._alter
        if alter is None:
            self._publisher.publish(data)
            return
        messages = alter(deserialize_message(data, self._type))
        now_ns = time.monotonic_ns()
        for message in messages:
            self._publisher.publish(message)
        if not self._struck.is_set():
            self._struck_ns = now_ns
            self._struck.set()
