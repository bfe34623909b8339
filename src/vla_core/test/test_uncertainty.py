"""Doubt slows, more doubt slows more, and no doubt changes nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_core.contract import UncertaintySpec
from vla_core.errors import ActionError
from vla_core.uncertainty import HOLD, SLOWEST, DoubtMeter, speed_scale, token_entropy

SPEC = UncertaintySpec("token_entropy", window_s=1.0, full_speed_below=2.0, hold_above=3.0)
DOUBTS = st.floats(0.0, 10.0)
BINS = 256


@pytest.mark.parametrize(
    ("doubt", "scale"),
    [
        (0.0, 1.0),
        (2.0, 1.0),
        (math.nextafter(2.0, 3.0), 1.0),
        (2.25, 0.8),
        (2.5, 0.6),
        (3.0, SLOWEST),
        (math.nextafter(3.0, 4.0), HOLD),
        (math.log(BINS), HOLD),
    ],
)
def test_the_scale_by_hand(doubt: float, scale: float) -> None:
    assert speed_scale(SPEC, doubt) == pytest.approx(scale)


@given(one=DOUBTS, other=DOUBTS, low=st.floats(0.1, 5.0), width=st.floats(1e-6, 3.0))
def test_more_doubt_is_never_faster_and_the_scale_never_leaves_its_range(
    one: float, other: float, low: float, width: float
) -> None:
    spec = UncertaintySpec("token_entropy", 1.0, low, low + width)
    surer, unsurer = sorted((one, other))
    assert 0.0 < speed_scale(spec, unsurer) <= speed_scale(spec, surer) <= 1.0


@given(low=st.floats(0.1, 5.0), doubt=DOUBTS)
def test_up_to_the_threshold_the_speed_is_exactly_full(low: float, doubt: float) -> None:
    spec = UncertaintySpec("token_entropy", 1.0, low, low + 1.0)
    assert (speed_scale(spec, doubt) == 1.0) == (doubt <= low)


@pytest.mark.parametrize("doubt", [math.nan, math.inf, -math.inf])
def test_a_doubt_that_is_no_number_is_an_error_and_not_full_speed(doubt: float) -> None:
    with pytest.raises(ActionError, match="doubt"):
        speed_scale(SPEC, doubt)


def test_the_entropy_of_known_distributions() -> None:
    sure, split, lost = np.eye(BINS)[7], np.repeat([0.5, 0.0], [2, BINS - 2]), np.full(BINS, 1 / BINS)
    assert token_entropy(sure) == 0.0
    assert token_entropy(split) == pytest.approx(math.log(2))
    assert token_entropy(lost) == pytest.approx(math.log(BINS))
    assert token_entropy([[sure, lost], [split, lost]]) == pytest.approx((2 * math.log(BINS) + math.log(2)) / 4)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.1])
def test_the_entropy_of_what_is_no_distribution_is_an_error(wrong: float) -> None:
    with pytest.raises(ActionError, match="probabilities"):
        token_entropy([0.5, wrong, 0.5])


@given(weights=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=20).filter(lambda values: sum(values) > 0.01))
def test_entropy_lies_between_that_of_one_bin_and_that_of_all(weights: list[float]) -> None:
    values = np.array(weights) / sum(weights)
    assert 0.0 <= token_entropy(values) <= math.log(len(values)) + 1e-9


def test_doubt_is_judged_once_the_window_is_full_and_then_over_the_window() -> None:
    meter = DoubtMeter(0.3)
    answers = [meter.add(step * 100_000_000, doubt) for step, doubt in enumerate([5.0, 1.0, 1.0, 1.0, 1.0, 5.0])]
    assert answers == [None, None, None, pytest.approx(2.0), pytest.approx(1.0), pytest.approx(2.0)]


@pytest.mark.parametrize("rate_hz", [5, 10, 20])
def test_the_window_is_a_time_and_not_a_count(rate_hz: int) -> None:
    meter = DoubtMeter(2.0)
    answers = [meter.add(step * 1_000_000_000 // rate_hz, 1.0) for step in range(3 * rate_hz)]
    assert [answer is None for answer in answers] == [step < 2 * rate_hz for step in range(3 * rate_hz)]


def test_an_instruction_begins_without_doubt() -> None:
    meter = DoubtMeter(0.1)
    assert meter.add(0, 5.0) is None
    assert meter.add(100_000_000, 5.0) == 5.0
    meter.reset()
    assert meter.add(200_000_000, 5.0) is None


def test_time_that_goes_back_begins_anew() -> None:
    meter = DoubtMeter(0.1)
    meter.add(5_000_000_000, 9.0)
    meter.add(5_100_000_000, 9.0)
    assert meter.add(0, 1.0) is None
    assert meter.add(100_000_000, 1.0) == 1.0


def test_one_chunk_after_a_long_pause_is_not_judged_alone() -> None:
    meter = DoubtMeter(1.0)
    meter.add(0, 1.0)
    assert meter.add(60_000_000_000, 3.0) == 2.0
