"""Descriptions of stacks: the shipped one, and what is said of broken ones."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from proof.faults.catalogue import FAULTS
from proof.faults.cli import SHIPPED
from proof.faults.config import FaultsConfigError, load, parse

PLAIN = yaml.safe_load(SHIPPED.read_text())


def changed(path: str, value: object) -> Any:
    """The shipped description with one field changed, or taken out (None)."""
    data = copy.deepcopy(PLAIN)
    *way, last = path.split(".")
    target = data
    for key in way:
        target = target[key]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return data


def test_the_shipped_description_has_every_fault() -> None:
    config = load(SHIPPED)
    assert [fault.name for fault in FAULTS if fault.inapplicable(config)] == []
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 26


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("format", "vla-faults/2", "vla-faults/1"),
        ("processes", [], "not a mapping"),
        ("processes.gripper", {"command": ["x"]}, "valid: robot, monitor, planner, worker"),
        ("processes.monitor", {}, "exactly one of node, command, child_of, attach"),
        ("processes.monitor", {"node": "a/b", "attach": "c"}, "node, attach given"),
        ("processes.monitor", {"node": "safety_monitor"}, "<package>/<executable>"),
        ("processes.monitor", {"node": "a/b", "lifecycle": True}, "processes.monitor.name"),
        ("processes.worker", {"child_of": "gate", "match": "x"}, "'gate' is none of"),
        ("processes.worker", {"child_of": "planner"}, "processes.worker.match"),
        ("processes.robot", None, "processes.robot: missing"),
        ("promises.stop_s", None, "promises.stop_s: missing"),
        ("promises.stop_s", 0, "not positive"),
        ("promises.stop_s", "fast", "promises.stop_s: 'fast' is not a float"),
        ("promises.stop_s", float("nan"), "not positive and finite"),
        ("promises.rest_rad_s", 0.5, "below moving_rad_s"),
        ("promises.stop", 0.4, "promises.stop: not known; valid: stop_s"),
        ("truth.home_rad", [0.0], "1 values for 7 joints"),
        ("truth.joints", "joint1", "not a list"),
        ("plan.qos", "best", "not one of sensor, reliable, latched"),
        ("plan.role", "brain", "'brain' is none of"),
        ("status", None, "status: missing"),
        ("colour", "red", "colour: not known"),
    ],
)
def test_what_is_wrong_is_named(path: str, value: object, words: str) -> None:
    with pytest.raises(FaultsConfigError, match=words.replace("[", r"\[")):
        parse(changed(path, value))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FaultsConfigError, match=r"none\.yaml"):
        load(tmp_path / "none.yaml")


def test_a_stack_without_a_worker_or_cameras_skips_their_faults() -> None:
    data = changed("processes.worker", None)
    data["cameras"] = {}
    config = parse(data)
    skipped = {fault.name: fault.inapplicable(config) for fault in FAULTS if fault.inapplicable(config)}
    assert set(skipped) == {"camera frozen", "camera gone", "worker killed", "worker hung", "worker slow"}
    assert "worker" in skipped["worker hung"]


def test_goals_follow_the_promises_and_reasons_of_the_stack() -> None:
    config = parse(changed("promises.stop_s", 0.9) | {"reasons": {"NaN": ["not_a_number"]}})
    (fault,) = [fault for fault in FAULTS if fault.name == "NaN"]
    goal = fault.goal(config)
    assert (goal.rest_s, goal.reasons, goal.any_reason) == (0.9, ("not_a_number",), False)
    config = parse(changed("format", "vla-faults/1") | {"any_reason": True})
    assert fault.goal(config).any_reason


def test_what_others_started_is_neither_led_through_the_runner_nor_ended_for_good() -> None:
    data = changed("processes.monitor", {"attach": "safety_monitor"})
    data["processes"]["planner"] = {"attach": "my_planner", "restart": ["systemctl", "restart", "planner"]}
    skipped = {fault.name: fault.inapplicable(parse(data)) for fault in FAULTS}
    assert "source of plan" in skipped["NaN"]
    assert "processes.monitor.restart" in skipped["monitor killed"]
    assert not skipped["inference_node killed"] and not skipped["monitor paused"] and not skipped["worker killed"]
    data["plan"]["source"] = "vla/action_chunk_raw"
    assert not {fault.name: fault for fault in FAULTS}["NaN"].inapplicable(parse(data))
