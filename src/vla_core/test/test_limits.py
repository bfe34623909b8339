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


def direct(**changes: Any) -> JointLimits:
    fields: dict[str, Any] = {
        "joint_names": ["a", "b"], "units": ["rad", "m"], "lower": np.array([-1.0, -np.inf]),
        "upper": np.array([1.0, np.inf]), "velocity": np.ones(2), "acceleration": np.ones(2), "jerk": np.ones(2),
        "effort": np.array([1.0, np.inf]),
    }  # fmt: skip
    return JointLimits(**{**fields, **changes})


def test_limits_made_directly_are_frozen_and_indexed_by_name() -> None:
    limits = direct()
    assert limits.joint_names == ("a", "b") and limits.units == ("rad", "m") and len(limits) == 2
    assert (limits.index("a"), limits.index("b")) == (0, 1)
    with pytest.raises(LimitsError, match="joint 'c' has no limits here; known joints: a, b"):
        limits.index("c")
    for name in ("lower", "upper", "velocity", "acceleration", "jerk", "effort"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(limits, name)[0] = 9.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joint_names": ["a", "a"]}, "repeat"),
        ({"units": ["rad"]}, "units"),
        ({"units": ["rad", "deg"]}, "units .*2 of 'rad', 'm'"),
        *(({name: np.ones(3)}, f"{name} has shape") for name in ("lower", "upper", "velocity", "acceleration", "jerk")),
        ({"effort": np.ones((2, 1))}, "effort has shape"),
        ({"lower": np.array([1.0, 0.0])}, "'a': lower 1.0 must be below"),
        ({"lower": np.array([-1.0, np.inf])}, "'b': lower inf must be below"),
        ({"upper": np.array([1.0, np.nan])}, "'b': lower -inf must be below"),
        *(({name: np.array([1.0, bad])}, f"'b': {name} {bad} must be positive")
          for name in ("velocity", "acceleration", "jerk") for bad in (0.0, -1.0, np.nan, np.inf)),
        *(({"effort": np.array([1.0, bad])}, f"'b': effort {bad} must be") for bad in (0.0, -1.0, np.nan)),
    ],
)  # fmt: skip
def test_limits_made_directly_are_checked(change: dict[str, Any], message: str) -> None:
    with pytest.raises(LimitsError, match=message):
        direct(**change)


def test_tightening_leaves_the_others_and_the_original_alone() -> None:
    limits = direct()
    tighter = limits.tightened({"b": {"max_velocity": 0.5, "min_position": -2, "max_position": 3.0}})
    assert tighter.velocity.tolist() == [1.0, 0.5] and limits.velocity.tolist() == [1.0, 1.0]
    assert (tighter.lower.tolist(), tighter.upper.tolist()) == ([-1.0, -2.0], [1.0, 3.0])
    assert limits.tightened({"a": {"max_velocity": 1.0}}).velocity[0] == 1.0  # as tight is tight enough
    with pytest.raises(LimitsError, match=r"override: joint 'a': velocity 2\.0 is looser"):
        limits.tightened({"a": {"max_velocity": 2.0}})
    with pytest.raises(LimitsError, match="config: joint 'a': max_velocity is 'x'"):
        limits.tightened({"a": {"max_velocity": "x"}}, "config")
    with pytest.raises(LimitsError, match="'c' has no limits here"):
        limits.tightened({"c": {}})


def test_selecting_an_unknown_joint_is_refused() -> None:
    picked = direct().select(["b"])
    assert picked.lower.tolist() == [-np.inf] and picked.effort.tolist() == [np.inf] and picked.units == ("m",)
    with pytest.raises(LimitsError, match="'c' has no limits here"):
        direct().select(["c"])


def mimicking(
    follower: str, kind: str = "prismatic", master: str = 'lower="0" upper="0.05" velocity="0.2"'
) -> JointLimits:
    """Limits of a finger that another joint follows."""
    urdf = f"""<robot name="r">
      <joint name="m" type="prismatic"><parent link="a"/><child link="b"/><limit {master}/></joint>
      <joint name="f" type="{kind}"><parent link="a"/><child link="c"/>{follower}</joint></robot>"""
    return load_joint_limits(urdf, {"joint_limits": {"m": entry()}}, ("m",))


@pytest.mark.parametrize(
    ("follower", "lower", "upper", "velocity"),
    [
        ('<limit lower="0.01" upper="0.04" velocity="0.1"/><mimic joint="m"/>', 0.01, 0.04, 0.1),
        ('<limit lower="-1" upper="1" velocity="9"/><mimic joint="m"/>', 0.0, 0.05, 0.2),
        ('<limit lower="0.01" upper="0.04" velocity="0.1"/><mimic joint="m" multiplier="2"/>', 0.005, 0.02, 0.05),
        ('<limit lower="0.01" upper="0.04" velocity="0.1"/><mimic joint="m" offset="-0.005"/>', 0.015, 0.045, 0.1),
        ('<limit lower="-0.04" upper="-0.01" velocity="0.1"/><mimic joint="m" multiplier="-1"/>', 0.01, 0.04, 0.1),
        ('<limit lower="0.01" upper="0.04" velocity="0.1"/><mimic joint="m" multiplier="0"/>', 0.0, 0.05, 0.2),
        ('<limit velocity="0.1"/><mimic joint="m"/>', 0.0, 0.05, 0.1),
        ('<limit upper="0.01"/><mimic joint="m"/>', 0.0, 0.05, 0.2),
        ('<limit lower="0.01"/><mimic joint="m"/>', 0.0, 0.05, 0.2),
        ('<mimic joint="m"/>', 0.0, 0.05, 0.2),
        ('<limit lower="0.01" upper="0.04" velocity="0.1"/>', 0.0, 0.05, 0.2),
        ('<limit lower="0.01" upper="0.04" velocity="0.1"/><mimic joint="other"/>', 0.0, 0.05, 0.2),
    ],
)
def test_a_follower_tightens_what_it_follows(follower: str, lower: float, upper: float, velocity: float) -> None:
    limits = mimicking(follower)
    np.testing.assert_allclose([limits.lower[0], limits.upper[0], limits.velocity[0]], [lower, upper, velocity])


def test_a_continuous_follower_bounds_the_speed_alone() -> None:
    limits = mimicking('<limit lower="0.01" upper="0.04" velocity="0.1"/><mimic joint="m"/>', "continuous")
    assert (limits.lower[0], limits.upper[0], limits.velocity[0]) == (0.0, 0.05, 0.1)


def test_effort_that_nothing_states_is_infinite_and_that_of_the_yaml_counts() -> None:
    assert mimicking("").effort[0] == np.inf
    assert load(limits_yaml(turn={**entry(), "has_effort_limits": True, "max_effort": 50})).effort[0] == 50.0


def test_position_limits_of_the_yaml_tighten_the_urdf() -> None:
    tight = {**entry(), "has_position_limits": True, "min_position": -1, "max_position": 0}
    limits = load(limits_yaml(turn=tight))
    assert (limits.lower[0], limits.upper[0]) == (-1.0, 0.0)
    for key, value in (("min_position", -2.5), ("max_position", 1.6)):
        with pytest.raises(LimitsError, match=r"joint_limits\.yaml: joint 'turn': .* looser than the limit in force"):
            load(limits_yaml(turn={**tight, key: value}))


def test_a_continuous_joint_has_no_position_limits_whatever_its_urdf_says() -> None:
    urdf = URDF.replace('<limit velocity="3"', '<limit lower="-1" upper="1" velocity="3"')
    limits = load_joint_limits(urdf, limits_yaml(), ("spin",))
    assert (limits.lower[0], limits.upper[0]) == (-np.inf, np.inf)


@pytest.mark.parametrize("missing", ["lower", "upper", "velocity"])
def test_what_a_urdf_must_state_is_asked_for_by_name(missing: str) -> None:
    given = {"lower": "0", "upper": "1", "velocity": "1"}
    del given[missing]
    with pytest.raises(LimitsError, match=f"joint 'm' states no {missing}; add {missing}="):
        mimicking("", master=" ".join(f'{key}="{value}"' for key, value in given.items()))


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"joint_limits": {"turn": {"has_position_limits": True, "min_position": 0}}}, "min_position or max_position"),
        ({"joint_limits": {"turn": {"has_position_limits": True, "max_position": 0}}}, "is missing"),
        ({"joint_limits": {"turn": {"has_velocity_limits": True}}}, "has_velocity_limits is true but max_velocity"),
        ({"joint_limits": {"turn": {"has_acceleration_limits": True}}}, "max_acceleration is missing"),
        ({"joint_limits": {"turn": {"has_effort_limits": True}}}, "max_effort is missing"),
        ({"joint_limits": {"turn": {"min_position": float("inf")}}}, "min_position is inf, must be a finite"),
        ({"joint_limits": {"turn": {"max_position": True}}}, "max_position is True"),
        ({"joint_limits": {"turn": {"has_effort_limits": None}}}, "has_effort_limits is None, must be true or false"),
        ({"joint_limits": []}, "must be a mapping with the key"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(stated: Any, message: str) -> None:
    with pytest.raises(LimitsError, match=message):
        load(stated, joints=("turn",))


def test_what_moveit_keeps_for_its_own_planner_is_allowed() -> None:
    stated = {**limits_yaml(), "default_velocity_scaling_factor": 0.1, "default_acceleration_scaling_factor": 0.1}
    np.testing.assert_array_equal(load(stated).velocity, load().velocity)


def test_every_unknown_key_is_named() -> None:
    with pytest.raises(LimitsError, match="unknown 'x', 'y'; valid keys: joint_limits, default_velocity"):
        load({"joint_limits": {}, "x": 1, "y": 2})
    with pytest.raises(LimitsError, match=r"joint 'turn': unknown 'z'; valid keys: min_position.*has_effort_limits"):
        load(limits_yaml(turn={"z": 1}))


def test_a_file_that_is_no_yaml_or_no_text_is_refused(tmp_path: Path) -> None:
    for content in (b"joint_limits: [", b"\xff\xfe\x00"):
        path = tmp_path / "broken.yaml"
        path.write_bytes(content)
        for source in (path, str(path)):
            with pytest.raises(LimitsError, match=r"cannot read .*broken\.yaml"):
                load(source)


def test_a_robot_without_joints_says_so() -> None:
    with pytest.raises(LimitsError, match="no joint 'turn'; its joints: none"):
        load_joint_limits("<robot/>", {"joint_limits": {}}, ("turn",))


def test_an_override_tightens_only_the_joints_asked_for() -> None:
    limits = load(joints=("spin", "turn"), override={"turn": {"max_jerk": 7.0}, "finger": {"max_jerk": 9.0}})
    assert limits.jerk.tolist() == [1000.0, 7.0]
    with pytest.raises(LimitsError, match="robot config: joint 'turn': jerk 1001"):
        load(override={"turn": {"max_jerk": 1001}})
    with pytest.raises(LimitsError, match="robot config: the URDF has no joint"):
        load(override={"nope": {}})
