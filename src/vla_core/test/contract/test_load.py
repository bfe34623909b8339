"""Contracts are read strictly: every refusal names the field and what would be valid."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from vla_core.contract import Contract, UncertaintySpec, contract_to_mapping, load_contract
from vla_core.errors import ContractError
from vla_core.testing import (
    make_base_twist_example,
    make_base_twist_mapping,
    make_contract_example,
    make_contract_mapping,
    make_ee_delta_example,
    make_ee_delta_mapping,
)

ROTATIONS = ("rotation_vector", "euler_xyz", "quaternion_xyzw", "rotation_6d")


def edited(path: str, value: object, mapping: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The example with the value at a dotted ``path`` replaced; ``...`` removes it."""
    result: dict[str, Any] = copy.deepcopy(dict(mapping or make_contract_mapping()))
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    here: Any = result
    for part in parents:
        here = here[part]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return result


@pytest.mark.parametrize(
    "contract",
    [make_contract_example(), make_base_twist_example(), *(make_ee_delta_example(name) for name in ROTATIONS)],
    ids=lambda contract: contract.action.space,
)
def test_a_contract_survives_being_written_and_read(contract: Contract, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(contract_to_mapping(contract)))
    assert load_contract(file) == contract
    assert load_contract(tmp_path) == contract


def test_names_and_sizes_of_the_tabletop_contract() -> None:
    contract = make_contract_example()
    assert contract.policy_id == "tabletop_example@0.1.0"
    assert contract.camera_names == ("front", "wrist")
    assert contract.state_names == (*(f"joint{i}" for i in range(1, 8)), "finger_joint1")
    assert contract.action_names == contract.state_names
    assert contract.action.names == contract.state_names[:-1]
    assert contract.action_size == 8
    assert contract.camera("wrist").source_aspect == 1.0
    with pytest.raises(KeyError, match="front, wrist"):
        contract.camera("left")


def test_a_contract_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_contract_example().name = "other"  # type: ignore[misc]


UNSURE = {"kind": "token_entropy", "window_s": 2.0, "full_speed_below": 2.8, "hold_above": 3.0}

REFUSED: list[tuple[str, object, str]] = [
    ("format", "vla-policy/2", r"format: unknown format 'vla-policy/2'.*valid: vla-policy/1"),
    ("name", ..., r"name: missing"),
    ("name", 7, r"name: expected a text"),
    ("runtime", "onxx", r"runtime: unknown runtime 'onxx' \(did you mean 'onnx'\?\); valid: onnx, torch"),
    ("camera", [], r"contract: unknown key 'camera' \(did you mean 'cameras'\?\)"),
    ("cameras", {}, r"cameras: expected a list"),
    ("cameras.1.name", "front", r"cameras\[1\].name: 'front' appears twice"),
    ("cameras.0.encoding", "bgr8", r"cameras\[0\].encoding: unknown encoding 'bgr8'.*valid: rgb8"),
    ("cameras.0.resize", "robot", r"cameras\[0\].resize: .*valid: none, node, policy"),
    ("cameras.0.resize_method", "zoom", r"resize_method: .*valid: stretch, pad, crop"),
    ("cameras.0.width", 0, r"cameras\[0\].width: expected a whole number from 1"),
    ("cameras.0.width", 96.0, r"cameras\[0\].width: expected a whole number"),
    ("cameras.0.height", True, r"cameras\[0\].height: expected a whole number"),
    ("cameras.0.max_age_s", 0, r"cameras\[0\].max_age_s: 0 is outside \(0, 60\]"),
    ("cameras.0.fps", 30, r"cameras\[0\]: unknown key 'fps'.*valid: name, width"),
    ("max_skew_s", ..., r"max_skew_s: missing"),
    ("max_skew_s", "1e-3", r"max_skew_s: expected a number; got '1e-3' \(YAML reads"),
    ("max_skew_s", float("nan"), r"max_skew_s: expected a finite number"),
    ("state.0.unit", "deg", r"state\[0\].unit: unknown unit 'deg'.*valid: rad, m"),
    ("state.1.name", "joint1", r"state\[1\].name: 'joint1' appears twice"),
    ("state.0", {"name": "other", "unit": "rad"}, r"action.dimensions\[0\]: chunk_relative needs joint1 \[rad\] in st"),
    ("state_range.min", [0.0] * 7, r"state_range.min: expected 8 numbers, one per dimension; got 7"),
    ("state_range.max", [-9.0] * 8, r"state_range.max\[0\]: -9 is below min"),
    ("state_range.margin", -0.1, r"state_range.margin: -0.1 is negative"),
    ("action.space", "joint_positions", r"action.space: .*did you mean 'joint_position'.*base_twist"),
    ("action.kind", "relative", r"action.kind: .*valid: absolute, chunk_relative, step_relative"),
    ("action.dimensions", [], r"action.dimensions: empty"),
    ("action.dimensions.0.unit", "rad/s", r"action.dimensions\[0\].unit: .*valid: rad, m"),
    ("action.frame", "base_link", r"action.frame: joint_position has no frame; remove it"),
    ("action.tip", "tool0", r"action.tip: joint_position has no tip"),
    ("action.rotation", "rotation_6d", r"action.rotation: joint_position has no rotation"),
    ("action.period_s", 0, r"action.period_s: 0 is outside"),
    ("action.horizon", 0, r"action.horizon: expected a whole number from 1"),
    ("action.gripper.kind", "binary", r"action.gripper.kind: .*valid: absolute"),
    ("action.gripper.unit", "percent", r"action.gripper.unit: .*valid: rad, m"),
    ("action.gripper.open", 0.0, r"action.gripper: open and closed are both 0 m"),
    ("action.gripper.name", "joint3", r"action.gripper.name: 'joint3' is also in action.dimensions"),
    ("normalization", ..., r"normalization: missing"),
    ("normalization.action", ..., r"normalization.action: missing"),
    ("normalization.action.q99", ..., r"normalization.action.q99: missing"),
    ("normalization.state.std", [1.0] * 7, r"normalization.state.std: expected 8 numbers.*got 7"),
    ("normalization.state.std", [-1.0] * 8, r"normalization.state.std: -1 is negative"),
    ("normalization.state.mean", [[0.0] * 8], r"normalization.state.mean: .*for actions only"),
    ("normalization.action.q01", [[0.0] * 8] * 7, r"normalization.action.q01: expected 8 rows.*got 7"),
    ("normalization.action.q01", [[0.0] * 8] * 8, r"normalization.action: q01 and q99 must have the same shape"),
    ("normalization.action.q01", [9.0] * 8, r"normalization.action: q99 0.2 is below q01 9"),
    ("normalization.action.mean", [0.0] * 8, r"normalization.action.mean: method quantile does not use it"),
    ("normalization.action.method", "q99", r"normalization method 'q99'.*valid: none, mean_std, min_max, quantile"),
    ("normalization.action.mask", [True] * 7, r"normalization.action.mask: expected 8 times true or false"),
    ("normalization.action.mask", [1] * 8, r"normalization.action.mask: expected 8 times true or false"),
    ("tokenizer.convention", "openvla", r"tokenizer.convention: .*valid: endpoint_grid, bin_centers"),
    ("tokenizer.bins", 1, r"tokenizer.bins: expected a whole number from 3"),
    ("tokenizer.high", -1.0, r"tokenizer.high: -1 is outside \(-1, inf\]"),
    ("done.threshold", 1.5, r"done.threshold: 1.5 is outside \(0, 1\]"),
    ("done.hold_chunks", 0, r"done.hold_chunks: expected a whole number from 1"),
    ("uncertainty", UNSURE, r"uncertainty: a policy with runtime mock is never in doubt"),
    ("language", {"encoder": "a", "tokenizer": "b", "max_tokens": 3}, r"language.encoder: 'a' is not listed in files"),
    ("mock.behaviour", "dance", r"mock.behaviour: .*valid: hold, constant"),
    ("mock", {"behaviour": "constant"}, r"mock.values: missing; behaviour constant needs 8 numbers"),
    ("mock", ..., r"mock: missing"),
    ("url", "ws://host", r"url: only runtime remote has it; this contract's runtime is mock"),
    ("recording", "a.npz", r"recording: only runtime recorded has it"),
    ("files", {"../model.onnx": "0" * 64}, r"files: '../model.onnx' is not a plain path inside the bundle"),
    ("files", {"/etc/passwd": "0" * 64}, r"is not a plain path"),
    ("files", {"policy.yaml": "0" * 64}, r"is not a plain path"),
    ("files", {"a//b": "0" * 64}, r"is not a plain path"),
    ("files", {"model.onnx": "abc"}, r"files.model.onnx: expected a sha256"),
    ("files", [], r"files: expected a mapping"),
]


@pytest.mark.parametrize(("path", "value", "message"), REFUSED, ids=[f"{p}={v!r}"[:60] for p, v, _ in REFUSED])
def test_a_wrong_value_is_refused_by_name(path: str, value: object, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        load_contract(edited(path, value))


def unsure_mapping() -> dict[str, Any]:
    """A policy of tokens that says when it is unsure."""
    return edited("mock", ..., make_contract_mapping(runtime="torch", uncertainty=UNSURE))


def test_how_doubt_is_measured_survives_being_written_and_read() -> None:
    contract = load_contract(unsure_mapping())
    assert contract.uncertainty == UncertaintySpec("token_entropy", 2.0, 2.8, 3.0)
    assert load_contract(contract_to_mapping(contract)) == contract


def test_without_the_section_a_policy_has_no_doubt() -> None:
    assert load_contract(edited("uncertainty", ..., unsure_mapping())).uncertainty is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("uncertainty.kind", "entropy", r"unknown kind of uncertainty 'entropy'.*valid: token_entropy"),
        ("uncertainty.hold_abov", 3.0, r"uncertainty: unknown key 'hold_abov' \(did you mean 'hold_above'\?\)"),
        ("uncertainty.window_s", ..., r"uncertainty.window_s: missing"),
        ("uncertainty.window_s", 0.0, r"uncertainty.window_s: 0 is outside \(0, 60\]"),
        ("uncertainty.full_speed_below", 0.0, r"uncertainty.full_speed_below: 0 is outside \(0, 5.54518\]"),
        ("uncertainty.hold_above", 2.8, r"uncertainty.hold_above: 2.8 is outside \(2.8, 5.54518\]"),
        ("uncertainty.hold_above", 5.6, r"uncertainty.hold_above: 5.6 is outside"),
        ("uncertainty.hold_above", float("nan"), r"uncertainty.hold_above: expected a finite number"),
        ("tokenizer", ..., r"uncertainty.kind: token_entropy needs action tokens, but the contract has no tokenizer"),
    ],
)
def test_a_doubt_that_means_nothing_is_refused(path: str, value: object, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        load_contract(edited(path, value, unsure_mapping()))


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_pose_delta_has_exactly_the_columns_of_its_rotation(rotation: str) -> None:
    broken = edited("action.dimensions.3.name", "wrong", make_ee_delta_mapping(rotation))
    with pytest.raises(ContractError, match=rf"rotation {rotation} has exactly the dimensions x \[m\], y \[m\]"):
        load_contract(broken)


@pytest.mark.parametrize("key", ["rotation", "frame", "tip"])
def test_a_pose_delta_must_say_what_it_moves_and_in_which_frame(key: str) -> None:
    with pytest.raises(ContractError, match=rf"action.{key}: missing"):
        load_contract(edited(f"action.{key}", ..., make_ee_delta_mapping()))


def test_an_absolute_pose_delta_is_refused() -> None:
    with pytest.raises(ContractError, match=r"action.kind: .*valid: chunk_relative, step_relative"):
        load_contract(edited("action.kind", "absolute", make_ee_delta_mapping()))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("action.dimensions.0.name", "forward", r"unknown twist component 'forward'.*valid: linear_x"),
        ("action.dimensions.0.unit", "rad/s", r"linear_x is in m/s; got 'rad/s'"),
        ("action.gripper", {"name": "g"}, r"base_twist has no gripper"),
        ("action.frame", ..., r"action.frame: missing"),
        ("action.kind", "chunk_relative", r"action.kind: .*valid: absolute"),
    ],
)
def test_a_wrong_twist_is_refused(path: str, value: object, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        load_contract(edited(path, value, make_base_twist_mapping()))


def test_relative_actions_may_come_in_per_step_statistics() -> None:
    rows = {"method": "quantile", "q01": [[-0.1] * 8] * 8, "q99": [[0.1] * 8] * 8, "mask": [True] * 7 + [False]}
    contract = load_contract(edited("normalization.action", rows))
    assert contract.normalization.action.q01 == ((-0.1,) * 8,) * 8
    assert contract.normalization.action.mask == (True,) * 7 + (False,)


def test_a_dimension_without_spread_is_allowed() -> None:
    flat = edited("normalization.action", {"method": "quantile", "q01": [0.1] * 8, "q99": [0.1] * 8})
    assert load_contract(flat).normalization.action.q01 == (0.1,) * 8
    still = edited("normalization.state.std", [0.0] * 8)
    assert load_contract(still).normalization.state.std == (0.0,) * 8


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text) and None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, r"policy.yaml: cannot be read"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), r"policy.yaml: cannot be read"),
        (_text("{"), r"policy.yaml: is not valid YAML"),
        (_text("a: 1\na: 2\n"), r"policy.yaml: line 2: key 'a' appears twice"),
        (_text("- 1"), r"contract: expected a mapping with the keys format, name"),
        (_text(""), r"contract: expected a mapping"),
        (_text("!!python/object/apply:os.system ['true']"), r"is not valid YAML"),
    ],
)
def test_a_file_that_is_no_contract_is_refused_with_its_path(
    make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    make(file)
    with pytest.raises(ContractError, match=message) as caught:
        load_contract(os.fspath(file))
    assert str(file) in str(caught.value)
