"""Ground truth finds what is there to be found, and nothing at home."""

from __future__ import annotations

import numpy as np
import pytest

from proof.faults.cli import SHIPPED
from proof.faults.config import load
from proof.faults.record import Sample
from proof.faults.truth import Truth

CONFIG = load(SHIPPED).truth
HOME = np.array(CONFIG.home_rad)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth(CONFIG)


def at(position: np.ndarray, velocity: np.ndarray | None = None) -> list[Sample]:
    return [Sample(0, 0, position, np.zeros(7) if velocity is None else velocity)]


def moved(joint: int, by_rad: float) -> np.ndarray:
    position = HOME.copy()
    position[joint] += by_rad
    return position


def test_home_is_clean(truth: Truth) -> None:
    assert truth.excess(at(HOME)) == 0.0
    assert truth.contact(at(HOME)) == ""
    assert truth.excess([]) == 0.0


def test_excess_is_a_share_of_half_the_range_or_of_the_velocity(truth: Truth) -> None:
    assert truth.excess(at(np.where(np.arange(7) == 0, 2.8973 * 1.1, HOME))) == pytest.approx(0.1)
    assert truth.excess(at(HOME, np.full(7, 2.175 * 1.2))) == pytest.approx(0.2)
    assert truth.excess(at(HOME, np.full(7, np.nan))) == np.inf


def test_the_arm_in_the_table_and_in_itself_is_contact(truth: Truth) -> None:
    reaching_down = HOME.copy()
    reaching_down[1], reaching_down[3] = 1.6, -0.6
    assert "table" in truth.contact(at(reaching_down))
    folded = HOME.copy()
    folded[3], folded[5] = -3.07, 0.0
    assert "link7" in truth.contact(at(folded))
