"""The gate of an arm with its topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from vla_core.safety.checking import Prepared
from vla_core.safety.clock import Now
from vla_core.safety.config import GateConfig
from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.gate import ArmGate, Command
from vla_core.safety.proposal import SOURCE_JOINT, Proposal, Refused, Trace
from vla_inference.monitor.command_publisher import CommandPublisher
from vla_inference.monitor.convert import StateReader, chunk_proposal, command_proposal, nanoseconds, trace_of
from vla_inference.monitor.driver import Driver
from vla_inference.monitor.latency import LatencyLog
from vla_msgs.msg import ActionChunk

LEADS_S = (0.015, 0.03, 0.06, 0.12)  # a check that took longer than its lead is repeated with the next
SHORT = 4  # points up to which a command is checked at once, under the lock, and published from its callback


class ArmDriver(Driver[ArmGate, CommandPublisher]):
    """Joint chunks and commands in, trajectories and gripper set-points out."""

    def __init__(
        self,
        node: Node,
        config: GateConfig,
        parameters: dict[str, Any],
        group: CallbackGroup,
        now: Callable[[], Now],
        latency: LatencyLog,
        changed: Callable[[], None],
    ) -> None:
        gripper = None if config.gripper is None else config.gripper.joint_names[0]
        topic = parameters["command_topic"]
        gripper_topic = parameters["gripper_topic"] if gripper else None
        publisher = CommandPublisher(node, topic, gripper_topic, config.limits.joint_names)
        super().__init__(node, ArmGate(config), publisher, now, latency, changed)
        self._reader = StateReader(config.limits.joint_names, gripper)
        self._state_stamp_ns = 0
        self.command_topics = [topic] + ([gripper_topic] if gripper_topic else [])

        def subscribe(kind: type, name: str, callback: Callable[[Any], None], qos: QoSProfile) -> Subscription:
            return node.create_subscription(kind, name, callback, qos, callback_group=group)

        self.subscriptions = [
            subscribe(JointState, "joint_states", self.on_state, qos_profile_sensor_data),
            subscribe(ActionChunk, "vla/action_chunk", self.on_chunk, QoSProfile(depth=1)),
            subscribe(JointTrajectory, SOURCE_JOINT, self.on_command, QoSProfile(depth=1)),
        ]

    def on_state(self, message: JointState) -> None:
        """A joint state; one that is not newer than the last proves nothing and is passed over."""
        stamp_ns = nanoseconds(message.header.stamp)
        if 0 < stamp_ns == self._state_stamp_ns:
            return
        state = self._reader.read(message)
        if state is not None:
            self._state_stamp_ns = stamp_ns
            self._gate.measure(state.position, state.velocity, state.grip, self._now(), state.effort)

    def on_chunk(self, chunk: ActionChunk) -> None:
        """A plan of the inference node: checked beside the running stream."""
        received = self._now()
        trace = trace_of(chunk)
        if chunk.kind != ActionChunk.KIND_JOINT:
            detail = f"kind {chunk.kind} is not for an arm; send KIND_JOINT ({ActionChunk.KIND_JOINT})"
            self._gate.refuse(Verdict(Decision.HOLD, "dimensions", "chunk_kind", detail), trace, received)
            decided = self._now()
        else:
            decided = self._consider(lambda: chunk_proposal(chunk), trace, received)
        self._latency.decided(chunk, received, decided)
        self._report()

    def on_command(self, trajectory: JointTrajectory) -> None:
        """A plan of anyone else; a short one goes out from here."""
        received = self._now()
        if len(trajectory.points) > SHORT:
            self._consider(lambda: command_proposal(trajectory), Trace(SOURCE_JOINT), received)
        else:
            self._at_once(trajectory, received)
        self._report()

    def _consider(self, convert: Callable[[], Proposal], trace: Trace, received: Now) -> Now:
        """Judge a plan beside the running stream and carry the decision out; returns when it was made."""
        try:
            proposal = convert()
        except Refused as refused:
            self._gate.refuse(refused.verdict, trace, received)
            return self._now()
        for lead_s in LEADS_S:
            decided = self._install(self._gate.check(proposal, self._now(), lead_s))
            if decided is not None:
                return decided
        self._gate.refuse(_too_slow(), trace, self._now())
        return self._now()

    def _install(self, prepared: Prepared) -> Now | None:
        """Put a decision in force and send its first command at once; None: it came too late.

        The ticks keep their pace: this command is one more, between two of them.
        """
        with self._gate.lock:
            now = self._now()  # read with the lock held: a tick that had it has moved the stream on
            if self._gate.install(prepared, now) is None:
                return None
            command = None if prepared.motion is None else self._gate.command(now)
            decided = self._now()
            if command is not None:
                self._publisher.publish(command)
        self._note_first(command)
        return decided

    def _at_once(self, trajectory: JointTrajectory, received: Now) -> None:
        try:
            proposal = command_proposal(trajectory)
        except Refused as refused:
            self._gate.refuse(refused.verdict, Trace(SOURCE_JOINT), received)
            return
        with self._gate.lock:
            verdict = self._gate.submit(proposal, received)
            if verdict.decision in (Decision.PASS, Decision.SLOW):
                command = self._gate.command(received)
                if command is not None:
                    self._publisher.publish(command)

    def tick(self, now: Now) -> None:
        """One command period."""
        gate = self._gate
        with gate.lock:
            command = gate.tick(now)
            if command is not None:
                self._publisher.publish(command)
        self._note_first(command)
        self._report()

    def _note_first(self, command: Command | None) -> None:
        """The first command of a chunk has left."""
        if command is not None and command.trace is not None and command.trace.chunk_id:
            self._latency.published(command.trace.chunk_id, self._now())


def _too_slow() -> Verdict:
    detail = f"checking took longer than {LEADS_S[-1]} s; the machine is overloaded"
    return Verdict(Decision.HOLD, "source", "check_overrun", detail, brakes=False)
