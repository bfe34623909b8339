"""MuJoCo sees what the arm would meet."""

from __future__ import annotations

import numpy as np
import pytest

from proof.fuzz import robots
from proof.fuzz.aims import COLLIDING
from proof.fuzz.journal import Journal
from proof.fuzz.story import HOME

MS = 1_000_000


def seen(*places, home=HOME, every_ms=100):
    journal = Journal(home)
    for k, place in enumerate(places):
        journal.samples.append((k * every_ms * MS, np.stack([place, 0.0 * place, 0.0 * place])))
    return robots.truth().judge(journal)


def test_home_is_free():
    counts, escapes = seen(HOME)
    assert escapes == [] and counts["samples in contact"] == 0


@pytest.mark.parametrize("place", range(len(COLLIDING)))
def test_the_places_that_collide_do(place):
    assert robots.truth().contacts(COLLIDING[place])


def test_the_table_and_the_arms_own_body_are_told_apart():
    way = np.linspace(HOME, COLLIDING[0], 30)
    counts, escapes = seen(*way, every_ms=1000)
    assert {escape.promise for escape in escapes} == {"contact_table"}
    assert counts["samples in contact"] > 0
    _, escapes = seen(*np.linspace(HOME, COLLIDING[1], 30), every_ms=1000)
    assert "contact_self" in {escape.promise for escape in escapes}


def test_an_arm_that_began_in_contact_is_not_blamed():
    assert seen(COLLIDING[0], home=COLLIDING[0])[1] == []


def test_the_simulators_own_limits_count():
    beyond = HOME.copy()
    beyond[0] = 2.9
    assert "simulated_position" in {escape.promise for escape in seen(HOME, beyond, every_ms=5000)[1]}
    fast = HOME.copy()
    fast[0] = 0.22
    assert {escape.promise for escape in seen(HOME, fast)[1]} == {"simulated_velocity"}
