"""FastInput: what happens to messages that cannot be taken."""

from __future__ import annotations

from types import SimpleNamespace

from vla_inference.monitor.fast_input import FastInput


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
