"""Letting messages in while a lifecycle transition holds the executor.

rclpy runs a transition inside a service callback, so a single-threaded executor takes no message until it returns.
Activation has to look at live data; it takes the messages itself, as rclpy.wait_for_message does.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node

from vla_inference.monitor.fast_input import WithoutExecutor

_POLL_S = 0.005


def take_all(node: Node) -> int:
    """Run the callback of every message that waits in a subscription of ``node``; how many there were.

    Those that another thread serves are left to it.
    """
    taken = 0
    for subscription in list(node.subscriptions):
        if isinstance(subscription.callback_group, WithoutExecutor):
            continue
        with subscription.handle:
            pair = subscription.handle.take_message(subscription.msg_type, subscription.raw)
        if pair is not None:
            subscription.callback(pair[0])
            taken += 1
    return taken


def pump_until(node: Node, condition: Callable[[], bool], timeout_s: float, steady_s: Callable[[], float]) -> bool:
    """Take messages until ``condition`` holds (True) or ``timeout_s`` of the steady clock is over (False)."""
    give_up = steady_s() + timeout_s
    while not condition():
        if take_all(node) == 0:
            if steady_s() >= give_up:
                return False
            time.sleep(_POLL_S)
    return True
