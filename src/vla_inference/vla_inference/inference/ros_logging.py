"""What the ROS-free core logs, by the standard library, goes to the node's logger and so to /rosout."""

from __future__ import annotations

import logging
from collections.abc import Callable

from rclpy.node import Node

_LOGGERS = ("vla_core", "vla_inference", "policy_worker")


class _ToRos(logging.Handler):
    def __init__(self, node: Node) -> None:
        super().__init__(logging.INFO)
        self._logger = node.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        # One place in the code for each severity: rclpy refuses a place that changes its severity.
        text = f"{record.name}: {self.format(record)}"
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)


def forward_logs(node: Node) -> Callable[[], None]:
    """Forward from now on; returns what ends it, to be called before the node is destroyed."""
    handler = _ToRos(node)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)

    def end() -> None:
        for logger in loggers:
            logger.removeHandler(handler)

    return end
