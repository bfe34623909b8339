"""A buffer keeps the recent samples of one clock."""

from __future__ import annotations

import pytest

from vla_core.sync import StampedBuffer


def filled(*stamps_ns: int, span_ns: int = 100, depth: int = 10) -> StampedBuffer[str]:
    buffer: StampedBuffer[str] = StampedBuffer(span_ns=span_ns, depth=depth)
    for stamp in stamps_ns:
        buffer.add(stamp, f"at {stamp}")
    return buffer


def test_an_empty_buffer_has_nothing() -> None:
    buffer = filled()
    assert (buffer.newest_ns, buffer.nearest(5), buffer.between(0, 9), buffer.rate_hz()) == (None,) * 4
    assert buffer.stamps_ns() == []


def test_samples_beyond_the_span_are_forgotten() -> None:
    assert filled(0, 50, 100).stamps_ns() == [0, 50, 100]
    assert filled(0, 50, 101).stamps_ns() == [50, 101]


def test_samples_beyond_the_depth_are_forgotten() -> None:
    assert filled(1, 2, 3, 4, depth=2).stamps_ns() == [3, 4]


def test_a_stamp_that_steps_back_starts_anew_and_is_counted() -> None:
    buffer = filled(10, 20, 15, 16)
    assert buffer.stamps_ns() == [15, 16] and buffer.back_steps == 1


def test_the_same_stamp_again_is_dropped() -> None:
    buffer = filled(10, 20)
    buffer.add(20, "another")
    assert buffer.nearest(20) == (20, "at 20") and buffer.back_steps == 0


@pytest.mark.parametrize(("wanted", "got"), [(-5, 10), (14, 10), (15, 10), (16, 20), (20, 20), (26, 30), (99, 30)])
def test_the_nearest_sample_is_found_on_either_side(wanted: int, got: int) -> None:
    assert filled(10, 20, 30).nearest(wanted) == (got, f"at {got}")


@pytest.mark.parametrize(
    ("low", "high", "got"), [(10, 10, 10), (11, 30, 20), (0, 9, None), (31, 40, None), (9, 40, 10)]
)
def test_the_oldest_between_two_stamps_is_found(low: int, high: int, got: int | None) -> None:
    assert filled(10, 20, 30).between(low, high) == (None if got is None else (got, f"at {got}"))


def test_the_rate_is_that_of_the_stamps() -> None:
    assert filled(0).rate_hz() is None
    assert filled(0, 25_000_000, span_ns=10**9).rate_hz() == pytest.approx(40.0)
    assert filled(0, 25_000_000, 50_000_000, span_ns=10**9).rate_hz() == pytest.approx(40.0)
