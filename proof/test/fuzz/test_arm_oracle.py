"""The oracle sees: messages that break one promise by a little, each caught, and their neighbours that do not."""

from __future__ import annotations

import numpy as np
import pytest

from proof.fuzz import robots
from proof.fuzz.controller import Controller
from proof.fuzz.journal import Journal, Rest
from proof.fuzz.oracle import ArmOracle
from proof.fuzz.story import HOME

MS = 1_000_000
# position, velocity, acceleration, jerk limits of joint1, as the arm's files state them
UPPER, VELOCITY, ACCELERATION, JERK = 2.8973, 2.175, 15.0, 7500.0
PEAKS = (1.875, 10.0 / np.sqrt(3.0), 60.0)


def knot(position, velocity=0.0, acceleration=0.0, joint=0):
    state = np.zeros((3, 7))
    state[0] = HOME
    state[:, joint] = position, velocity, acceleration
    return state


def promises(*messages, home=HOME, rests=(), armed=True, end_ns=10_000 * MS):
    """What the oracle says about ``messages``: (ms, [(ms from then, state)], gripper)."""
    journal = Journal(home, first_armed_ns=0 if armed else None, end_ns=end_ns, rests=list(rests))
    controller = Controller(home)
    for at, points, *grip in messages:
        times = tuple(round(ms * MS) for ms, _ in points)
        states = np.array([state for _, state in points]).reshape(-1, 3, 7)
        journal.messages.append(controller.receive(at * MS, times, states, *grip))
    return {escape.promise for escape in ArmOracle(*robots.arm_limits()).judge(journal)}


def rest_to_rest(peak, order, way):
    """Joint1 by ``way``, so that the derivative of ``order`` peaks at ``peak``."""
    duration = (PEAKS[order - 1] * way / peak) ** (1.0 / order)
    return (1, [(duration * 1e3, knot(way))])


LIMITS = [("velocity", 1, VELOCITY, 1.5), ("acceleration", 2, ACCELERATION, 0.1), ("jerk", 3, JERK, 2e-4)]


@pytest.mark.parametrize("name, order, limit, way", LIMITS)
def test_one_percent_over_a_limit_is_caught_and_the_limit_itself_is_not(name, order, limit, way):
    assert promises(rest_to_rest(1.01 * limit, order, way)) == {name}
    assert promises(rest_to_rest((1.0 - 1e-6) * limit, order, way)) == set()


def test_a_position_limit_is_kept_between_knots_too():
    over = [(600, knot(UPPER - 0.01, 0.5)), (900, knot(UPPER - 0.01))]
    start = np.array([UPPER - 0.3, *HOME[1:]])
    assert promises((1, over), home=start) == {"position"}
    assert promises((1, [(600, knot(UPPER + 2e-6))]), home=start) == {"position"}
    assert promises((1, [(600, knot(UPPER))]), home=start) == set()


def test_an_arm_that_stood_outside_may_come_back_but_not_go_further():
    start = np.array([UPPER + 0.05, *HOME[1:]])
    assert promises((1, [(500, knot(UPPER - 0.1))]), home=start) == set()
    assert promises((1, [(500, knot(UPPER + 0.06))]), home=start) == {"position"}


def test_a_jump_is_caught():
    assert "acceleration" in promises((1, [(80, knot(0.1))]))
    moving = [(200, knot(0.1, 1.0)), (600, knot(0.3))]
    assert promises((1, moving)) == set()
    assert "jerk" in promises((1, moving), (101, [(10, knot(0.06, 0.8)), (500, knot(0.25))]))


def test_what_does_not_end_at_rest_is_caught():
    assert promises((1, [(500, knot(0.1, 0.1))])) == {"ends_at_rest"}
    assert promises((1, [(500, knot(0.1, 0.0, 1e-3))])) == {"ends_at_rest"}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_caught(value):
    assert promises((1, [(500, knot(value))])) == {"finite"}


@pytest.mark.parametrize("times", [(0, 500), (500, 500), (500, 400), (-1, 500)])
def test_times_that_do_not_increase_are_caught(times):
    assert promises((1, [(times[0], knot(0.0)), (times[1], knot(0.01))])) == {"times"}


def test_an_empty_message_is_caught():
    assert promises((1, [])) == {"shape"}


def test_anything_published_before_the_arming_is_caught():
    assert promises((1, [(500, knot(0.0))]), armed=False) == {"disarmed"}


def test_a_stop_that_is_ignored_or_late_is_caught():
    go_on = (1, [(2000, knot(0.5))])
    stop = Rest("an emergency stop", 500 * MS, 0.4)
    assert promises(go_on, rests=[stop]) == {"rest"}
    assert promises(go_on, rests=[Rest("an emergency stop", 1700 * MS, 0.4)]) == set()
    assert promises(go_on, rests=[Rest("a stop that ended early", 500 * MS, 0.4, 800 * MS)]) == set()


def test_a_command_to_be_where_the_arm_stands_is_no_motion():
    stop = Rest("an emergency stop", 500 * MS, 0.4)
    lead = (900, [(800, knot(0.2))], None)
    assert promises(lead, rests=[stop]) == {"rest"}
    assert promises((*lead, np.array([0.2, *HOME[1:]])), rests=[stop]) == set()


def test_an_old_plan_that_runs_after_a_reset_is_caught():
    idle = Rest("a reset, before anything fresh was commanded", 5000 * MS, 0.0, 6000 * MS)
    assert promises((5100, [(500, knot(0.01))]), rests=[idle]) == {"rest"}
    assert promises((6001, [(500, knot(0.01))]), rests=[idle]) == set()


def test_what_is_published_long_after_a_stop_is_caught_although_it_rests():
    stop = Rest("a stop", 0, 0.4, None, False, 0.55)
    assert promises((940, [(80, knot(0.0))]), rests=[stop]) == set()
    assert promises((960, [(80, knot(0.0))]), rests=[stop]) == {"silence"}


def test_the_gripper_stays_in_its_range_and_at_its_pace_and_still_in_a_stop():
    def still(ms, grip):
        return (ms, [(80, knot(0.0))], grip)

    assert promises(still(1, 0.02), still(11, 0.022)) == set()
    assert promises(still(1, 0.0401)) == {"gripper_range"}
    assert promises(still(1, float("nan"))) == {"gripper_range"}
    assert promises(still(1, 0.02), still(11, 0.0221)) == {"gripper_speed"}
    stop = Rest("a stop", 5 * MS, 0.4, None, True)
    assert promises(still(1, 0.02), still(11, 0.02), rests=[stop]) == set()
    assert promises(still(1, 0.02), still(11, 0.0201), rests=[stop]) == {"gripper_stop"}
    assert promises(still(11, 0.02), rests=[stop]) == set()  # the first is where it was measured


def test_the_oracle_reads_the_limits_of_the_shipped_arm():
    arm, gripper = robots.arm_limits()
    assert (arm.upper[0], arm.velocity[0], arm.acceleration[0], arm.jerk[0]) == (UPPER, VELOCITY, ACCELERATION, JERK)
    assert (gripper.lower[0], gripper.upper[0], gripper.velocity[0]) == (0.0, 0.04, 0.2)
