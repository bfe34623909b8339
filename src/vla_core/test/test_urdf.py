"""What a URDF says about its joints, and what it must not say."""

from __future__ import annotations

import math

import pytest

from vla_core.errors import LimitsError
from vla_core.urdf import Mimic, parse_urdf


def robot(joint: str, name: str = "a", kind: str = "revolute", links: str | None = None) -> str:
    links = '<parent link="x"/><child link="y"/>' if links is None else links
    return f'<robot name="r"><joint name="{name}" type="{kind}">{links}{joint}</joint></robot>'


def one(joint: str, **more: str):
    (parsed,) = parse_urdf(robot(joint, **more)).values()
    return parsed


def test_a_joint_is_read_as_it_stands() -> None:
    joint = one('<limit lower="-1" upper="2.5" velocity="3" effort="40"/>')
    assert (joint.name, joint.kind, joint.parent, joint.child) == ("a", "revolute", "x", "y")
    assert (joint.lower, joint.upper, joint.velocity, joint.effort, joint.mimic) == (-1.0, 2.5, 3.0, 40.0, None)


def test_what_is_not_stated_is_none() -> None:
    for joint in (one(""), one("<limit/>")):
        assert (joint.lower, joint.upper, joint.velocity, joint.effort, joint.mimic) == (None,) * 5
    (untyped,) = parse_urdf('<robot><joint name="a"><parent link="x"/><child link="y"/></joint></robot>').values()
    assert untyped.kind == ""


@pytest.mark.parametrize(
    ("kind", "unit"), [("prismatic", "m"), ("revolute", "rad"), ("continuous", "rad"), ("fixed", "rad")]
)
def test_lengths_are_metres_and_angles_radians(kind: str, unit: str) -> None:
    assert one("", kind=kind).unit == unit


@pytest.mark.parametrize(
    ("soft", "lower", "upper"),
    [
        ('soft_lower_limit="-0.5" soft_upper_limit="0.5"', -0.5, 0.5),
        ('soft_lower_limit="-5" soft_upper_limit="5"', -1.0, 2.0),
        ("", -1.0, 2.0),
        ('soft_upper_limit="1.5"', -1.0, 1.5),
    ],
)
def test_of_hard_and_soft_bounds_the_stricter_counts(soft: str, lower: float, upper: float) -> None:
    joint = one(f'<limit lower="-1" upper="2"/><safety_controller {soft}/>')
    assert (joint.lower, joint.upper) == (lower, upper)


def test_a_soft_bound_alone_is_no_limit() -> None:
    joint = one('<safety_controller soft_lower_limit="-0.5" soft_upper_limit="0.5"/>')
    assert (joint.lower, joint.upper) == (None, None)


@pytest.mark.parametrize(
    ("attributes", "mimic"),
    [
        ("", Mimic("b", 1.0, 0.0)),
        ('multiplier="-2"', Mimic("b", -2.0, 0.0)),
        ('offset="0.3"', Mimic("b", 1.0, 0.3)),
        ('multiplier="0" offset="0"', Mimic("b", 0.0, 0.0)),
    ],
)
def test_a_mimic_follows_one_to_one_unless_it_says_otherwise(attributes: str, mimic: Mimic) -> None:
    assert one(f'<mimic joint="b" {attributes}/>').mimic == mimic


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("<model/>", "root element is <model>"),
        (robot("", name=""), "a <joint> has no name"),
        ('<robot><joint type="fixed"/></robot>', "a <joint> has no name"),
        (robot("", links='<child link="y"/>'), "'a' lacks <parent"),
        (robot("", links='<parent link="x"/>'), "'a' lacks <parent"),
        (robot("", links='<parent/><child link="y"/>'), "'a' lacks <parent"),
        (robot('<mimic joint=""/>'), "<mimic> names no joint"),
        (robot('<mimic joint="b" offset="x"/>'), "offset='x' is not a finite number"),
        (robot('<safety_controller soft_lower_limit="inf"/>'), "soft_lower_limit='inf'"),
        (robot('<limit effort="-inf"/>'), "effort='-inf'"),
        ("<robot>", "not well-formed"),
        ("<!DOCTYPE robot><robot/>", "document type"),
    ],
)
def test_what_is_malformed_is_refused(xml: str, message: str) -> None:
    with pytest.raises(LimitsError, match=message):
        parse_urdf(xml)


def test_joints_keep_their_order_and_no_entity_is_expanded() -> None:
    joints = "".join(robot("", name=name)[len('<robot name="r">') : -len("</robot>")] for name in "cab")
    assert list(parse_urdf(f"<robot>{joints}</robot>")) == ["c", "a", "b"]
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + robot("", name="&b;")
    with pytest.raises(LimitsError, match="document type"):
        parse_urdf(bomb)


def test_numbers_may_be_written_in_any_way_python_reads() -> None:
    assert one('<limit lower="-1e-3" upper=" 2 "/>').lower == -1e-3
    assert math.isclose(one('<limit velocity="1.5E0"/>').velocity or 0.0, 1.5)
