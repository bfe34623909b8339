import math

import numpy as np
import pytest

from vla_core.uncertainty import token_entropy
from vla_policy.training.signals import SIGNALS, measure

VALUES = np.linspace(-1.0, 1.0, 5)
ACTIONS = np.cumsum(np.full((4, 3), 0.1), axis=0)


def distributions(sure: bool) -> np.ndarray:
    row = np.eye(5)[2] if sure else np.full(5, 0.2)
    return np.tile(row, (4, 3, 1))


def test_a_network_that_knows_nothing_is_less_sure_by_every_signal_of_its_tokens() -> None:
    sure = measure(distributions(True), VALUES, 0.0, ACTIONS, ACTIONS)
    unsure = measure(distributions(False), VALUES, 0.5, ACTIONS, ACTIONS)
    assert {*sure} == {*unsure} == {*SIGNALS}
    for name in {*SIGNALS} - {"disagreement"}:
        assert sure[name] == pytest.approx(0.0) and unsure[name] > 0.1, name
    assert unsure["entropy"] == pytest.approx(math.log(5)) == pytest.approx(token_entropy(distributions(False)))
    assert unsure["done"] == pytest.approx(math.log(2))


def test_chunks_disagree_where_they_speak_of_the_same_period_in_another_way() -> None:
    rng = np.random.default_rng(0)
    way = np.cumsum(rng.normal(size=(5, 3)), axis=0)

    def disagreement(now: np.ndarray) -> float:
        return measure(distributions(True), VALUES, 0.0, now, way[:4])["disagreement"]

    assert disagreement(way[1:] + 3.0) == pytest.approx(0.0), "only increments are compared: chunks are relative"
    turned = way[1:].copy()
    turned[:, 0] *= -1.0
    assert disagreement(turned) > 0.1
    turned = way[1:].copy()
    turned[:, 2] *= -1.0
    assert disagreement(turned) == pytest.approx(0.0), "the gripper does not count"
    assert measure(distributions(True), VALUES, 0.0, way[1:], None)["disagreement"] == 0.0
