"""FastInput: what happens to messages that cannot be taken."""

from __future__ import annotations

from types import SimpleNamespace

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
