"""A ROS node on a thread of its own, and waiting for what it hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import LoggingSeverity
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription
from rclpy.task import Future

from vla_bringup.errors import NotRunningError

DISCOVERY_S = 4.0
"""How long a command looks for a node before it says that it is not there."""

WATCHDOG_PERIOD_S = 0.25
AGAIN_S = 1.5

LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
EVERY_ONE = QoSProfile(depth=200, reliability=ReliabilityPolicy.RELIABLE)


class Session:
    """A node whose callbacks run on one thread; ``wait_for`` wakes whenever one has run.

    watchdog: raises when waiting on makes no sense, e.g. because a process has died.
    """

    def __init__(self, name: str, namespace: str = "") -> None:
        self._context = Context()
        # Signals stay with Python: an interrupted command still has things to say to the robot.
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self.node: Node = rclpy.create_node(
            name, namespace=namespace, context=self._context, enable_rosout=False, start_parameter_services=False
        )
        self.node.get_logger().set_level(LoggingSeverity.FATAL)  # what goes wrong is raised, and told once
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._others: list[Node] = []
        self._changed = threading.Condition()
        self.watchdog: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._spin, name=f"{name}_ros", daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass

    def make_node(self, name: str, **options: Any) -> Node:
        """One more node on the same thread, with a namespace and remappings of its own; destroyed at the end."""
        node = rclpy.create_node(
            name, context=self._context, enable_rosout=False, start_parameter_services=False, **options
        )
        self._others.append(node)
        self._executor.add_node(node)
        return node

    def notify(self) -> None:
        """Something that ``wait_for`` may wait for has changed."""
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, predicate: Callable[[], bool], timeout_s: float) -> bool:
        """Whether ``predicate`` came true within ``timeout_s`` (steady clock).

        ``watchdog`` is asked too, a few times a second; what it raises ends the wait.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not predicate():
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(min(left_s, WATCHDOG_PERIOD_S))
                if self.watchdog is not None:
                    self.watchdog()
            return True

    def subscribe(self, message_type: Any, topic: str, callback: Callable[[Any], None], qos: QoSProfile) -> Any:
        """A subscription whose every message also wakes ``wait_for``."""

        def receive(message: Any) -> None:
            callback(message)
            self.notify()

        return self.node.create_subscription(message_type, topic, receive, qos)

    def dismiss(self, entity: Subscription | Client) -> None:
        """Destroy it, on the thread that waits for it: any other might do so while a wait is being prepared."""
        client = isinstance(entity, Client)
        self._executor.create_task(self.node.destroy_client if client else self.node.destroy_subscription, entity)

    def result_of(self, future: Future, what: str, timeout_s: float) -> Any:
        """The result of ``future``. NotRunningError when it does not come in time."""
        future.add_done_callback(lambda _: self.notify())
        if not self.wait_for(future.done, timeout_s):
            raise NotRunningError(f"an answer of {what}", timeout_s)
        return future.result()

    def client(self, service_type: Any, name: str, timeout_s: float = DISCOVERY_S) -> Client:
        """A client whose service is there. NotRunningError when it is not."""
        client = self.node.create_client(service_type, name)
        if not wait_until(client.service_is_ready, timeout_s):
            self.dismiss(client)
            raise NotRunningError(f"the service {self.node.resolve_service_name(name)}", timeout_s)
        return client

    def ask(self, send: Callable[[], Future], what: str, timeout_s: float, again_s: float = AGAIN_S) -> Any:
        """The answer to a request that may be sent twice. NotRunningError when none comes.

        A server can receive a request before it has discovered where answers go, and then drops its answer; a client
        cannot see that. So a request without an answer is repeated after ``again_s``.
        """
        deadline = time.monotonic() + timeout_s
        futures: list[Future] = []

        def answered() -> bool:
            return any(future.done() for future in futures)

        while time.monotonic() < deadline:
            futures.append(send())
            futures[-1].add_done_callback(lambda _: self.notify())
            if self.wait_for(answered, min(again_s, max(0.0, deadline - time.monotonic()))):
                return next(future for future in reversed(futures) if future.done()).result()
        raise NotRunningError(f"an answer of {what}", timeout_s)

    def call(
        self, service_type: Any, name: str, request: Any, timeout_s: float = 10.0, again_s: float = AGAIN_S
    ) -> Any:
        """One call of a service that may be called twice. NotRunningError when it is not there or silent."""
        client = self.client(service_type, name)
        try:
            return self.ask(
                lambda: client.call_async(request),
                f"the service {self.node.resolve_service_name(name)}",
                timeout_s,
                again_s,
            )
        finally:
            self.dismiss(client)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=1.0)
        for node in (*self._others, self.node):
            node.destroy_node()
        rclpy.try_shutdown(context=self._context)
        self._thread.join(timeout=2.0)


def wait_until(predicate: Callable[[], bool], timeout_s: float, poll_s: float = 0.02) -> bool:
    """Poll something that the graph offers no event for."""
    deadline = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() >= deadline:
            return False
        time.sleep(poll_s)
    return True


@contextmanager
def session(name: str, namespace: str = "") -> Iterator[Session]:
    """A Session that is closed at the end."""
    opened = Session(name, namespace)
    try:
        yield opened
    finally:
        opened.close()
