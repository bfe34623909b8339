"""``vla say``: give an instruction and follow it, or leave it to run."""

from __future__ import annotations

import math

from rclpy.duration import Duration
from rich.markup import escape
from std_msgs.msg import String

from vla_bringup.console import console, styled
from vla_bringup.errors import NotRunningError, RefusedError
from vla_bringup.graph.instruction import InstructionClient, Outcome
from vla_bringup.graph.session import DISCOVERY_S, RELIABLE, session, wait_until
from vla_msgs.action import ExecuteInstruction

TOPIC = "vla/instruction"
FOLLOW_S = 24 * 3600.0  # every instruction has a timeout of its own; this one only ends a wait for a dead node


def say(sentence: str, namespace: str, timeout_s: float) -> None:
    """Follow ``sentence`` to its end; Ctrl-C cancels it. RefusedError unless it was completed."""
    with session("vla_say", namespace) as ros:
        client = InstructionClient(ros)
        client.wait_for_server()
        with console.status(f"“{escape(sentence)}”") as line:

            def show(feedback: ExecuteInstruction.Feedback) -> None:
                done = "" if math.isnan(feedback.progress) else f"  done {feedback.progress:4.0%}"
                line.update(
                    f"“{escape(sentence)}”  {feedback.elapsed_s:5.1f} s  {styled(feedback.gate_state)}"
                    f"  inference {feedback.inference_ms:.0f} ms{done}"
                )

            running = client.send(sentence, timeout_s, show)
            try:
                outcome = running.outcome(FOLLOW_S)
            except KeyboardInterrupt:
                running.cancel()
                outcome = running.outcome(5.0)
    _report(outcome)


def _report(outcome: Outcome) -> None:
    summary = f"{outcome.name} after {outcome.duration_s:.1f} s, {outcome.chunks} chunks"
    if outcome.name in ("COMPLETED", "CANCELED"):
        console.print(f"[green]{summary}[/]" if outcome.name == "COMPLETED" else summary)
        return
    raise RefusedError(f"{summary}: {outcome.message}")


def say_and_leave(sentence: str, namespace: str) -> None:
    """Publish ``sentence`` once, as ``ros2 topic pub --once`` would. NotRunningError when nobody listens."""
    with session("vla_say", namespace) as ros:
        publisher = ros.node.create_publisher(String, TOPIC, RELIABLE)
        if not wait_until(lambda: publisher.get_subscription_count() > 0, DISCOVERY_S):
            raise NotRunningError(f"a listener on {TOPIC}", DISCOVERY_S)
        publisher.publish(String(data=sentence))
        if not publisher.wait_for_all_acked(Duration(seconds=2)):
            raise NotRunningError(f"an acknowledgement on {TOPIC}", 2.0)
    console.print(f"sent to {TOPIC}: “{escape(sentence)}”")
