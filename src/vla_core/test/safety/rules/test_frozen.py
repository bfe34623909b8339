"""Joint states that repeat themselves, swept across how often and how far the command moves meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from vla_core.safety.decision import Decision
from vla_core.safety.rules.frozen import MOTION, REPEATS, FrozenRule
from vla_core.safety.status import State

HERE = np.array([0.1, -0.2])


def after(repeats: int, moved: float, joint: int = 0):
    """The verdict when one state has come 1 + ``repeats`` times while the command moved by ``moved``."""
    rule = FrozenRule()
    rule.measure(HERE)
    assert rule.check(HERE) is None
    commanded = HERE.copy()
    commanded[joint] += moved
    for _ in range(repeats):
        rule.measure(HERE.copy())
    return rule.check(commanded)


@pytest.mark.parametrize("joint", [0, 1])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(
    ("repeats", "share", "good"),
    [(5, 1.001, False), (50, 1.001, False), (5, 0.999, True), (50, 0.0, True), (4, 5.0, True), (0, 5.0, True)],
)
def test_swept_across_both_limits(joint, sign, repeats, share, good):
    verdict = after(repeats, sign * share * MOTION.value, joint)
    assert (verdict is None) is good
    if verdict is not None:
        assert (verdict.decision, verdict.reason) == (Decision.STOP, "joint_state_frozen")
        assert verdict.value == pytest.approx(share * MOTION.value) and verdict.limit == MOTION.value
        assert f"last {repeats + 1} joint states" in verdict.detail


def test_the_smallest_change_of_any_joint_counts_as_alive():
    rule = FrozenRule()
    for step in range(20):
        rule.measure(HERE + [0.0, 1e-9 * step])
        assert rule.check(HERE + 0.1 * step) is None


def test_the_way_counts_from_the_last_change():
    rule = FrozenRule()
    rule.measure(HERE - 0.5)
    assert rule.check(HERE + 7.0) is None
    rule.measure(HERE)
    for step in range(12):
        assert rule.check(HERE + 7.0 + 0.04) is None, step
        rule.measure(HERE)
    assert rule.check(HERE + 7.0 + 0.04 + 0.06) is not None


def test_the_way_counts_from_the_last_command_before_the_repeats():
    rule = FrozenRule()
    rule.measure(HERE)
    for step in range(10):  # joint states come less often than commands
        assert rule.check(HERE + 0.1 * step) is None
    for _ in range(5):
        rule.measure(HERE)
    assert rule.check(HERE + 0.9) is None and rule.check(HERE + 0.96) is not None


def test_states_that_repeat_before_the_first_command_count():
    rule = FrozenRule()
    for _ in range(6):
        rule.measure(HERE)
    assert rule.check(HERE) is None
    assert rule.check(HERE + 0.06).value == pytest.approx(0.06)


def test_exactly_the_motion_is_not_more_than_it():
    rule = FrozenRule()
    for _ in range(6):
        rule.measure(0.0 * HERE)
    assert rule.check(0.0 * HERE) is None
    assert rule.check(np.array([0.0, MOTION.value])) is None
    assert (MOTION.value, REPEATS.value) == (0.05, 5.0)


def test_a_driver_that_repeats_itself_in_motion_stops_the_arm(bench):
    bench.gate.submit(bench.goto(bench.measured() + 0.8, 1.0), bench.now)
    bench.tick(30)
    bench.stuck = bench.measured()
    for _ in range(10):
        bench.tick(1)
        if bench.gate.status().state is not State.EXECUTING:
            break
    assert bench.gate.status().verdict.reason == "joint_state_frozen"
    bench.assert_limits_kept()
