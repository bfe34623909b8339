"""Giving an instruction by the action and following it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.action import ActionClient

from vla_bringup.errors import NotRunningError, RefusedError
from vla_bringup.graph.session import DISCOVERY_S, Session
from vla_bringup.graph.stack_view import names_of
from vla_msgs.action import ExecuteInstruction

ACTION = "vla/execute_instruction"
OUTCOMES = names_of(
    ExecuteInstruction.Result,
    ("COMPLETED", "TIMEOUT", "CANCELED", "PREEMPTED", "REFUSED", "GATE_STOPPED", "WORKER_FAILED"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an instruction ended. ``name`` as in ExecuteInstruction, e.g. ``COMPLETED``."""

    name: str
    message: str
    instruction_id: int
    chunks: int
    duration_s: float


class InstructionClient:
    """Sends instructions; one at a time is followed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._client = ActionClient(session.node, ExecuteInstruction, ACTION)

    def wait_for_server(self, timeout_s: float = DISCOVERY_S) -> None:
        """NotRunningError when inference_node's action is not there."""
        if not self._client.wait_for_server(timeout_sec=timeout_s):
            raise NotRunningError(f"inference_node (action {ACTION})", timeout_s)

    def send(
        self, sentence: str, timeout_s: float, on_feedback: Callable[[ExecuteInstruction.Feedback], None] | None = None
    ) -> RunningInstruction:
        """Give ``sentence``; ``timeout_s`` of ROS time, 0: the node's default."""
        goal = ExecuteInstruction.Goal(instruction=sentence, timeout_s=timeout_s)

        def feedback(message: Any) -> None:
            if on_feedback is not None:
                on_feedback(message.feedback)
                self._session.notify()

        # Sent twice, the second goal preempts the first: so not before an answer is surely lost.
        handle = self._session.ask(
            lambda: self._client.send_goal_async(goal, feedback_callback=feedback), f"the action {ACTION}", 16.0, 5.0
        )
        if not handle.accepted:
            raise RefusedError(f"inference_node did not accept {sentence!r}; its log says why")
        return RunningInstruction(self._session, handle)


class RunningInstruction:
    """An instruction on its way."""

    def __init__(self, session: Session, handle: Any) -> None:
        self._session = session
        self._handle = handle
        self._result = handle.get_result_async()
        self._result.add_done_callback(lambda _: session.notify())

    @property
    def ended(self) -> bool:
        """Whether the outcome is known."""
        return bool(self._result.done())

    def outcome(self, timeout_s: float) -> Outcome:
        """Wait for the end. NotRunningError when it does not come in time."""
        result = self._session.result_of(self._result, f"the action {ACTION}", timeout_s).result
        return Outcome(
            OUTCOMES.get(result.outcome, str(result.outcome)),
            result.message,
            result.instruction_id,
            result.chunks,
            result.duration_s,
        )

    def cancel(self) -> None:
        """Ask for the end; the arm comes to rest where it is."""
        self._handle.cancel_goal_async()
