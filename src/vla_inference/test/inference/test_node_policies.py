"""inference_node on a live graph: which policies it takes, how they end, and what happens when one dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from vla_core.testing import make_base_twist_mapping, make_contract_mapping
from vla_msgs.action import ExecuteInstruction
from vla_msgs.msg import ActionChunk, InferenceStatus

from .conftest import worker_processes

pytestmark = pytest.mark.ros

Result = ExecuteInstruction.Result


def activate(robot) -> None:
    assert robot.transition("configure"), robot.statuses[-1].detail
    assert robot.transition("activate"), robot.statuses[-1].detail


def workers() -> list[int]:
    """Process ids of the policy workers that this process has started."""
    return worker_processes(os.getpid())


def test_a_killed_worker_is_told_and_comes_back(robot, start_node, make_bundle) -> None:
    start_node(make_bundle())
    activate(robot)
    goal = robot.execute("pick up the red cube")
    robot.wait_chunks(1)
    os.kill(workers()[0], signal.SIGKILL)
    assert robot.result(goal).outcome == Result.WORKER_FAILED
    robot.wait(lambda: any(s.state == InferenceStatus.WORKER_DOWN for s in robot.statuses), "it was not told")
    robot.wait(lambda: robot.statuses[-1].worker_restarts == 1, "it was not started again")
    robot.wait_state(InferenceStatus.IDLE)
    robot.say("pick up the red cube")
    robot.wait_chunks(2)


def test_a_hanging_worker_is_killed_after_the_deadline(robot, start_node, make_bundle) -> None:
    start_node(make_bundle(), inference_deadline_s=0.5)
    activate(robot)
    goal = robot.execute("pick up the red cube")
    robot.wait_chunks(1)
    os.kill(workers()[0], signal.SIGSTOP)
    result = robot.result(goal)
    assert result.outcome == Result.WORKER_FAILED and "0.5 s" in result.message
    robot.wait(lambda: robot.statuses[-1].worker_restarts == 1, "it was not started again")
    robot.wait_state(InferenceStatus.IDLE)


def test_the_policys_done_signal_completes(robot, start_node, make_bundle) -> None:
    done = {"done": {"threshold": 0.5, "hold_chunks": 2}, "mock": {"behaviour": "hold", "done_after_chunks": 3}}
    start_node(make_bundle(**done))
    activate(robot)
    result = robot.result(robot.execute("pick up the red cube"))
    assert (result.outcome, result.chunks) == (Result.COMPLETED, 4)


def test_a_policy_that_returns_nan_never_gets_active(robot, start_node, make_bundle) -> None:
    start_node(make_bundle(mock={"behaviour": "nan"}))
    assert robot.transition("configure")
    assert not robot.transition("activate")
    robot.wait(lambda: "nan" in robot.statuses[-1].detail, "no reason was told")


def test_a_hot_swap_goes_on_with_the_running_instruction(robot, start_node, make_bundle) -> None:
    start_node(make_bundle("first"))
    activate(robot)
    robot.say("pick up the red cube")
    robot.wait_chunks(1)
    answer = robot.load_policy(make_bundle("second", name="second"))
    assert answer.success and answer.policy_id == "second@0.1.0"
    robot.wait(lambda: robot.chunks[-1].policy_id == "second@0.1.0", "the second policy is not in force")
    assert robot.chunks[-1].instruction == "pick up the red cube"
    ids = [chunk.chunk_id for chunk in robot.chunks[-20:]]
    assert ids == sorted(set(ids))
    robot.wait(lambda: len(workers()) == 1, "the first worker did not end")


def test_a_bad_bundle_leaves_the_running_policy(robot, start_node, make_bundle, tmp_path: Path) -> None:
    start_node(make_bundle("good"))
    activate(robot)
    corrupted = make_bundle("corrupted")
    (corrupted / "unlisted.bin").write_bytes(b"x")
    camera = {"name": "back", "width": 96, "height": 96, "encoding": "rgb8", "resize": "none"}
    camera |= {"resize_method": "stretch", "max_age_s": 0.3}
    cases = {
        corrupted: "unlisted.bin",
        tmp_path / "nowhere": "no such folder",
        make_bundle("back", cameras=[camera]): "back",
        make_bundle("nan", mock={"behaviour": "nan"}): "nan",
    }
    robot.say("pick up the red cube")
    for bundle, word in cases.items():
        answer = robot.load_policy(bundle)
        assert not answer.success and word in answer.message
        assert answer.policy_id == "tabletop_example@0.1.0"
    assert robot.wait_chunks(1)[0].policy_id == "tabletop_example@0.1.0"
    robot.wait(lambda: len(workers()) == 1, "a refused worker did not end")


def test_a_policy_for_another_robot_is_refused_with_every_difference(robot, start_node, make_bundle) -> None:
    mapping = make_contract_mapping()
    state = [{"name": f"shoulder_{index}", "unit": "rad"} for index in range(7)]
    mapping["action"]["dimensions"] = state
    mapping["state"] = [*state, mapping["state"][-1]]
    other = make_bundle("other", name="other", **{key: mapping[key] for key in ("action", "state")})
    start_node(other)
    assert robot.transition("configure")
    assert not robot.transition("activate")
    robot.wait(lambda: "shoulder_0" in robot.statuses[-1].detail, "no reason was told")
    assert all(f"shoulder_{index}" in robot.statuses[-1].detail for index in range(7))
    assert "joint1" in robot.statuses[-1].detail and "remedy" in robot.statuses[-1].detail


def test_a_base_policy_makes_twists(robot, start_node, tmp_path: Path, make_bundle) -> None:
    mapping = make_base_twist_mapping()
    start_node(make_bundle(**mapping))
    activate(robot)
    robot.say("go forward")
    chunk = robot.wait_chunks(1)[0]
    assert chunk.kind == ActionChunk.KIND_TWIST and chunk.header.frame_id == "base_link"
    assert len(chunk.twists) >= 8
    fastest = max(chunk.twists, key=lambda timed: timed.twist.linear.x).twist
    assert (fastest.linear.x, fastest.angular.z) == pytest.approx((0.2, 0.3))
    last = chunk.twists[-1].twist
    assert (last.linear.x, last.angular.z) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"replan_rate": 5.0}, ["'replan_rate'", "replan_rate_hz"]),
        ({"camera__front__transport": "theora"}, ["camera.front.transport", "compressed"]),
        ({"joint_limits_file": "package://nowhere/limits.yaml"}, ["joint_limits_file", "nowhere"]),
        ({"bundle": ""}, ["bundle"]),
        ({"instruction__policy_file": "/nowhere/rules.yaml"}, ["instruction.policy_file", "/nowhere/rules.yaml"]),
    ],
)
def test_a_bad_parameter_refuses_configuration(robot, start_node, make_bundle, parameters, words) -> None:
    start_node(**({"bundle": make_bundle()} | parameters))
    assert not robot.transition("configure")
    robot.wait(lambda: all(word in robot.statuses[-1].detail for word in words), "no reason was told")


def spy_on_policy(node, monkeypatch) -> list[str]:
    """The sentences of all observations that the node's policy is asked with from now on."""
    engine = node._loop.engine
    asked, infer = [], engine.infer

    def spy(observation):
        asked.append(observation.instruction)
        return infer(observation)

    monkeypatch.setattr(engine, "infer", spy)
    return asked


def test_a_denied_sentence_never_reaches_the_policy(robot, start_node, make_bundle, tmp_path, monkeypatch) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("deny: [{pattern: '\\bkill\\b', reason: nothing is harmed here}]")
    node = start_node(make_bundle(), instruction__policy_file=str(rules))
    activate(robot)
    asked = spy_on_policy(node, monkeypatch)

    robot.say("k\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}ll the cube")
    robot.wait(lambda: "(instruction_denied)" in robot.statuses[-1].detail, "no refusal was told")
    assert "nothing is harmed here" in robot.statuses[-1].detail
    assert robot.statuses[-1].state == InferenceStatus.IDLE
    result = robot.result(robot.execute("KILL the cube"))
    assert result.outcome == Result.REFUSED
    assert "(instruction_denied): nothing is harmed here" in result.message
    assert node._diagnostics()["instructions refused"] == "2"
    assert "nothing is harmed here" in node._diagnostics()["last refusal"]

    robot.say("pick up the red cube")  # the sentinel: this one does reach it, through the same door
    robot.wait_chunks(1)
    robot.say("kill the cube")
    robot.wait(lambda: node._refusals == 3, "the third was not refused")
    robot.wait_chunks(2)
    assert set(asked) == {"pick up the red cube"}
    assert {chunk.instruction for chunk in robot.chunks} == {"pick up the red cube"}


def test_a_flood_of_instructions_is_refused_and_the_first_one_served(robot, start_node, make_bundle) -> None:
    node = start_node(make_bundle(), instruction__min_interval_s=60.0)
    activate(robot)
    robot.say("pick up the red cube")
    robot.wait_chunks(1)
    for _ in range(20):  # the topic keeps the newest 10 of what the node was too slow for
        robot.say("push the blue cube")
    robot.wait(lambda: node._refusals >= 10, "they were not refused")
    assert "(instruction_rate)" in node._diagnostics()["last refusal"]
    assert {chunk.instruction for chunk in robot.wait_chunks(2)} == {"pick up the red cube"}
