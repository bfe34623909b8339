"""The judge, on synthetic states: every task's boundary from both sides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vla_sim.spec import CUBE_SIZE_M, TASKS, SceneError
from vla_sim.state import SimState
from vla_sim.tasks import EpisodeJudge, Verdict

MakeState = Callable[..., SimState]

X, Y, REST = 0.50, 0.02, CUBE_SIZE_M / 2
TOP = CUBE_SIZE_M
FAR = (0.42, -0.18)
E = 1e-4

# task, where the target is, where the tool is, whether that is the goal
CASES = [
    ("pick", (X, Y, REST + 0.05 + E), None, True),
    ("pick", (X, Y, REST + 0.05 - E), None, False),
    ("pick", (X + 0.2, Y + 0.1, REST + 0.06), None, True),  # picking up says nothing about where to
    ("reach", (X, Y, REST), (X, Y, TOP + E), True),
    ("reach", (X, Y, REST), (X, Y, TOP - E), False),
    ("reach", (X, Y, REST), (X, Y, TOP + 0.065 - E), True),
    ("reach", (X, Y, REST), (X, Y, TOP + 0.065 + E), False),
    ("reach", (X, Y, REST), (X + 0.03 - E, Y, TOP + 0.03), True),
    ("reach", (X, Y, REST), (X + 0.03 + E, Y, TOP + 0.03), False),
    ("reach", (X, Y, REST), (X + 0.022, Y - 0.022, TOP + 0.03), False),  # 0.031 m away across
    ("reach", (X + 0.03 - E, Y, REST), (X + 0.03, Y, TOP + 0.03), True),
    ("reach", (X + 0.03 + E, Y, REST), (X + 0.03, Y, TOP + 0.03), False),  # it was shoved away
    ("push_left", (X, Y + 0.07 + E, REST), None, True),
    ("push_left", (X, Y + 0.07 - E, REST), None, False),
    ("push_left", (X, Y - 0.10, REST), None, False),
    ("push_left", (X, Y + 0.10, REST + 0.02 - E), None, True),
    ("push_left", (X, Y + 0.10, REST + 0.02 + E), None, False),  # carried, not pushed
    ("push_right", (X, Y - 0.07 - E, REST), None, True),
    ("push_right", (X, Y - 0.07 + E, REST), None, False),
    ("push_right", (X, Y + 0.10, REST), None, False),
]
DONE = {
    "pick": {"red": (X, Y, REST + 0.1)},
    "reach": {"red": (X, Y), "tool": (X, Y, TOP + 0.03)},
    "push_left": {"red": (X, Y + 0.1)},
    "push_right": {"red": (X, Y - 0.1)},
}


@pytest.mark.parametrize(("task", "cube", "tool", "reached"), CASES)
def test_the_goal_begins_at_its_boundary(
    make_state: MakeState, task: str, cube: tuple[float, ...], tool: tuple[float, ...] | None, reached: bool
) -> None:
    judge = EpisodeJudge(task, "red", make_state(red=(X, Y), green=FAR))
    where = {} if tool is None else {"tool": tool}
    assert judge.update(make_state(0.05, red=cube, green=FAR, **where)).goal_reached is reached


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_reached_at_the_start(make_state: MakeState, task: str) -> None:
    start = make_state(red=(X, Y), green=FAR)
    judge = EpisodeJudge(task, "red", start)
    assert judge.update(start) == judge.verdict == Verdict(False, False, False)


@pytest.mark.parametrize("task", TASKS)
def test_success_is_one_second_held(make_state: MakeState, task: str) -> None:
    judge = EpisodeJudge(task, "red", make_state(10.0, red=(X, Y)))
    early = [judge.update(make_state(11.0 + 0.05 * tick, **DONE[task])) for tick in range(20)]
    assert all(verdict.goal_reached and not verdict.success for verdict in early)
    assert judge.update(make_state(12.0, **DONE[task])).success


@pytest.mark.parametrize("task", TASKS)
def test_a_break_starts_the_second_anew(make_state: MakeState, task: str) -> None:
    judge = EpisodeJudge(task, "red", make_state(red=(X, Y)))
    judge.update(make_state(1.0, **DONE[task]))
    judge.update(make_state(1.9, red=(X, Y)))
    assert not judge.update(make_state(1.95, **DONE[task])).success
    assert not judge.update(make_state(2.90, **DONE[task])).success
    assert judge.update(make_state(2.95, **DONE[task])).success


def test_success_stays_when_the_cube_is_put_down_again(make_state: MakeState) -> None:
    judge = EpisodeJudge("pick", "red", make_state(red=(X, Y)))
    for time_s in (1.0, 2.0):
        judge.update(make_state(time_s, **DONE["pick"]))
    assert judge.update(make_state(3.0, red=(X, Y))) == Verdict(False, True, False)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ((FAR[0] + 0.03 - E, FAR[1]), False),
        ((FAR[0] + 0.03 + E, FAR[1]), True),
        ((*FAR, REST + 0.03 + E), True),
        ((FAR[0] - 0.02, FAR[1] + 0.02, REST + 0.02), True),
    ],
)
def test_another_cube_moved_is_the_wrong_object_for_good(
    make_state: MakeState, place: tuple[float, ...], wrong: bool
) -> None:
    judge = EpisodeJudge("pick", "red", make_state(red=(X, Y), green=FAR))
    assert judge.update(make_state(1.0, red=(X, Y), green=place)).wrong_object is wrong
    assert judge.update(make_state(2.0, red=(X, Y), green=FAR)).wrong_object is wrong


def test_moving_the_target_is_never_the_wrong_object(make_state: MakeState) -> None:
    judge = EpisodeJudge("reach", "red", make_state(red=(X, Y)))
    assert not judge.update(make_state(1.0, red=(X + 0.2, Y))).wrong_object


def test_the_other_colour_done_is_not_success(make_state: MakeState) -> None:
    judge = EpisodeJudge("pick", "green", make_state(red=(X, Y), green=FAR))
    verdicts = [judge.update(make_state(t, green=FAR, **DONE["pick"])) for t in (1.0, 2.0, 3.0)]
    assert verdicts[-1] == Verdict(False, False, True)


def test_unknown_names_are_refused(make_state: MakeState) -> None:
    start = make_state(red=(X, Y), green=FAR)
    with pytest.raises(SceneError, match="pick, reach, push_left, push_right"):
        EpisodeJudge("throw", "red", start)
    with pytest.raises(SceneError, match="there: red, green"):
        EpisodeJudge("pick", "blue", start)
