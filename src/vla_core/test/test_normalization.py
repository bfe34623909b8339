"""Normalizing and unnormalizing are inverses, and never let a number that is not finite through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vla_core.contract import NormalizationSpec
from vla_core.errors import ActionError, ObservationError
from vla_core.normalization import Normalizer
from vla_core.testing import make_contract_example

NAMES = ("a", "b", "c")
SPREAD = 1.0e-3
finite = st.floats(-1e6, 1e6)


@st.composite
def specs(draw: st.DrawFn) -> NormalizationSpec:
    """A spec of three dimensions with a spread that rounding cannot eat."""
    first = draw(arrays(np.float64, 3, elements=st.floats(-100, 100)))
    spread = draw(arrays(np.float64, 3, elements=st.floats(SPREAD, 100)))
    method = draw(st.sampled_from(["mean_std", "min_max", "quantile", "none"]))
    mask = draw(st.none() | st.tuples(*[st.booleans()] * 3))
    low, high = tuple(first.tolist()), tuple((first + spread).tolist())
    if method == "mean_std":
        return NormalizationSpec(method, mean=low, std=tuple(spread.tolist()), mask=mask)
    if method == "min_max":
        return NormalizationSpec(method, min=low, max=high, mask=mask)
    if method == "quantile":
        return NormalizationSpec(method, q01=low, q99=high, mask=mask)
    return NormalizationSpec(method, mask=mask)


@settings(deadline=None)
@given(specs(), arrays(np.float64, (4, 3), elements=finite))
def test_unnormalize_undoes_normalize(spec: NormalizationSpec, values: np.ndarray) -> None:
    normalizer = Normalizer(spec, NAMES)
    np.testing.assert_allclose(normalizer.unnormalize(normalizer.normalize(values)), values, rtol=1e-9, atol=1e-6)


@settings(deadline=None)
@given(specs(), arrays(np.float64, (2, 3), elements=finite))
def test_order_is_kept(spec: NormalizationSpec, values: np.ndarray) -> None:
    low, high = np.sort(values, axis=0)
    normalizer = Normalizer(spec, NAMES)
    assert (normalizer.normalize(low) <= normalizer.normalize(high)).all()
    assert (normalizer.unnormalize(low) <= normalizer.unnormalize(high)).all()


@settings(deadline=None)
@given(specs(), arrays(np.float64, 3, elements=finite))
def test_a_masked_dimension_passes_unchanged(spec: NormalizationSpec, values: np.ndarray) -> None:
    mask = np.array(spec.mask if spec.mask is not None else (True,) * 3)
    result = Normalizer(spec, NAMES).normalize(values)
    np.testing.assert_array_equal(result[~mask], values[~mask])


@pytest.mark.parametrize("method", ["min_max", "quantile"])
def test_the_range_becomes_minus_one_to_one(method: str) -> None:
    low, high = (-3.0, 0.0, 1.0), (1.0, 4.0, 1.5)
    spec = (
        NormalizationSpec(method, min=low, max=high)
        if method == "min_max"
        else NormalizationSpec(method, q01=low, q99=high)
    )
    normalizer = Normalizer(spec, NAMES)
    np.testing.assert_allclose(normalizer.normalize([low, high]), [[-1.0] * 3, [1.0] * 3])
    np.testing.assert_allclose(normalizer.normalize([3.0, 8.0, 2.0]), [2.0, 3.0, 3.0])  # beyond stays beyond


def test_mean_std_is_the_standard_score() -> None:
    spec = NormalizationSpec("mean_std", mean=(1.0, 2.0, 3.0), std=(0.5, 1.0, 2.0))
    np.testing.assert_allclose(Normalizer(spec, NAMES).normalize([2.0, 2.0, -1.0]), [2.0, 0.0, -2.0])


@pytest.mark.parametrize(
    "spec",
    [
        NormalizationSpec("mean_std", mean=(1.0, 2.0, 5.0), std=(0.5, 1.0, 0.0)),
        NormalizationSpec("min_max", min=(0.0, 0.0, 5.0), max=(1.0, 1.0, 5.0)),
        NormalizationSpec("quantile", q01=(0.0, 0.0, 5.0), q99=(1.0, 1.0, 5.0)),
    ],
)
def test_a_constant_dimension_is_zero_inside_and_its_constant_outside(spec: NormalizationSpec) -> None:
    normalizer = Normalizer(spec, NAMES)
    assert normalizer.normalize([0.0, 0.0, 5.0])[2] == 0.0
    assert normalizer.normalize([0.0, 0.0, 6.0])[2] == 0.0
    assert normalizer.unnormalize([0.0, 0.0, 0.7])[2] == 5.0


def test_statistics_per_step_apply_to_their_own_step() -> None:
    spec = NormalizationSpec("quantile", q01=((-1.0,) * 3, (-2.0,) * 3), q99=((1.0,) * 3, (2.0,) * 3))
    normalizer = Normalizer(spec, NAMES)
    np.testing.assert_allclose(normalizer.unnormalize(np.ones((2, 3))), [[1.0] * 3, [2.0] * 3])
    np.testing.assert_allclose(normalizer.unnormalize(np.ones((5, 2, 3)))[4, 1], [2.0] * 3)
    with pytest.raises(ActionError, match=r"shape \(..., 2, 3\) for a, b, c; got \(3,\)"):
        normalizer.unnormalize(np.ones(3))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_refused_by_name(bad: float) -> None:
    normalizer = Normalizer(NormalizationSpec("none", mask=(False, True, True)), NAMES)
    with pytest.raises(ObservationError, match=r"^b: value is"):
        normalizer.normalize([0.0, bad, 0.0])
    with pytest.raises(ActionError, match=r"^a: normalized value is .* at index \(1, 0\)"):
        normalizer.unnormalize([[0.0, 0.0, 0.0], [bad, 0.0, 0.0]])


def test_extremes_do_not_overflow_silently() -> None:
    wide = NormalizationSpec("min_max", min=(-1.5e308,) * 3, max=(1.5e308,) * 3)
    np.testing.assert_allclose(Normalizer(wide, NAMES).normalize([1.5e308] * 3), [1.0] * 3)
    narrow = NormalizationSpec("mean_std", mean=(0.0,) * 3, std=(1e-300,) * 3)
    with pytest.raises(ObservationError, match=r"a: normalized value is inf"):
        Normalizer(narrow, NAMES).normalize([1e300, 0.0, 0.0])


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(ObservationError, match=r"expected numbers of shape \(..., 3\) for a, b, c; got \(4,\)"):
        Normalizer(NormalizationSpec("none"), NAMES).normalize(np.zeros(4))


def test_of_a_contract() -> None:
    contract = make_contract_example()
    state = Normalizer.of_state(contract)
    np.testing.assert_allclose(state.normalize(contract.normalization.state.mean), np.zeros(8))
    chunk = Normalizer.of_action(contract).unnormalize(np.ones((8, 8)))
    np.testing.assert_allclose(chunk[3], [0.2] * 7 + [0.04])
