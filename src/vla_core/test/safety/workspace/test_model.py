"""The arm among its zones: distances, directions and levers against independent kinematics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coal
import numpy as np
import pinocchio as pin
import pytest

from vla_core.errors import WorkspaceError
from vla_core.safety.workspace.bodies import body_of
from vla_core.safety.workspace.description import load_workspace
from vla_core.safety.workspace.model import CollisionModel, Pair
from vla_core.testing.collision import CollisionJudge, Shape, pose_of
from vla_core.types import FloatArray

JOINTS = ("turn", "lift", "reach")
SIM = Path(__file__).resolve().parents[4] / "vla_sim" / "vla_sim" / "assets"
PITCH = 0.005


@pytest.fixture
def model(urdf: str, content: dict[str, Any]) -> CollisionModel:
    return CollisionModel(urdf, JOINTS, load_workspace(content))


def configurations(model: CollisionModel, count: int, seed: int = 0) -> FloatArray:
    lower, upper = model.chain.range
    return np.random.default_rng(seed).uniform(lower, upper, (count, len(lower)))


def zone_shapes(content: dict[str, Any]) -> dict[str, Shape]:
    kinds = {"box_m": "box", "sphere_m": "sphere", "cylinder_m": "cylinder"}
    shapes = {}
    for zone in content["keep_out"]:
        key = next(key for key in kinds if key in zone)
        size = zone[key] if isinstance(zone[key], list) else [zone[key]]
        shapes[zone["name"]] = Shape(kinds[key], tuple(size), pose_of(zone["xyz_m"], zone.get("rpy_rad", (0, 0, 0))))
    return shapes


def test_pairs_are_all_but_neighbours_and_what_is_disabled(model: CollisionModel) -> None:
    own = {(pair.first.link, pair.second.link) for pair in model.pairs if pair.reason == "self_collision"}
    assert own == {
        ("base_link", "slider"), ("base_link", "finger"), ("base_link", "thumb"),
        ("column", "slider"), ("column", "finger"), ("column", "thumb"), ("arm", "finger"), ("arm", "thumb"),
    }  # fmt: skip
    assert {pair.second.link for pair in model.pairs if pair.reason == "workspace"} == {"tip", "slider"}
    assert {pair.second.link for pair in model.pairs if pair.first.link == "table"} == {
        "column", "arm", "slider", "finger", "thumb"
    }  # fmt: skip
    assert {pair.margin_m for pair in model.pairs if pair.first.link == "ball"} == {0.02}


def test_distances_are_those_of_the_judge(model: CollisionModel, urdf: str, content: dict[str, Any]) -> None:
    judge = CollisionJudge(urdf, JOINTS, pitch=PITCH)
    zones = zone_shapes(content)
    solid = ("column", "arm", "slider")
    for q in configurations(model, 12):
        ours: dict[tuple[str, str], float] = {}
        for pair, distance in zip(model.pairs, model.distances(q), strict=True):
            key = (pair.first.link, pair.second.link)
            ours[key] = min(ours.get(key, np.inf), float(distance))
        for (first, second), distance in ours.items():
            if second not in solid or (first not in zones and first not in judge.links):
                continue
            theirs = (
                judge.zone_distance(q, second, zones[first])
                if first in zones
                else judge.link_distance(q, second, first)
            )
            if theirs > 0.0:  # how deep a cloud of points goes in says little
                assert distance - 1e-4 <= theirs <= distance + PITCH, (first, second)
            else:
                assert distance < 1e-4, (first, second)


def test_the_gap_across_any_direction_is_at_most_the_distance(model: CollisionModel) -> None:
    rng = np.random.default_rng(3)
    count = len(model.pairs)
    for q in configurations(model, 40, 1):
        distance = model.distances(q)
        best = np.array([model.normal(pair) for pair in range(count)])
        poses = model.chain.poses(q[None, None])
        cell, pair = np.zeros(count, dtype=int), np.arange(count)
        gap = model.gaps(poses, cell, pair, best)[:, 0]
        apart = distance > 0.0  # how deep a pair overlaps is an estimate
        assert (gap <= distance + 1e-4).all() and (gap >= 0.97 * distance - 2e-3)[apart].all()
        other = rng.normal(size=(count, 3))
        other /= np.linalg.norm(other, axis=1)[:, None]
        free = np.array([pair.first.normal is None for pair in model.pairs])
        assert (model.gaps(poses, cell, pair, other)[free, 0] <= distance[free] + 1e-4).all()


def points_of(model: CollisionModel, pair: Pair, index: int, q: FloatArray) -> FloatArray:
    """Extreme points of the second body of ``pair``, in the frame the pair moves in."""
    poses = model.chain.poses(q[None, None])
    frame, carrier = int(model.frames[index]), pair.second.carrier
    body = pair.second
    wide = body.half + np.array([body.ring, body.ring, 0.0]) * np.sqrt(0.5) + body.ball / np.sqrt(3.0)
    corners = np.array(np.meshgrid(*[[-v, v] for v in wide])).reshape(3, -1).T
    inside = corners @ body.placement.rotation.T + body.placement.translation
    world = inside @ poses.rotation[0, 0, carrier].T + poses.origin[0, 0, carrier]
    return (world - poses.origin[0, 0, frame]) @ poses.rotation[0, 0, frame]


def test_no_point_moves_faster_than_its_lever(model: CollisionModel) -> None:
    rng = np.random.default_rng(5)
    for q in configurations(model, 30, 2):
        step = rng.normal(size=3) * 1e-4
        for index in range(0, len(model.pairs), 3):
            pair = model.pairs[index]
            ahead, here, behind = (points_of(model, pair, index, q + k * step) for k in (1, 0, -1))
            moved = np.linalg.norm(ahead - here, axis=1).max()
            assert moved <= model.reach[index] @ np.abs(step) * (1.0 + 1e-3) + 1e-12
            bent = np.linalg.norm(ahead - 2.0 * here + behind, axis=1).max()
            assert bent <= np.abs(step) @ model.bend[index] @ np.abs(step) * (1.0 + 1e-2) + 1e-12


def test_fingers_count_wherever_they_can_be(urdf: str, content: dict[str, Any]) -> None:
    content["keep_out"] = [{"name": "post", "sphere_m": 0.02, "xyz_m": [0.6, 0.1, 0.3]}]
    content["enclosure"]["links"] = ["tip"]
    model = CollisionModel(urdf, JOINTS, load_workspace(content))
    zone = Shape("sphere", (0.02,), pose_of([0.6, 0.1, 0.3], [0, 0, 0]))
    for q in configurations(model, 30, 4):
        distances = model.distances(q)
        for grip in (0.0, 0.011, 0.03):
            judge = CollisionJudge(urdf, JOINTS, {"grip": grip, "close": -20.0 * grip}, pitch=PITCH)
            for index, pair in enumerate(model.pairs):
                if pair.first.link == "post" and pair.second.link in ("finger", "thumb"):
                    assert distances[index] <= judge.zone_distance(q, pair.second.link, zone) + 1e-4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base": "floor"}, ["'floor'", "base_link, column"]),
        ({"base": "arm"}, ["'arm'", "fixed"]),
        ({"enclosure": {"lower_m": [-1, -1, -1], "upper_m": [1, 1, 1], "links": ["hand"]}}, ["'hand'", "slider"]),
        ({"disabled_collisions": [{"link1": "a", "link2": "arm", "reason": "x"}]}, ["'a'", "base_link"]),
        (
            {"keep_out": [], "margin": {"distance_m": 0.7, "reason": "x"}, "enclosure": None},
            ["never", "disabled_collisions", "link1: "],
        ),
        ({"keep_out": [{"name": "room", "box_m": [9, 9, 9]}]}, ["never", "zone"]),
    ],
)
def test_what_does_not_fit_the_arm_is_refused(
    urdf: str, content: dict[str, Any], change: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(WorkspaceError) as refused:
        CollisionModel(urdf, JOINTS, load_workspace({k: v for k, v in (content | change).items() if v is not None}))
    assert all(word in str(refused.value) for word in words), refused.value


@pytest.mark.parametrize(
    ("old", "new", "joints", "words"),
    [
        (
            '<box size="0.3 0.05 0.05"/>',
            '<mesh filename="package://x/arm.stl"/>',
            JOINTS,
            ["'arm'", "arm.stl", "boxes"],
        ),
        ("", "", ("turn", "reach"), ["'lift'", "carries"]),
        ("", "", (*JOINTS, "twist"), ["'twist'", "turn, lift"]),
        # a finger that turns without end; its mimic has no limits either
        (
            'name="grip" type="prismatic"',
            'name="grip" type="continuous"',
            JOINTS,
            ["hangs on grip", "have no limits"],
        ),
        (  # a thumb beyond a finger that another joint drives
            '<joint name="close" type="revolute"><parent link="slider"/><child link="thumb"/><origin xyz="0.22 0 0"/>'
            '<axis xyz="0 0 1"/><limit lower="-1.0" upper="1.0" velocity="2" effort="10"/>'
            '<mimic joint="grip" multiplier="-20"/>',
            '<joint name="close" type="revolute"><parent link="finger"/><child link="thumb"/><origin xyz="0.22 0 0"/>'
            '<axis xyz="0 0 1"/><limit lower="-1.0" upper="1.0" velocity="2" effort="10"/>',
            JOINTS,
            ["'thumb'", "close, grip", "more than one"],
        ),
        ("<robot", "<!DOCTYPE robot><robot", JOINTS, ["document type"]),
        ('<mimic joint="grip" multiplier="-20"/>', "", JOINTS, []),
    ],
)
def test_what_the_urdf_cannot_say(
    urdf: str, content: dict[str, Any], old: str, new: str, joints: tuple[str, ...], words: list[str]
) -> None:
    assert old in urdf
    if not words:
        assert CollisionModel(
            urdf.replace(old, new), joints, load_workspace(content)
        ).pairs  # two fingers, each its own
        return
    with pytest.raises(WorkspaceError) as refused:
        CollisionModel(urdf.replace(old, new), joints, load_workspace(content))
    assert all(word in str(refused.value) for word in words), refused.value


def test_the_tabletop_arm_stands_in_its_workspace() -> None:
    joints = [f"joint{index}" for index in range(1, 8)]
    model = CollisionModel((SIM / "arm.urdf").read_text(), joints, load_workspace(SIM / "workspace.yaml"))
    home = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
    assert (model.distances(home) > model.margins).all()
    assert {pair.reason for pair in model.pairs} == {"workspace", "keep_out", "self_collision"}


def test_a_joint_without_an_end_turns_like_one_with_limits(urdf: str, content: dict[str, Any]) -> None:
    endless = urdf.replace('name="turn" type="revolute"', 'name="turn" type="continuous"')
    model = CollisionModel(endless, JOINTS, load_workspace(content))
    limited = CollisionModel(urdf, JOINTS, load_workspace(content))
    assert model.chain.range[0][0] == -np.pi and model.chain.range[1][0] == np.pi
    for q in configurations(limited, 5):
        assert model.distances(q) == pytest.approx(limited.distances(q), abs=1e-5)
        assert model.distances(q + [2.0 * np.pi, 0.0, 0.0]) == pytest.approx(limited.distances(q), abs=1e-5)
        assert model.chain.poses(q[None, None]).origin == pytest.approx(limited.chain.poses(q[None, None]).origin)


def test_a_finger_may_follow_without_limits_of_its_own(urdf: str, content: dict[str, Any]) -> None:
    """What bounds it is the joint that it mimics, whatever its own limits are."""
    content["keep_out"], content["enclosure"]["links"] = [], ["thumb"]
    endless = urdf.replace('name="close" type="revolute"', 'name="close" type="continuous"')
    bent = endless.replace('joint="grip" multiplier="-20"', 'joint="grip" multiplier="-20" offset="-0.5"')
    for ours, theirs in ((endless, urdf), (bent, bent.replace("continuous", "revolute"))):
        one, other = (CollisionModel(xml, JOINTS, load_workspace(content)) for xml in (ours, theirs))
        assert one.distances(np.zeros(3)) == pytest.approx(other.distances(np.zeros(3)), abs=2e-3)


def test_a_point_on_a_finger_counts_wherever_it_can_be(urdf: str, content: dict[str, Any]) -> None:
    nail = (
        '<link name="nail"/><joint name="nail_joint" type="fixed"><parent link="finger"/><child link="nail"/>'
        '<origin xyz="0.06 0 0"/></joint></robot>'
    )
    content["enclosure"]["links"] = ["nail"]
    model = CollisionModel(urdf.replace("</robot>", nail), JOINTS, load_workspace(content))
    gaps = dict(zip([pair.first.link for pair in model.pairs], model.distances(np.zeros(3)), strict=True))
    assert [gaps["y lower"], gaps["y upper"]] == pytest.approx([1.0, 1.0 - 0.03], abs=1e-5)  # closed, and open
    assert gaps["x upper"] == pytest.approx(1.0 - 0.25 - 0.22 - 0.06, abs=1e-5)


def test_zones_are_not_posed_in_what_moves(content: dict[str, Any]) -> None:
    urdf = (
        '<robot name="bench"><link name="base_link"/><link name="hatch"/><link name="arm"/>'
        '<joint name="slide" type="prismatic"><parent link="base_link"/><child link="hatch"/><axis xyz="0 0 1"/>'
        '<limit lower="0" upper="1" velocity="1" effort="1"/></joint>'
        '<joint name="turn" type="revolute"><parent link="base_link"/><child link="arm"/><axis xyz="0 0 1"/>'
        '<limit lower="-1" upper="1" velocity="1" effort="1"/></joint></robot>'
    )
    workspace = {"margin": content["margin"], "base": "hatch"}
    with pytest.raises(WorkspaceError, match="'hatch' is moved by a joint"):
        CollisionModel(urdf, ("turn",), load_workspace(workspace))


def test_no_other_shape_becomes_a_body() -> None:
    with pytest.raises(WorkspaceError, match=r"'arm'.* Capsule; replace it"):
        body_of("arm", 1, pin.SE3.Identity(), coal.Capsule(0.1, 0.2))
