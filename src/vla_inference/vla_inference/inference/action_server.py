"""``vla/execute_instruction``: give a sentence and follow it to its outcome."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future

from vla_core.instructions import InstructionError
from vla_inference.inference.reception import Reception
from vla_inference.inference.tasks import Outcome, Task, TaskDesk
from vla_msgs.action import ExecuteInstruction

ACTION_NAME = "vla/execute_instruction"


class InstructionActionServer:
    """Every goal is accepted by the protocol and ends with an outcome: a rejected goal could not say why.

    now_ns: ROS time. gate_state: name of the safety monitor's state, for the feedback.
    on_refusal: told about each refused goal.
    """

    def __init__(
        self,
        node: LifecycleNode,
        reception: Reception,
        desk: TaskDesk,
        now_ns: Callable[[], int],
        gate_state: Callable[[], str],
        on_refusal: Callable[[InstructionError], None],
    ) -> None:
        self._node = node
        self._reception = reception
        self._desk = desk
        self._now_ns = now_ns
        self._gate_state = gate_state
        self._on_refusal = on_refusal
        self._running: dict[int, ServerGoalHandle] = {}
        self._server = ActionServer(
            node,
            ExecuteInstruction,
            ACTION_NAME,
            execute_callback=self._execute,
            goal_callback=lambda _: GoalResponse.ACCEPT,
            cancel_callback=self._cancel,
        )

    def publish_feedback(self) -> None:
        """Tell the client of the running task how far it is."""
        task = self._desk.current
        handle = None if task is None else self._running.get(task.task_id)
        if task is None or handle is None:
            return
        handle.publish_feedback(
            ExecuteInstruction.Feedback(
                instruction_id=task.task_id,
                elapsed_s=task.elapsed_s(self._now_ns()),
                progress=task.progress,
                inference_ms=task.inference_ms,
                gate_state=self._gate_state(),
            )
        )

    def destroy(self) -> None:
        """Take the action off the graph."""
        self._server.destroy()

    def _cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        """The task ends here and now; its goal is closed when the executor gets to it."""
        for task_id, running in self._running.items():
            if running == handle:
                self._desk.end(task_id, Outcome.CANCELED, "canceled by the client", self._now_ns())
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> ExecuteInstruction.Result:
        if handle.is_cancel_requested:  # before there was a task to end
            handle.canceled()
            return ExecuteInstruction.Result(outcome=int(Outcome.CANCELED), message="canceled before it began")
        ended = Future()
        try:
            task = self._reception.receive(
                handle.request.instruction, "action", self._now_ns(), handle.request.timeout_s, self._waker(ended)
            )
        except InstructionError as refusal:
            self._on_refusal(refusal)
            handle.abort()
            return ExecuteInstruction.Result(outcome=int(Outcome.REFUSED), message=str(refusal))
        self._running[task.task_id] = handle
        try:
            await ended
        finally:
            del self._running[task.task_id]
        outcome = self._close(handle, task)
        return ExecuteInstruction.Result(
            outcome=int(outcome),
            message=task.message,
            instruction_id=task.task_id,
            chunks=task.chunks,
            duration_s=task.elapsed_s(self._now_ns()),
        )

    def _waker(self, ended: Future) -> Callable[[Task], None]:
        """A task may end on the inference thread; the executor has to be woken to see it."""

        def wake(task: Task) -> None:
            ended.set_result(task)
            executor = self._node.executor
            if executor is not None:
                executor.wake()

        return wake

    @staticmethod
    def _close(handle: ServerGoalHandle, task: Task) -> Outcome:
        """The protocol's own state of the goal; the outcome says it more exactly."""
        if task.outcome is None:
            raise ValueError(f"task {task.task_id} is closed before its end")
        if task.outcome is Outcome.COMPLETED:
            handle.succeed()
        elif task.outcome is Outcome.CANCELED and handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return task.outcome
