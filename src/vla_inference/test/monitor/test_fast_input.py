"""FastInput: what happens to messages that cannot be taken."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import rclpy
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool

from vla_inference.monitor.fast_input import FastInput, WithoutExecutor, borrow_clock


def test_a_message_that_cannot_be_taken_is_told_and_the_next_is_served() -> None:
    answers = iter([RuntimeError("cannot be deserialized"), ("good", None)])
    errors: list[Exception] = []
    served: list[str] = []

    def take(kind: object, raw: bool) -> tuple[str, None]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    subscription = SimpleNamespace(
        handle=SimpleNamespace(take_message=take), msg_type=None, raw=False, callback=served.append
    )
    inputs = object.__new__(FastInput)  # without a wait set, which needs a live context
    inputs._stopping, inputs._on_error = False, errors.append
    inputs._take(subscription)
    inputs._take(subscription)
    assert [str(error) for error in errors] == ["cannot be deserialized"] and served == ["good"]


def test_the_clock_is_borrowed_under_its_name_of_this_node_and_given_back() -> None:
    """Two simulations in one ROS domain have a clock each, by a remapping."""
    owner = object()
    event = SimpleNamespace(callback_group=owner)
    clock = SimpleNamespace(topic_name="/left/clock", callback_group=owner, event_handlers=[event])
    other = SimpleNamespace(topic_name="/clock", callback_group=owner, event_handlers=[])
    node = SimpleNamespace(subscriptions=[clock, other], resolve_topic_name=lambda name: f"/left{name}")
    group = WithoutExecutor()
    borrowed, give_back = borrow_clock(node, group)  # type: ignore[arg-type]
    assert borrowed == [clock]
    assert clock.callback_group is event.callback_group is group and other.callback_group is owner
    give_back()
    assert clock.callback_group is event.callback_group is owner


class Counting:
    """A wait set that counts how often it is waited on."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.waits = inner, 0

    def wait(self, timeout_ns: int) -> None:
        self.waits += 1
        self._inner.wait(timeout_ns)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.ros
@pytest.mark.parametrize("warns", [True, False])
def test_a_publisher_of_another_quality_does_not_keep_it_awake(ros_domain: int, warns: bool) -> None:
    """A wait that an event ends which nobody takes ends at once for ever: at real-time priority that starves all."""
    context = rclpy.Context()
    rclpy.init(context=context)
    listener = rclpy.create_node("listener", context=context)
    talker = rclpy.create_node("talker", context=context)
    heard = threading.Semaphore(0)
    events: list[Any] = []
    callbacks = SubscriptionEventCallbacks(
        incompatible_qos=events.append if warns else None, use_default_callbacks=warns
    )
    subscription = listener.create_subscription(
        Bool, "t", lambda _: heard.release(), 1, callback_group=WithoutExecutor(), event_callbacks=callbacks
    )
    inputs = FastInput(listener, [subscription], lambda error: None)
    counting = inputs._wait_set = Counting(inputs._wait_set)
    inputs.start()
    try:
        unfit = talker.create_publisher(Bool, "t", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
        fit = talker.create_publisher(Bool, "t", 1)
        deadline = time.monotonic() + 60.0
        while not heard.acquire(timeout=0.05):  # it is discovered after the other
            assert time.monotonic() < deadline
            fit.publish(Bool())
        while warns and not events:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        before = counting.waits
        for _ in range(20):
            unfit.publish(Bool())
            fit.publish(Bool())
            assert heard.acquire(timeout=60.0)
        assert counting.waits - before < 200
    finally:
        inputs.stop()
        for node in (listener, talker):
            node.destroy_node()
        rclpy.shutdown(context=context)
