"""inference_node: cameras, joint states and a sentence in, timed plans for the safety monitor out.

This file only puts the rooms of ``vla_inference.inference`` together and maps the lifecycle onto them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from vla_core.errors import VlaError
from vla_core.instructions import InstructionError, InstructionIntake, InstructionRate, load_instruction_policy
from vla_core.types import JointPlan, TwistPlan
from vla_inference.inference.action_server import InstructionActionServer
from vla_inference.inference.clocks import Clocks
from vla_inference.inference.gate_view import GateDecision, GateReport, GateState, GateView
from vla_inference.inference.load_service import LoadService
from vla_inference.inference.loader import Candidate, Loader
from vla_inference.inference.loop import InferenceLoop
from vla_inference.inference.messages import action_chunk_message
from vla_inference.inference.parameters import (
    InferenceParameters,
    declare_parameters,
    read_parameters,
    refuse_unknown_parameters,
)
from vla_inference.inference.process import run_node
from vla_inference.inference.pump import pump_until
from vla_inference.inference.reception import Reception
from vla_inference.inference.robot_source import resolve_file
from vla_inference.inference.seen import ChunkTrace
from vla_inference.inference.sensors import Sensors
from vla_inference.inference.status_board import NodeStatus, StatusBoard
from vla_inference.inference.status_publisher import StatusPublisher
from vla_inference.inference.tasks import Outcome, TaskDesk
from vla_inference.lifecycle import answer_impossible_transitions
from vla_msgs.msg import ActionChunk, SafetyStatus

INSTRUCTION_TOPIC = "vla/instruction"
CHUNK_TOPIC = "vla/action_chunk"
SAFETY_TOPIC = "vla/safety_status"
_TICK_S = 0.1
_INPUTS_S = 3.0
_LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.VOLATILE)
_SUCCESS, _FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class InferenceNode(LifecycleNode):
    """The lifecycle node; ``steady_ns`` is the clock of all watchdogs."""

    def __init__(self, *, steady_ns: Callable[[], int] = time.monotonic_ns, **options: Any) -> None:
        super().__init__("inference_node", **options)
        answer_impossible_transitions(self)
        declare_parameters(self)
        self._clocks = Clocks(lambda: self.get_clock().now().nanoseconds, steady_ns)
        self._active = False
        self._desk = TaskDesk()
        self._status = StatusPublisher(self, self._clocks.ros_ns, self._diagnostics)
        self._board = StatusBoard(self._desk, self._status.publish_status)
        self._gate = GateView(self._value("gate.timeout_s"), self._value("gate.required"))
        self._chunks = self.create_lifecycle_publisher(ActionChunk, CHUNK_TOPIC, _NEWEST)
        self._loop = InferenceLoop(
            self._desk, self._board, self._gate, self._clocks, lambda: 1.0 / self._value("replan_rate_hz"), self._emit
        )
        self._sensors: Sensors | None = None
        self._loader: Loader | None = None
        self._candidate: Candidate | None = None
        self._swapping = threading.Lock()
        self.stopping = threading.Event()
        self._reception = Reception(
            InstructionIntake(self._value("instruction.max_chars")),
            self._desk,
            [self._lifecycle_objection, self._worker_objection, lambda: self._gate.objection(steady_ns())],
            lambda: self._value("instruction.timeout_s"),
            InstructionRate(self._value("instruction.min_interval_s")),
            steady_ns,
        )
        self._refusals = 0
        self._last_refusal = ""
        self.create_subscription(String, INSTRUCTION_TOPIC, self._take_instruction, QoSProfile(depth=10))
        self.create_subscription(SafetyStatus, SAFETY_TOPIC, self._take_safety_status, _LATCHED)
        self._actions = InstructionActionServer(
            self, self._reception, self._desk, self._clocks.ros_ns, lambda: self._gate.state_name, self._refused
        )
        self._load_service = LoadService(self, self._hot_swap, self._policy_id, self._lifecycle_objection)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_TICK_S, self._tick, clock=steady)
        self.create_timer(2 * _TICK_S, self._actions.publish_feedback, clock=steady)
        self.create_timer(1.0, self._tell, clock=steady)
        self._tell()

    # -- lifecycle ----------------------------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Check the parameters and the bundle, subscribe to the sensors, start the worker."""
        return self._guarded("configure", self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Wait for worker and sensors, hold the contract against the live robot, then serve."""
        result = self._guarded("activate", self._activate)
        return result if result is _FAILURE else super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End the running instruction; the executed plan runs out into a hold."""
        self._deactivate("inference_node was deactivated")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End the worker and leave the sensors."""
        self._release()
        return _SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """The same from any state."""
        self.close()
        return _SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """A defect: back to the beginning, with nothing left running."""
        self.close()
        return _SUCCESS

    def close(self) -> None:
        """End everything that runs beside the executor. May be called twice."""
        self._deactivate("inference_node ends")
        self._release()

    def _configure(self) -> None:
        parameters = read_parameters(self)
        refuse_unknown_parameters(self)
        self._release()
        self._reception.judge_with(self._intake(parameters))
        slowness = 1.0 / parameters.min_real_time_factor
        self._sensors = Sensors(self, parameters, self._clocks, self._loop.notify)
        self._loader = Loader(
            self,
            parameters,
            self._sensors,
            self._clocks,
            lambda: slowness if self._value("use_sim_time") else 1.0,
        )
        self._candidate = self._loader.begin(self._value("bundle"))

    @staticmethod
    def _intake(parameters: InferenceParameters) -> InstructionIntake:
        if not parameters.policy_file:
            return InstructionIntake(parameters.max_chars)
        path = resolve_file(parameters.policy_file, "instruction.policy_file")
        return InstructionIntake(parameters.max_chars, load_instruction_policy(path, parameters.max_chars))

    def _activate(self) -> None:
        loader, candidate = self._loader, self._candidate
        if loader is None or candidate is None:
            raise ValueError("activated before it was configured")

        def is_settled() -> bool:
            complete = candidate.is_settled() and not loader.missing(candidate)
            return complete or candidate.is_refused() or self.stopping.is_set()

        pump_until(self, is_settled, self._value("activation_timeout_s"), time.monotonic)
        self._loop.swap(loader.finish(candidate, 0.0, self._wait_for_inputs))
        self._loop.start()
        self._active = True
        self._board.set_active(True)

    def _wait_for_inputs(self, condition: Callable[[], bool]) -> None:
        """On a busy machine images are old, or ahead of /clock, for a moment."""
        pump_until(self, lambda: condition() or self.stopping.is_set(), _INPUTS_S, time.monotonic)

    def _deactivate(self, reason: str) -> None:
        with self._swapping:
            self._active = False
        self._desk.end_current(Outcome.CANCELED, reason, self._clocks.ros_ns())
        self._loop.stop()
        self._loop.swap(None)
        self._board.set_active(False)

    def _release(self) -> None:
        if self._candidate is not None:
            self._candidate.policy.close()
            self._candidate = None
        if self._loader is not None:
            self._loader.close()
            self._loader = None
        if self._sensors is not None:
            self._sensors.destroy()
            self._sensors = None

    def _guarded(self, transition: str, work: Callable[[], None]) -> TransitionCallbackReturn:
        """rclpy swallows what a transition raises; here its reason is logged and told in the status."""
        try:
            work()
        except VlaError as error:
            self.get_logger().error(f"cannot {transition}: {error}")
            self._board.set_remark(f"cannot {transition}: {error}")
            return _FAILURE
        except Exception as error:
            self.get_logger().fatal(f"cannot {transition}: internal error: {type(error).__name__}: {error}")
            raise
        return _SUCCESS

    # -- what comes in ------------------------------------------------------------------------------------------------

    def _take_instruction(self, message: String) -> None:
        try:
            self._reception.receive(message.data, "topic", self._clocks.ros_ns())
        except InstructionError as refusal:
            self._refused(refusal)
        self._board.refresh()
        self._loop.notify()

    def _refused(self, refusal: InstructionError) -> None:
        self._refusals += 1
        self._last_refusal = str(refusal)
        if refusal.code == "instruction_rate":  # a flood must not become one of the log
            self.get_logger().warning(str(refusal), throttle_duration_sec=1.0)
        else:
            self.get_logger().warning(str(refusal))
        self._board.set_remark(str(refusal))

    def _take_safety_status(self, message: SafetyStatus) -> None:
        try:
            state, decision = GateState(message.state), GateDecision(message.decision)
        except ValueError as error:  # not heard is what it comes to: after its time, a silent monitor counts as dead
            self.get_logger().error(f"{SAFETY_TOPIC} is not understood: {error}", throttle_duration_sec=5.0)
            return
        self._gate.update(
            GateReport(
                state=state,
                decision=decision,
                reason=message.reason,
                detail=message.detail,
                chunk_id=message.chunk_id,
                received_ns=self._clocks.steady_ns(),
            )
        )
        self._watch_gate()

    def _hot_swap(self, bundle: str) -> str:
        """Runs on the thread of the load service."""
        loader = self._loader
        if loader is None:
            raise ValueError("hot swap before configuration")
        candidate, engine = loader.load(bundle)
        with self._swapping:
            if not self._active:
                candidate.policy.close()
                raise VlaError("inference_node left the active state while the policy was being loaded")
            previous, self._candidate = self._candidate, candidate
            self._loop.swap(engine)
        if previous is not None:
            previous.policy.close()
        return engine.policy_id

    # -- what follows -------------------------------------------------------------------------------------------------

    def _emit(self, plan: JointPlan | TwistPlan, trace: ChunkTrace) -> None:
        """On the inference thread."""
        self._chunks.publish(action_chunk_message(plan, trace))

    def _tick(self) -> None:
        self._desk.tick(self._clocks.ros_ns())
        self._watch_gate()
        self._board.refresh()

    def _watch_gate(self) -> None:
        if self._desk.current is None:
            return
        objection = self._gate.objection(self._clocks.steady_ns())
        if objection is not None:
            self._desk.end_current(Outcome.GATE_STOPPED, objection, self._clocks.ros_ns())
            self._board.refresh()

    def _tell(self) -> None:
        status: NodeStatus = self._board.current()
        self._status.publish_status(status)
        self._status.publish_diagnostics(status)

    def _lifecycle_objection(self) -> str | None:
        return None if self._active else "inference_node is not active; configure and activate it first"

    def _worker_objection(self) -> str | None:
        engine = self._loop.engine
        fault = None if engine is None else engine.worker_fault()
        return None if fault is None else f"the policy worker is down: {fault}"

    def _policy_id(self) -> str:
        engine = self._loop.engine
        return "" if engine is None else engine.policy_id

    def _diagnostics(self) -> Mapping[str, str]:
        values = {
            "safety monitor": self._gate.state_name,
            "instructions refused": str(self._refusals),
            "last refusal": self._last_refusal,
        }
        return values if self._sensors is None else {**values, **self._sensors.diagnostics()}

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value


def main() -> None:
    """Entry point of the process."""
    run_node(InferenceNode)


if __name__ == "__main__":
    main()
