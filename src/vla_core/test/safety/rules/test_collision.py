"""What the collision rule accepts is clear at every instant: judged by clouds of points and independent kinematics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.limits import JointLimits
from vla_core.safety.braking import Brake
from vla_core.safety.decision import Decision
from vla_core.safety.rules.collision import RECOVERY, SLIP, CollisionRule
from vla_core.safety.spline import cubic_spline_states
from vla_core.safety.trajectory import Trajectory
from vla_core.safety.workspace.description import STRAY_M, load_workspace
from vla_core.safety.workspace.model import CollisionModel
from vla_core.testing.collision import CollisionJudge, Shape, pose_of
from vla_core.types import FloatArray

JOINTS = ("shoulder", "elbow", "wrist")
LINKS = ("column", "arm", "hand")
URDF = (
    '<robot name="three"><link name="base_link"><collision><origin xyz="0 0 0.05"/><geometry><box size="0.2 0.2 0.1"/>'
    '</geometry></collision></link><link name="column"><collision><origin xyz="0 0 0.1"/><geometry><cylinder'
    ' radius="0.04" length="0.2"/></geometry></collision></link><link name="arm"><collision><origin xyz="0.15 0 0"/>'
    '<geometry><box size="0.3 0.05 0.05"/></geometry></collision></link><link name="hand"><collision><origin'
    ' xyz="0.12 0 0"'
    ' rpy="0 1.5708 0"/><geometry><cylinder radius="0.02" length="0.16"/></geometry></collision><collision>'
    '<origin xyz="0.22 0 0"/><geometry><sphere radius="0.03"/></geometry></collision></link>'
    '<joint name="shoulder" type="revolute"><parent link="base_link"/><child link="column"/><origin xyz="0 0 0.1"/>'
    '<axis xyz="0 0 1"/><limit lower="-2.8" upper="2.8" velocity="2" effort="9"/></joint>'
    '<joint name="elbow" type="revolute"><parent link="column"/><child link="arm"/><origin xyz="0 0 0.2"/>'
    '<axis xyz="0 1 0"/><limit lower="-2" upper="2" velocity="1.5" effort="9"/></joint>'
    '<joint name="wrist" type="revolute"><parent link="arm"/><child link="hand"/><origin xyz="0.3 0 0"/>'
    '<axis xyz="0 1 0"/><limit lower="-2.6" upper="2.6" velocity="2.5" effort="9"/></joint></robot>'
)
LOWER, UPPER = np.array([-2.8, -2.0, -2.6]), np.array([2.8, 2.0, 2.6])
LIMITS = JointLimits(
    JOINTS, ("rad",) * 3, LOWER, UPPER, np.array([2.0, 1.5, 2.5]), np.array([10.0, 7.5, 20.0]),
    np.array([5000.0, 3750.0, 10000.0]), np.ones(3),
)  # fmt: skip
BRAKE = Brake(LIMITS)
MARGIN_M = 0.01
PITCH_M = 0.02
JUDGE = CollisionJudge(URDF, JOINTS, pitch=PITCH_M)


def rule_for(*zones: dict[str, Any], **more: Any) -> CollisionRule:
    content = {"margin": {"distance_m": MARGIN_M, "reason": "test"}, "keep_out": list(zones), **more}
    return CollisionRule(CollisionModel(URDF, JOINTS, load_workspace(content)), BRAKE)


def between(times: list[float], *positions: list[float]) -> Trajectory:
    """Through ``positions`` from rest to rest, slow enough for the limits."""
    points = np.array(positions)
    at = np.array(times)
    states = cubic_spline_states(at, points, np.zeros(3))
    motion = Trajectory(at, states)
    bounds = motion.bounds
    share = max(
        float((bounds.velocity / LIMITS.velocity).max()),
        float(np.sqrt((bounds.acceleration / LIMITS.acceleration).max())),
    )
    return motion.retimed(0.0, 0.0, 1.0 / max(share, 1.0))


def stops(motion: Trajectory, until: float, count: int) -> FloatArray:
    """(N, J) configurations in stops with either ramp, begun at ``count`` instants."""
    states = motion.sample(np.linspace(motion.start, until, count))
    found = []
    for ramp in BRAKE.ramps:
        for times, knots in zip(*BRAKE.tails(np.zeros(count), states, ramp), strict=True):
            found.append(Trajectory(times, knots).sample(np.linspace(times[0], times[-1], 5))[:, 0])
    return np.concatenate(found)


def visited(motion: Trajectory, until: float) -> FloatArray:
    moving = motion.sample(np.linspace(motion.start, until, max(int(100 * (until - motion.start)), 2)))[:, 0]
    return np.concatenate([moving, stops(motion, until, 10)])


def nearest(configurations: FloatArray, zone: Shape | None, pairs: tuple[tuple[str, str], ...] = ()) -> float:
    least = np.inf
    for q in configurations:
        if zone is not None:
            least = min(least, *(JUDGE.zone_distance(q, link, zone) for link in LINKS))
        for first, second in pairs:
            least = min(least, JUDGE.link_distance(q, first, second))
    return least


positions = st.tuples(*[st.floats(float(a), float(b)) for a, b in zip(LOWER, UPPER, strict=True)]).map(list)
SEEN: dict[str, int] = {}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(positions, min_size=3, max_size=4), st.floats(0.25, 1.0), st.floats(0.1, 0.9), st.sampled_from(LINKS[1:]),
    st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)), st.sampled_from(["box_m", "sphere_m", "cylinder_m"]),
    st.floats(0.0, 0.2),
)  # fmt: skip
def test_what_is_accepted_never_meets_a_thin_zone(
    through: list[list[float]],
    step: float,
    where: float,
    link: str,
    turn: tuple[float, float],
    kind: str,
    beside: float,
) -> None:
    motion = between([step * k for k in range(len(through))], *through)
    at = motion.start + where * (motion.end - motion.start)
    middle = JUDGE.cloud(motion.state(at)[0], link).mean(axis=0) + [0.0, 0.0, beside]
    size: list[float] | float = {"box_m": [0.002, 0.2, 0.2], "sphere_m": 0.004, "cylinder_m": [0.003, 0.3]}[kind]
    rpy = [*turn, 0.0]
    zone = Shape(
        kind.removesuffix("_m"), tuple(size) if isinstance(size, list) else (size,), pose_of(middle.tolist(), rpy)
    )
    if nearest(motion.states[:1, 0], zone) < MARGIN_M + RECOVERY.value:
        return  # an arm that begins too near is another matter
    rule = rule_for({"name": "thin", kind: size, "xyz_m": middle.tolist(), "rpy_rad": rpy}, self_collision=False)
    verdict = rule.check(motion)
    until = motion.end if verdict is None else verdict.until_s
    if until > motion.start:
        assert nearest(visited(motion, until), zone) > MARGIN_M - 1e-4, verdict
    if verdict is not None:
        assert (verdict.decision, verdict.reason) == (Decision.HOLD, "keep_out")
        near = nearest(visited(motion, motion.end), zone)
        assert near < MARGIN_M + PITCH_M + 0.015, f"refused, and nothing was nearer than {near:.3f} m: {verdict.detail}"


@settings(max_examples=10, deadline=None)
@given(st.lists(positions, min_size=3, max_size=4), st.floats(0.25, 1.0))
def test_what_is_accepted_never_meets_the_arm_itself(through: list[list[float]], step: float) -> None:
    rule, pairs = rule_for(), (("hand", "column"), ("arm", "base_link"), ("hand", "base_link"))
    through = [[0.0, -0.5, 0.3], *through]
    motion = between([step * k for k in range(len(through))], *through)
    verdict = rule.check(motion)
    until = motion.end if verdict is None else verdict.until_s
    assert until > motion.start
    assert nearest(visited(motion, until), None, pairs) > MARGIN_M - 1e-4, verdict
    if verdict is not None:
        assert verdict.reason == "self_collision"
        assert nearest(visited(motion, motion.end), None, pairs) < MARGIN_M + PITCH_M + 0.015, verdict


@settings(max_examples=60, deadline=None)
@given(positions, positions, st.floats(0.01, 0.25))
def test_the_quick_look_never_promises_more_than_the_proof(
    begin: list[float], towards: list[float], duration: float
) -> None:
    rule = rule_for({"name": "plate", "box_m": [0.5, 0.5, 0.01], "xyz_m": [0.3, 0.0, 0.2]})
    step = np.clip(np.array(towards) - begin, -0.1, 0.1) * duration
    motion = between([0.0, duration], begin, (np.array(begin) + step).tolist())
    if rule.surely_clear(motion):
        assert rule.check(motion) is None


def test_the_quick_look_is_enough_in_the_open() -> None:
    rule = rule_for({"name": "table", "box_m": [2.0, 2.0, 0.1], "xyz_m": [0.0, 0.0, -0.1]})
    position = np.array([0.0, -0.5, 0.3])
    for step in range(20):
        after = position + 0.002 * np.sin(step + np.arange(3.0))
        assert rule.surely_clear(between([0.0, 0.1], position.tolist(), after.tolist()))
        position = after


def test_the_good_beginning_is_told_with_what_comes_near() -> None:
    rule = rule_for({"name": "wall", "box_m": [0.6, 0.01, 0.6], "xyz_m": [0.4, 0.4, 0.3]})
    motion = between([0.0, 3.0], [0.0, 0.0, 0.0], [1.5, 0.0, 0.0])
    verdict = rule.check(motion)
    assert verdict is not None and verdict.decision is Decision.HOLD and verdict.brakes
    assert 0.3 < verdict.until_s < 2.0
    assert "hand" in verdict.detail and "'wall'" in verdict.detail and f"{verdict.until_s:.3f} s" in verdict.detail
    assert verdict.limit == MARGIN_M and verdict.value < MARGIN_M + 0.01
    assert rule.check(motion.part(0.0, verdict.until_s)) is None


def test_a_zone_is_noticed_in_the_stop_although_the_motion_ends_before_it() -> None:
    """Bug to guard against: a motion that is clear itself, and too fast to stop at its end."""
    zone = {"name": "wall", "box_m": [0.6, 0.01, 0.6], "xyz_m": [0.4, 0.4, 0.3]}
    whole = between([0.0, 1.1], [0.0, 0.0, 0.0], [1.5, 0.0, 0.0])
    verdict = rule_for(zone).check(whole)
    assert verdict is not None
    times = np.linspace(0.0, whole.end, 300)
    near = [nearest(q[None], _shape(zone)) < 0.03 for q in whole.sample(times)[:, 0]]
    clear = float(times[near.index(True) - 1])
    assert verdict.until_s < clear - 0.02
    assert rule_for(zone).check(whole.part(0.0, clear), tails=False) is None
    early = rule_for(zone).check(whole.part(0.0, clear))
    assert early is not None and early.reason == "keep_out"


def _shape(zone: dict[str, Any]) -> Shape:
    return Shape("box", tuple(zone["box_m"]), pose_of(zone["xyz_m"], [0.0, 0.0, 0.0]))


def test_the_enclosure_holds_the_links_that_it_names() -> None:
    reaches = between([0.0, 2.0], [0.0, -0.5, 0.3], [0.0, -1.2, 0.3])
    box = {"lower_m": [-1.0, -1.0, -0.2], "upper_m": [1.0, 1.0, 0.6]}
    verdict = rule_for(enclosure=box).check(reaches)
    assert verdict is not None and verdict.reason == "workspace" and "z upper" in verdict.detail
    assert rule_for(enclosure={**box, "links": ["column"]}).check(reaches) is None


def begin_inside(by: float) -> tuple[CollisionRule, Trajectory, Trajectory]:
    """An arm whose hand is ``by`` [m] nearer to a plate below it than it may be; a motion up and one down."""
    start = [0.0, 0.0, 0.0]
    lowest = JUDGE.cloud(np.array(start), "hand")[:, 2].min()
    top = lowest - MARGIN_M + by
    rule = rule_for({"name": "plate", "box_m": [0.2, 0.2, 0.1], "xyz_m": [0.5, 0.0, top - 0.05]})
    return rule, between([0.0, 1.0], start, [0.0, -0.3, 0.0]), between([0.0, 1.0], start, [0.0, 0.02, 0.0])


@pytest.mark.parametrize("by", [0.0, 0.5 * SLIP.value, 0.004, 0.009, 0.03])
def test_an_arm_that_begins_too_near_may_move_away_and_not_nearer(by: float) -> None:
    rule, away, nearer = begin_inside(by)
    assert rule.check(away) is None
    verdict = rule.check(nearer)
    assert verdict is not None and verdict.reason == "keep_out"


def test_an_arm_deep_inside_a_zone_is_moved_by_hand() -> None:
    rule, away, nearer = begin_inside(RECOVERY.value + 0.005)
    assert rule.check(away) is not None and rule.check(nearer) is not None


def test_standing_still_is_never_refused() -> None:
    rule, _, _ = begin_inside(0.2)
    assert rule.check(Trajectory.at_rest(0.0, np.zeros(3))) is None


def test_room_tells_how_far_a_streamed_motion_may_stray() -> None:
    rule, away, _ = begin_inside(-0.05)
    assert rule.check(away) is None
    assert away.room is not None and (away.room >= 0.0).all() and away.room.min() < 0.05
    a_little = Trajectory(away.times, away.states + np.array([0.5 * STRAY_M, 0.0, 0.0])[:, None] * np.ones(3))
    far = Trajectory(away.times, away.states + np.array([0.2, 0.0, 0.0])[:, None] * np.ones(3))
    assert rule.near(a_little, away) and not rule.near(far, away)


def test_nothing_to_check_is_clear() -> None:
    rule = rule_for(self_collision=False)
    motion = between([0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    assert rule.check(motion) is None and rule.surely_clear(motion)
