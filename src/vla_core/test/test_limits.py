from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from vla_core.errors import LimitsError
from vla_core.limits import JointLimits, load_joint_limits

URDF = """<?xml version="1.0"?>
<robot name="r">
  <link name="a"/><link name="b"/><link name="c"/><link name="d"/><link name="e"/>
  <joint name="turn" type="revolute"><parent link="a"/><child link="b"/>
    <limit lower="-2" upper="1.5" velocity="2" effort="87"/></joint>
  <joint name="spin" type="continuous"><parent link="b"/><child link="c"/>
    <limit velocity="3" effort="12"/></joint>
  <joint name="finger" type="prismatic"><parent link="c"/><child link="d"/>
    <limit lower="0" upper="0.05" velocity="0.2" effort="20"/></joint>
  <joint name="finger2" type="prismatic"><parent link="c"/><child link="e"/>
    <limit lower="0" upper="0.04" velocity="0.1" effort="20"/><mimic joint="finger"/></joint>
  <joint name="bolt" type="fixed"><parent link="a"/><child link="e"/></joint>
</robot>"""


def entry(acceleration: object = 10.0, jerk: object = 1000.0) -> dict[str, object]:
    return {
        "has_acceleration_limits": True,
        "max_acceleration": acceleration,
        "has_jerk_limits": True,
        "max_jerk": jerk,
    }


def limits_yaml(**joints: dict[str, object]) -> dict[str, Any]:
    return {"joint_limits": {"turn": entry(), "spin": entry(), "finger": entry(1.0, 50.0), **joints}}


def load(stated: Any = None, joints: tuple[str, ...] = ("turn", "spin", "finger"), **kwargs: Any) -> JointLimits:
    return load_joint_limits(URDF, limits_yaml() if stated is None else stated, joints, **kwargs)


def test_reads_urdf_and_yaml_in_the_order_asked_for() -> None:
    limits = load(joints=("finger", "turn", "spin"))
    assert limits.joint_names == ("finger", "turn", "spin")
    assert limits.units == ("m", "rad", "rad")
    np.testing.assert_array_equal(limits.lower, [0.0, -2.0, -np.inf])
    np.testing.assert_array_equal(limits.upper[1:], [1.5, np.inf])
    np.testing.assert_array_equal(limits.velocity[1:], [2.0, 3.0])
    np.testing.assert_array_equal(limits.acceleration, [1.0, 10.0, 10.0])
    np.testing.assert_array_equal(limits.jerk, [50.0, 1000.0, 1000.0])
    np.testing.assert_array_equal(limits.effort, [20.0, 87.0, 12.0])


def test_a_mimicking_joint_limits_the_one_it_mimics() -> None:
    limits = load(joints=("finger",))
    assert (limits.upper[0], limits.velocity[0]) == (0.04, 0.1)


def test_a_negative_mimic_multiplier_swaps_the_bounds() -> None:
    urdf = URDF.replace('<mimic joint="finger"/>', '<mimic joint="finger" multiplier="-2" offset="0.06"/>')
    limits = load_joint_limits(urdf, limits_yaml(), ("finger",))
    np.testing.assert_allclose([limits.lower[0], limits.upper[0], limits.velocity[0]], [0.01, 0.03, 0.05])


def test_arrays_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load().velocity[0] = 100.0


def test_yaml_can_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "joint_limits.yaml"
    path.write_text(yaml.safe_dump(limits_yaml()))
    np.testing.assert_array_equal(load(path).jerk, load().jerk)


def test_select_reorders() -> None:
    picked = load().select(("finger", "turn"))
    assert picked.joint_names == ("finger", "turn") and picked.units == ("m", "rad")
    np.testing.assert_array_equal(picked.acceleration, [1.0, 10.0])


@pytest.mark.parametrize(
    ("key", "tight", "loose", "field"),
    [
        ("max_velocity", 1.0, 2.5, "velocity"),
        ("max_acceleration", 9.0, 10.5, "acceleration"),
        ("max_jerk", 500.0, 1001.0, "jerk"),
        ("max_effort", 50.0, 90.0, "effort"),
        ("min_position", -1.0, -2.1, "lower"),
        ("max_position", 1.0, 1.6, "upper"),
    ],
)
def test_a_robot_config_tightens_and_never_loosens(key: str, tight: float, loose: float, field: str) -> None:
    in_force = float(getattr(load(), field)[0])
    assert getattr(load(override={"turn": {key: tight}}), field)[0] == tight
    with pytest.raises(LimitsError, match="tightened") as error:
        load(override={"turn": {key: loose}})
    assert str(loose) in str(error.value) and str(in_force) in str(error.value) and "turn" in str(error.value)


def test_a_continuous_joint_can_be_bounded() -> None:
    limits = load(override={"spin": {"min_position": -1.0, "max_position": 1.0}})
    assert (limits.lower[1], limits.upper[1]) == (-1.0, 1.0)


def test_an_override_of_a_joint_that_was_not_asked_for_is_left_alone_but_an_unknown_one_is_refused() -> None:
    assert load(joints=("turn",), override={"spin": {"max_velocity": 1.0}}).velocity[0] == 2.0
    with pytest.raises(LimitsError, match=r"no joint 'trun'.*turn"):
        load(override={"trun": {"max_velocity": 1.0}})


def test_the_yaml_may_not_loosen_the_urdf() -> None:
    with pytest.raises(LimitsError, match=r"2\.5 is looser .* 2\.0"):
        load(limits_yaml(turn={**entry(), "has_velocity_limits": True, "max_velocity": 2.5}))


def test_a_false_flag_means_not_stated() -> None:
    ignored = {**entry(), "has_velocity_limits": False, "max_velocity": 0}
    assert load(limits_yaml(turn=ignored)).velocity[0] == 2.0
    with pytest.raises(LimitsError, match="no jerk limit"):
        load(limits_yaml(turn={**entry(), "has_jerk_limits": False}))


@pytest.mark.parametrize("missing", ["acceleration", "jerk"])
def test_missing_acceleration_or_jerk_is_refused(missing: str) -> None:
    broken = copy.deepcopy(limits_yaml())
    for key in (f"has_{missing}_limits", f"max_{missing}"):
        del broken["joint_limits"]["turn"][key]
    with pytest.raises(LimitsError, match=f"'turn' has no {missing} limit.*max_{missing}"):
        load(broken)


def test_a_joint_without_an_entry_is_refused() -> None:
    with pytest.raises(LimitsError, match="'spin' has no acceleration"):
        load({"joint_limits": {"turn": entry()}}, joints=("turn", "spin"))


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), True, "1e3", None, [1.0]])
def test_a_value_that_is_no_positive_number_is_refused(value: object) -> None:
    with pytest.raises(LimitsError, match="max_jerk"):
        load(limits_yaml(turn=entry(jerk=value)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('velocity="2"', 'velocity="nan"', "velocity='nan'"),
        ('velocity="2"', 'velocity="inf"', "velocity='inf'"),
        ('velocity="2"', 'velocity="0"', "velocity 0.0 must be positive"),
        ('velocity="2"', 'velocity="-2"', "velocity -2.0 must be positive"),
        ('velocity="2"', "", "states no velocity"),
        ('upper="1.5"', "", "states no upper"),
        ('upper="1.5"', 'upper="-2"', "must be below"),
        ('upper="1.5"', 'upper="x"', "upper='x'"),
        ('name="spin"', 'name="turn"', "defined twice"),
        ("</robot>", "", "not well-formed"),
        ('<robot name="r">', '<!DOCTYPE robot [<!ENTITY a "b">]><robot name="r">', "document type"),
        ('<mimic joint="finger"/>', "<mimic/>", "names no joint"),
        ('<parent link="a"/>', "", "lacks <parent"),
    ],
)
def test_a_broken_urdf_is_refused(old: str, new: str, message: str) -> None:
    assert old in URDF
    with pytest.raises(LimitsError, match=message):
        load_joint_limits(URDF.replace(old, new), limits_yaml(), ("turn", "spin"))


def test_a_urdf_soft_limit_counts() -> None:
    urdf = URDF.replace("</joint>", '<safety_controller soft_lower_limit="-1.9" soft_upper_limit="2"/></joint>', 1)
    limits = load_joint_limits(urdf, limits_yaml(), ("turn",))
    assert (limits.lower[0], limits.upper[0]) == (-1.9, 1.5)


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        (("nope",), "no joint 'nope'; its joints: turn"),
        (("bolt",), "'fixed'"),
        (("finger2",), "mimics 'finger'"),
        (("turn", "turn"), "repeat"),
    ],
)
def test_joints_that_cannot_be_commanded_are_refused(joints: tuple[str, ...], message: str) -> None:
    with pytest.raises(LimitsError, match=message):
        load(joints=joints)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ([], "must be a mapping"),
        ({"limits": {}}, "joint_limits"),
        ({"joint_limits": {"turn": 3}}, "must be a mapping of"),
        ({"joint_limits": {"turn": {"max_acc": 3.0}}}, "unknown 'max_acc'; valid keys: min_position"),
        ({"joint_limits": {"trun": entry()}}, "no joint 'trun'"),
        ({"joint_limits": {}, "other": 1}, "unknown 'other'"),
        ({"joint_limits": {"turn": {"has_jerk_limits": True}}}, "max_jerk is missing"),
        ({"joint_limits": {"turn": {**entry(), "has_jerk_limits": "yes"}}}, "true or false"),
        ("/no/such/file.yaml", "cannot read"),
    ],
)
def test_a_broken_yaml_is_refused(stated: Any, message: str) -> None:
    with pytest.raises(LimitsError, match=message):
        load(stated, joints=("turn",))


def test_direct_construction_is_checked_too() -> None:
    good = load(joints=("turn",))
    fields = {"units": ("rad",), **{n: getattr(good, n) for n in ("lower", "upper", "velocity", "jerk", "effort")}}
    with pytest.raises(LimitsError, match="acceleration"):
        JointLimits(("turn",), acceleration=np.array([np.nan]), **fields)
    with pytest.raises(LimitsError, match="shape"):
        JointLimits(("turn",), acceleration=np.ones(2), **fields)
