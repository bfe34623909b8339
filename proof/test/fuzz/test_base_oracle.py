"""The base's oracle sees: twists that break one promise, each caught, and the sound gate that does not."""

from __future__ import annotations

import numpy as np
import pytest

from proof.fuzz import robots
from proof.fuzz.base_driver import BaseDriver
from proof.fuzz.base_oracle import BaseOracle
from proof.fuzz.journal import Journal, Rest
from proof.fuzz.offers import TwistOffer
from vla_core.safety.twist_gate import TwistCommand, TwistGate

MS = 1_000_000
PERIOD = 0.01


def ramp(speed, acceleration=2.0, jerk=40.0):
    """A trapezoid of acceleration up to ``speed`` [m/s] and down again, sampled, with zeros after it."""
    power = np.concatenate(
        [
            np.arange(0.0, acceleration, jerk * PERIOD),
            np.full(round((speed - acceleration**2 / jerk) / acceleration / PERIOD), acceleration),
            np.arange(acceleration, 0.0, -jerk * PERIOD),
        ]
    )
    up = np.cumsum(power) * PERIOD
    up *= speed / up[-1]
    return np.concatenate([up, up[::-1], np.zeros(51)])


def promises(speeds, rests=(), axis=0, armed=True, end_ms=5000, every_ms=10.0):
    journal = Journal(np.zeros(6), first_armed_ns=0 if armed else None, end_ns=end_ms * MS, rests=list(rests))
    for k, speed in enumerate(speeds):
        twist = np.zeros(6)
        twist[axis] = speed
        journal.twists.append((round((k + 1) * every_ms * MS), twist))
    return {escape.promise for escape in BaseOracle(robots.base_limits()).judge(journal)}


def test_a_ramp_inside_every_limit_passes():
    assert promises(ramp(0.49, 1.9, 35.0)) == set()


def test_one_percent_over_a_limit_is_caught():
    assert promises(ramp(0.505, 1.9, 35.0)) == {"speed"}
    assert "twist_acceleration" not in promises(np.linspace(0.0, 0.4, 21))
    assert "twist_acceleration" in promises(np.linspace(0.0, 0.404, 21))
    assert promises(ramp(0.3, 1.2, 44.0)) == {"twist_jerk"}


def test_an_axis_that_the_base_lacks_and_what_is_not_finite_are_caught():
    assert promises(ramp(0.1, 0.5, 10.0), axis=1) == {"axis"}
    assert "finite" in promises([0.0, np.nan, 0.0])


def test_a_base_that_goes_on_is_caught():
    drive = np.concatenate([ramp(0.4, 1.9, 35.0)[:30], np.full(60, 0.3)])
    stop = Rest("an emergency stop", 100 * MS, 0.4)
    assert "rest" in promises(drive, [stop])
    assert "zeros" in promises(drive)


def test_a_base_that_falls_silent_while_it_moves_is_caught():
    drive = ramp(0.4, 1.9, 35.0)[:20]
    assert "rest" in promises(drive, [Rest("the button", 150 * MS, 0.4)])


def test_zeros_that_never_end_and_talk_before_the_arming_are_caught():
    zeros = np.concatenate([ramp(0.4, 1.9, 35.0), np.zeros(200)])
    assert promises(zeros, [Rest("a stop", 500 * MS, 0.4, None, False, 0.55)]) == {"silence"}
    assert promises([0.0], armed=False) == {"disarmed"}


class Slips(TwistGate):
    """A percent too fast."""

    def tick(self, now):
        command = super().tick(now)
        return None if command is None else TwistCommand(command.twist * 1.01, command.trace)


class IgnoresStops(TwistGate):
    def stop(self, verdict):
        pass


class Forever(TwistGate):
    def tick(self, now):
        return super().tick(now) or TwistCommand(np.zeros(6), None)


def scene(gate):
    driver = BaseDriver(gate, np.random.default_rng(4))
    driver.wait(3)
    driver.reset()
    twist = np.array([[0.5, 0.0, 0.0, 0.0, 0.0, 1.5]])
    for _ in range(40):
        driver.offer(TwistOffer("twist", "base_link", np.zeros(1), twist))
        driver.wait(2)
    driver.emergency_stop()
    driver.wait(20)
    for _ in range(20):
        driver.offer(TwistOffer("twist", "base_link", np.zeros(1), twist))
        driver.wait(2)
    driver.settle()
    return {escape.promise for escape in BaseOracle(robots.base_limits()).judge(driver.journal)}


@pytest.mark.parametrize(
    "gate, expected",
    [(TwistGate, set()), (Slips, {"speed"}), (IgnoresStops, {"rest"}), (Forever, {"disarmed", "silence"})],
)
def test_broken_gates_are_caught(gate, expected):
    found = scene(gate(robots.base()))
    assert found == expected if not expected else found & expected
