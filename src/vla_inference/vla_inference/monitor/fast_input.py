"""Inputs served by a thread of their own, without the executor's bookkeeping.

An rclpy executor rebuilds its wait set from every entity of the node before each wait, which costs more than a
whole validation. The topics that commands and states arrive on are waited for here instead: their subscriptions are
in a callback group that no executor may serve.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from rclpy.callback_groups import CallbackGroup
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.node import Node
from rclpy.subscription import Subscription


class WithoutExecutor(CallbackGroup):
    """Entities of this group are served by FastInput alone."""

    def can_execute(self, entity: object) -> bool:
        """Never by an executor."""
        return False

    def beginning_execution(self, entity: object) -> bool:
        """Never by an executor."""
        return False

    def ending_execution(self, entity: object) -> None:
        """Nothing to do."""


class FastInput:
    """Takes messages and events of ``subscriptions`` and calls their callbacks, in one thread.

    An event that nobody takes, of a publisher with another quality of service, would end every wait at once.
    on_error: told about an exception of a callback, or of taking a message; the thread goes on.
    """

    def __init__(
        self, node: Node, subscriptions: Sequence[Subscription], on_error: Callable[[Exception], None]
    ) -> None:
        self._subscriptions = list(subscriptions)
        self._on_error = on_error
        self._wake = GuardCondition(None, WithoutExecutor(), context=node.context)
        self._events = [event for subscription in self._subscriptions for event in subscription.event_handlers]
        self._wait_set = _rclpy.WaitSet(len(self._subscriptions), 1, 0, 0, 0, 0, node.context.handle)
        self._event_wait_set = _rclpy.WaitSet(0, 0, 0, 0, 0, len(self._events), node.context.handle)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="input", daemon=True)

    def start(self) -> None:
        """Begin to take messages."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more; returns when no callback runs."""
        self._stopping = True
        self._wake.trigger()
        if self._thread.is_alive():
            self._thread.join()
        self._wake.destroy()

    def _run(self) -> None:
        by_pointer = {subscription.handle.pointer: subscription for subscription in self._subscriptions}
        handles = [subscription.handle for subscription in self._subscriptions]
        while not self._stopping:
            self._wait_set.clear_entities()
            for handle in handles:
                self._wait_set.add_subscription(handle)
            self._wait_set.add_guard_condition(self._wake.handle)
            self._wait_set.wait(1_000_000_000)
            ready = self._wait_set.get_ready_entities("subscription")
            for pointer in ready:
                self._take(by_pointer[pointer])
            if not ready:  # an event may have ended the wait
                self._take_events()

    def _take(self, subscription: Subscription) -> None:
        try:
            taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
            if taken is not None and not self._stopping:
                subscription.callback(taken[0])
        except Exception as error:  # one bad message must not end the input of all
            self._on_error(error)

    def _take_events(self) -> None:
        self._event_wait_set.clear_entities()
        for event in self._events:
            event.add_to_wait_set(self._event_wait_set)
        if self._events:
            self._event_wait_set.wait(0)
        for event in self._events:
            try:
                taken = event.take_data() if event.is_ready(self._event_wait_set) else None
                if taken is not None and not self._stopping:
                    event.callback(taken)
            except Exception as error:
                self._on_error(error)


def borrow_clock(node: Node, group: WithoutExecutor) -> tuple[list[Subscription], Callable[[], None]]:
    """The node's own subscription to /clock, if it has one, taken from its executor; and what gives it back.

    /clock comes 200 times a second, too often for an executor.
    """
    name = node.resolve_topic_name("/clock")  # it may be remapped: a second simulation has a clock of its own
    clocks = [subscription for subscription in node.subscriptions if subscription.topic_name == name]
    # Their events too: they share a condition with the data, and would wake the executor for every message.
    lent = [
        (entity, entity.callback_group)
        for subscription in clocks
        for entity in (subscription, *subscription.event_handlers)
    ]
    for entity, _ in lent:
        entity.callback_group = group

    def give_back() -> None:
        for entity, owner in lent:
            entity.callback_group = owner

    return clocks, give_back
