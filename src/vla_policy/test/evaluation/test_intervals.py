import pytest

from vla_policy.evaluation.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "attempts", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3, and its mirror
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published_intervals(successes, attempts, low, high):
    assert wilson(successes, attempts) == pytest.approx((low, high), abs=6e-5)
    mirrored = wilson(attempts - successes, attempts)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=6e-5)


@pytest.mark.parametrize(("successes", "attempts"), [(0, 0), (3, 2), (-1, 4)])
def test_impossible_counts_are_refused(successes, attempts):
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, attempts)
