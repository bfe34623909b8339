from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.controllers import CommandRejectedError, DiffDriveController, DiffDriveOptions, Velocity

MS = 1_000_000
FAST = DiffDriveOptions(max_linear_acceleration=1e6, max_angular_acceleration=1e6)


def test_drives_as_commanded_until_the_timeout_then_stops() -> None:
    base = DiffDriveController(FAST)
    base.update(MS)
    base.command(Velocity(0.3, -0.2), stamp_ns=2 * MS, now_ns=2 * MS)
    assert base.update(3 * MS) == Velocity(0.3, -0.2)
    assert base.update(502 * MS) == Velocity(0.3, -0.2)
    assert base.update(503 * MS) == Velocity(0.0, 0.0)


def test_stamp_zero_is_now() -> None:
    base = DiffDriveController(FAST)
    base.update(9000 * MS)
    base.command(Velocity(0.3, 0.0), stamp_ns=0, now_ns=9000 * MS)
    assert base.update(9001 * MS) == Velocity(0.3, 0.0)


def test_a_stale_command_is_refused() -> None:
    base = DiffDriveController(FAST)
    with pytest.raises(CommandRejectedError, match="old"):
        base.command(Velocity(0.3, 0.0), stamp_ns=MS, now_ns=1000 * MS)
    assert base.update(1001 * MS) == Velocity()


@pytest.mark.parametrize("velocity", [Velocity(math.nan, 0.0), Velocity(0.0, math.inf)])
def test_non_finite_commands_are_refused(velocity: Velocity) -> None:
    base = DiffDriveController(FAST)
    with pytest.raises(CommandRejectedError, match="finite"):
        base.command(velocity, stamp_ns=0, now_ns=MS)


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=20))
def test_velocity_and_acceleration_stay_within_limits(commands: list[tuple[float, float]]) -> None:
    base = DiffDriveController()
    limits, previous, now_ns = base.options, Velocity(), MS
    base.update(now_ns)
    for linear, angular in commands:
        base.command(Velocity(linear, angular), stamp_ns=0, now_ns=now_ns)
        now_ns += 10 * MS
        current = base.update(now_ns)
        assert abs(current.linear) <= limits.max_linear_velocity
        assert abs(current.angular) <= limits.max_angular_velocity
        assert abs(current.linear - previous.linear) <= limits.max_linear_acceleration * 0.01 + 1e-12
        assert abs(current.angular - previous.angular) <= limits.max_angular_acceleration * 0.01 + 1e-12
        previous = current
