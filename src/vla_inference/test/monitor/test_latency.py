"""LatencyLog: the times of a chunk come from two threads, in any order."""

from __future__ import annotations

from vla_core.safety.clock import Now
from vla_inference.monitor.latency import PENDING, LatencyLog
from vla_msgs.msg import ActionChunk

MS = 1_000_000


def test_a_command_that_left_before_the_decision_was_noted_is_told_afterwards() -> None:
    log = LatencyLog()
    log.published(7, Now(30 * MS, 30 * MS))
    assert log.messages() == []
    log.decided(ActionChunk(chunk_id=7), Now(10 * MS, 10 * MS), Now(20 * MS, 20 * MS))
    (message,) = log.messages()
    assert (message.chunk_id, message.validation_ms, message.total_ms) == (7, 10.0, 30.0)
    assert log.messages() == []


def test_what_never_becomes_a_pair_does_not_pile_up() -> None:
    log = LatencyLog()
    for number in range(1, 10 * PENDING):
        log.published(2 * number, Now(0, 0))
        log.decided(ActionChunk(chunk_id=2 * number + 1), Now(0, 0), Now(0, 0))
    assert log.messages() == []
    assert len(log._published) == len(log._decisions) == PENDING
