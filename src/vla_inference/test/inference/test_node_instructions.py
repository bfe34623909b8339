"""inference_node on a live graph: how instructions start, are refused, and end."""

from __future__ import annotations

import pytest
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from vla_msgs.action import ExecuteInstruction
from vla_msgs.msg import InferenceStatus, SafetyStatus

pytestmark = pytest.mark.ros

Result = ExecuteInstruction.Result


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("", "instruction_empty"),
        ("x" * 10_000, "instruction_too_long"),
        ("a\nb", "instruction_control_characters"),
    ],
)
def test_a_bad_sentence_is_refused_with_its_reason(robot, active_node, sentence: str, code: str) -> None:
    robot.say(sentence)
    robot.wait(lambda: f"({code})" in robot.statuses[-1].detail, "no refusal was told")
    assert robot.statuses[-1].state == InferenceStatus.IDLE
    result = robot.result(robot.execute(sentence))
    assert result.outcome == Result.REFUSED and f"({code})" in result.message


def test_bytes_that_are_not_utf8_are_refused(robot, active_node) -> None:
    robot.wait(lambda: robot._instruction.get_subscription_count() > 0, "no node listens")
    robot._instruction.publish(serialize_message(String(data="pick xx up")).replace(b"xx", b"\xff\xfe"))
    robot.wait(lambda: "(instruction_not_utf8)" in robot.statuses[-1].detail, "no refusal was told")


def test_a_refused_sentence_leaves_the_running_instruction_alone(robot, active_node) -> None:
    robot.say("pick up the red cube")
    robot.wait_state(InferenceStatus.RUNNING)
    robot.say("")
    assert all(chunk.instruction == "pick up the red cube" for chunk in robot.wait_chunks(5))


def test_the_newest_instruction_preempts(robot, active_node) -> None:
    goal = robot.execute("pick up the red cube")
    robot.wait_chunks(1)
    robot.say("push the blue cube")
    result = robot.result(goal)
    assert result.outcome == Result.PREEMPTED and result.chunks >= 1
    robot.wait(lambda: robot.chunks[-1].instruction == "push the blue cube", "the newer one is not served")
    assert robot.chunks[-1].instruction_id == result.instruction_id + 1


def test_a_goal_times_out(robot, active_node) -> None:
    result = robot.result(robot.execute("pick up the red cube", timeout_s=0.5))
    assert result.outcome == Result.TIMEOUT
    assert result.duration_s >= 0.5
    robot.wait_state(InferenceStatus.IDLE)


def test_a_goal_can_be_canceled_and_tells_how_far_it_is(robot, active_node) -> None:
    goal = robot.execute("pick up the red cube")
    robot.wait(lambda: robot.feedback and robot.feedback[-1].inference_ms > 0, "no feedback came")
    assert robot.feedback[-1].gate_state == "HOLDING"
    goal.cancel_goal_async()
    assert robot.result(goal).outcome == Result.CANCELED


def test_a_latched_stop_of_the_gate_ends_the_instruction(robot, active_node) -> None:
    goal = robot.execute("pick up the red cube")
    robot.wait_chunks(1)
    robot.gate(SafetyStatus.STOPPED, decision=SafetyStatus.STOP, reason="e_stop", detail="emergency stop pressed")
    result = robot.result(goal)
    assert result.outcome == Result.GATE_STOPPED and "emergency stop pressed" in result.message


@pytest.mark.parametrize("field", ["state", "decision"])
def test_a_status_of_the_gate_that_is_not_understood_counts_as_none(active_node, monkeypatch, field: str) -> None:
    heard = []  # beside what the robot's own gate goes on sending
    monkeypatch.setattr(active_node._gate, "update", heard.append)
    active_node._take_safety_status(SafetyStatus(reason="understood"))
    active_node._take_safety_status(SafetyStatus(reason="strange", **{field: 99}))
    assert {report.reason for report in heard} - {""} == {"understood"}


def test_a_disarmed_gate_refuses(robot, active_node) -> None:
    robot.gate(SafetyStatus.DISARMED)
    robot.wait(lambda: active_node._gate.state_name == "DISARMED", "the gate's state did not arrive")
    result = robot.result(robot.execute("pick up the red cube"))
    assert result.outcome == Result.REFUSED and "vla/reset" in result.message


def test_a_transition_that_the_state_does_not_have_is_refused_and_the_node_lives(robot, active_node) -> None:
    assert not robot.transition("configure")
    assert robot.result(robot.execute("pick up the red cube", timeout_s=0.5)).outcome == Result.TIMEOUT
