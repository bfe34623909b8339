"""A node as a process: own signal handling, clean end.

rclpy's own handler shuts the context down at once, before a node can end its worker; so it stays off, and a signal
only ends the spinning.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Protocol

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from vla_inference.inference.ros_logging import forward_logs

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppableNode(Protocol):
    """stopping: set when the process shall end. close: end all that runs beside the executor."""

    stopping: threading.Event

    def close(self) -> None: ...
    def destroy_node(self) -> None: ...


def run_node(make_node: Callable[[], StoppableNode]) -> None:
    """Make the node, spin it until SIGINT or SIGTERM, close it."""
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = make_node()
    except Exception as error:
        rclpy.logging.get_logger("inference_node").fatal(f"cannot start: {error}")
        rclpy.try_shutdown()
        raise SystemExit(1) from error
    end_logs = forward_logs(node)
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def end(number: int, frame: FrameType | None) -> None:
        node.stopping.set()
        executor.wake()

    for number in _SIGNALS:
        signal.signal(number, end)
    try:
        with contextlib.suppress(ExternalShutdownException):
            # The node's own timers wake the executor often enough to see the event.
            while not node.stopping.is_set():
                executor.spin_once()
    finally:
        # A second Ctrl-C while things end must not leave half of them running.
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        node.close()
        end_logs()
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
