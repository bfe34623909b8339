"""Both conventions lose at most half a bin, keep order, and refuse what is no action."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.contract import TokenizerSpec
from vla_core.errors import ActionError
from vla_core.tokenizers import (
    ActionTokenizer,
    BinCentersTokenizer,
    EndpointGridTokenizer,
    decode_logits,
    make_tokenizer,
)

CONVENTIONS = ("endpoint_grid", "bin_centers")


@st.composite
def tokenizers(draw: st.DrawFn) -> ActionTokenizer:
    """Either convention, any range and number of bins, alone or at the end of a vocabulary."""
    low = draw(st.floats(-10, 10))
    spec = TokenizerSpec(
        convention=draw(st.sampled_from(CONVENTIONS)),
        bins=draw(st.integers(3, 512)),
        low=low,
        high=low + draw(st.floats(0.01, 20)),
        decode="expected",
    )
    return make_tokenizer(spec, vocabulary=draw(st.sampled_from([None, 32000])))


@settings(deadline=None)
@given(tokenizers(), st.floats(0, 1))
def test_a_round_trip_loses_at_most_half_a_bin(tokenizer: ActionTokenizer, where: float) -> None:
    value = min(tokenizer.low + where * (tokenizer.high - tokenizer.low), tokenizer.high)
    decoded = tokenizer.decode(tokenizer.encode(value))
    assert abs(float(decoded) - value) <= tokenizer.max_error + 1e-9
    assert tokenizer.max_error == pytest.approx((tokenizer.high - tokenizer.low) / (tokenizer.bins - 1) / 2)


@settings(deadline=None)
@given(tokenizers(), st.floats(0, 1), st.floats(0, 1))
def test_order_is_kept(tokenizer: ActionTokenizer, one: float, other: float) -> None:
    span = tokenizer.high - tokenizer.low
    pair = np.clip(tokenizer.low + np.sort([one, other]) * span, tokenizer.low, tokenizer.high)
    low, high = tokenizer.decode(tokenizer.encode(pair))
    assert low <= high


@settings(deadline=None)
@given(tokenizers())
def test_decoded_numbers_encode_to_themselves(tokenizer: ActionTokenizer) -> None:
    ids = np.arange(tokenizer.first_id, tokenizer.first_id + tokenizer.bins)
    values = tokenizer.decode(ids)
    np.testing.assert_array_equal(tokenizer.decode(tokenizer.encode(values)), values)
    assert ((values >= tokenizer.low) & (values <= tokenizer.high)).all()


@settings(deadline=None)
@given(tokenizers(), st.integers(-1000, 100_000))
def test_an_id_outside_the_action_range_is_an_error_never_clipped(tokenizer: ActionTokenizer, token: int) -> None:
    last = tokenizer.first_id + tokenizer.bins - 1
    if tokenizer.first_id <= token <= last:
        tokenizer.decode(token)
        return
    with pytest.raises(ActionError, match=rf"token id {token} is not an action; action ids are .* to {last}"):
        tokenizer.decode([tokenizer.first_id, token])


def test_256_edges_make_255_centers() -> None:
    tokenizer = BinCentersTokenizer(256, -1.0, 1.0, vocabulary=32000)
    assert (tokenizer.first_id, tokenizer.bins) == (31744, 256)
    assert len(np.unique(tokenizer.values)) == 255
    assert tokenizer.values.max() == pytest.approx(1 - 1 / 255)
    # The published formulas, by hand: id = 32000 - digitize, centre index = digitize - 1.
    assert tokenizer.encode([-1.0, 0.0, 1.0]).tolist() == [31999, 31872, 31744]
    assert tokenizer.decode(31999) == pytest.approx(-1 + 1 / 255)
    assert tokenizer.decode(31744) == tokenizer.decode(31745)
    assert tokenizer.decode(31872) == pytest.approx(0.0)


def test_the_endpoint_grid_holds_both_ends() -> None:
    tokenizer = EndpointGridTokenizer(256, -1.0, 1.0)
    assert tokenizer.encode([-1.0, 1.0]).tolist() == [0, 255]
    assert tokenizer.decode([0, 255]).tolist() == [-1.0, 1.0]
    assert len(np.unique(tokenizer.values)) == 256


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_number_outside_the_range_is_refused_unless_clipped(convention: str) -> None:
    tokenizer = make_tokenizer(TokenizerSpec(convention, 256, -1.0, 1.0, "argmax"))
    with pytest.raises(ActionError, match=r"cannot tokenize 1.5: outside \[-1, 1\]"):
        tokenizer.encode([0.0, 1.5])
    assert tokenizer.encode(1.5, clip=True) == tokenizer.encode(1.0)
    with pytest.raises(ActionError, match="not finite"):
        tokenizer.encode(np.nan, clip=True)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_sure_model_decodes_to_its_bin_both_ways(convention: str) -> None:
    for decode in ("expected", "argmax"):
        spec = TokenizerSpec(convention, 256, -1.0, 1.0, decode)
        tokenizer = make_tokenizer(spec)
        ids = np.arange(256)
        logits = np.where(np.eye(256, dtype=bool), 500.0, -500.0)
        np.testing.assert_allclose(decode_logits(tokenizer, spec, logits), tokenizer.decode(ids), atol=1e-12)


def test_expected_lies_between_two_equal_peaks_and_argmax_on_one() -> None:
    tokenizer = EndpointGridTokenizer(5, 0.0, 4.0)
    logits = np.array([-np.inf, 3.0, -np.inf, 3.0, -np.inf])
    assert tokenizer.decode_expected(logits) == pytest.approx(2.0)
    assert tokenizer.decode_argmax(logits) == 1.0


@settings(deadline=None)
@given(tokenizers(), st.integers(0, 2**32 - 1), st.floats(0.01, 1e4))
def test_expected_stays_in_range_and_ignores_a_common_offset(
    tokenizer: ActionTokenizer, seed: int, size: float
) -> None:
    logits = np.random.default_rng(seed).normal(0, size, (3, tokenizer.bins))
    value = tokenizer.decode_expected(logits)
    assert ((value >= tokenizer.low) & (value <= tokenizer.high)).all()
    np.testing.assert_allclose(tokenizer.decode_expected(logits + 1e3), value, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(tokenizer.probabilities(logits).sum(axis=-1), 1.0)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.zeros((2, 255)), r"expected logits of shape \(..., 256\); got \(2, 255\)"),
        (np.full(256, np.nan), "NaN"),
        (np.full(256, -np.inf), "infinite"),
        (np.full(256, np.inf), "infinite"),
        (np.float64(1.0), r"got \(\)"),
    ],
)
def test_logits_that_say_nothing_are_refused(logits: np.ndarray, message: str) -> None:
    tokenizer = EndpointGridTokenizer(256, -1.0, 1.0)
    for decode in (tokenizer.decode_expected, tokenizer.decode_argmax, tokenizer.probabilities):
        with pytest.raises(ActionError, match=message):
            decode(logits)


def test_ids_must_be_integers() -> None:
    with pytest.raises(ActionError, match="integers; got float64"):
        EndpointGridTokenizer(256, -1.0, 1.0).decode([1.0])


def test_impossible_ranges_are_a_bug() -> None:
    with pytest.raises(ValueError, match="in this order"):
        EndpointGridTokenizer(256, 1.0, -1.0)
    with pytest.raises(ValueError, match="no room"):
        BinCentersTokenizer(256, -1.0, 1.0, vocabulary=100)
