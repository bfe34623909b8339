from __future__ import annotations

import pytest

from vla_core.remote.backoff import Backoff


def test_delays_grow_to_the_maximum() -> None:
    backoff = Backoff(first_s=0.5, factor=2.0, max_s=3.0)
    assert [backoff.delay_s(failures) for failures in (1, 2, 3, 4, 100_000)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize("arguments", [{"first_s": 0.0}, {"factor": 0.5}, {"max_s": 0.1}, {"healthy_s": -1.0}])
def test_nonsense_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="back-off"):
        Backoff(**arguments)


def test_failures_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        Backoff().delay_s(0)
