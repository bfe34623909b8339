"""The live side: one stack with its taps, what is heard of it, and the few things that an operator does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from proof.faults.config import PlanConfig, StackConfig, TopicConfig
from proof.faults.home import way_home
from proof.faults.interfaces import fill, message_type, profile
from proof.faults.processes import Processes
from proof.faults.record import Log, Said, Sample
from proof.faults.tap import Tap
from vla_bringup.errors import NotRunningError, StackError
from vla_bringup.graph.session import LATCHED, Session, wait_until

SETTLE_S = 10.0
MOVE_S = 30.0
NEAR_HOME_RAD = 0.05
EVERY = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)


class Rig:
    """Use as a context: leaving it ends every process. taps: "plan", "joint_states", "clock" or names of cameras."""

    def __init__(self, config: StackConfig, logs: Path, places: Mapping[str, str], taps: Sequence[str]) -> None:
        self.config = config
        self.log = Log()
        self.taps: dict[str, Tap] = {}
        self.session = Session("faults")
        topics = {name: topic_of(config, name) for name in taps}
        remaps: dict[str, dict[str, str]] = {}
        for topic in topics.values():
            if not topic.source:
                remaps.setdefault(topic.role, {})[topic.topic] = source_of(topic)
        self.processes = Processes(config, self.session, logs, places, remaps)
        try:
            for name, topic in topics.items():
                self.taps[name] = Tap(self.session.node, source_of(topic), topic.topic, topic.type, topic.qos)
            self._listen("joint_states" in taps)
            self._instructions = self.session.node.create_publisher(
                message_type(config.instruction.type), config.instruction.topic, QoSProfile(depth=10)
            )
            self._homing = (
                self.session.node.create_publisher(JointTrajectory, config.truth.home_topic, QoSProfile(depth=1))
                if config.truth.home_topic
                else None
            )
            # Latched, so that a monitor that starts late hears what is pressed.
            self.button = (
                self.session.node.create_publisher(Bool, config.e_stop_topic, LATCHED) if config.e_stop_topic else None
            )
            self.processes.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all of it."""
        try:
            self.processes.end()
        finally:
            for tap in self.taps.values():
                tap.close()
            self.session.close()

    # --- what is heard

    def _listen(self, tapped: bool) -> None:
        config = self.config
        truth = config.truth.topic
        if tapped and config.joint_states is not None and truth == config.joint_states.topic:
            truth = source_of(config.joint_states)  # the robot's own word, before the tap
        self.session.subscribe(JointState, truth, self._on_truth, EVERY)
        status = config.status
        self.session.subscribe(message_type(status.type), status.topic, self._on_status, profile(status.qos))
        if config.truth.excess_topic:
            kind = message_type(config.truth.excess_type)
            self.session.subscribe(kind, config.truth.excess_topic, self._on_excess, EVERY)

    def _on_truth(self, message: JointState) -> None:
        now_ns = time.monotonic_ns()
        index = {name: k for k, name in enumerate(message.name)}
        if not all(name in index for name in self.config.truth.joints):
            return
        pick = [index[name] for name in self.config.truth.joints]
        stamp_ns = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        sample = Sample(now_ns, stamp_ns, np.array(message.position)[pick], np.array(message.velocity)[pick])
        self.log.samples.append(sample)

    def _on_status(self, message: Any) -> None:
        now_ns = time.monotonic_ns()
        status = self.config.status
        self.log.said.append(Said(now_ns, int(getattr(message, status.state)), str(getattr(message, status.reason))))

    def _on_excess(self, message: Any) -> None:
        self.log.excess = max(self.log.excess, float(getattr(message, self.config.truth.excess_field)))

    # --- what an operator does

    @property
    def stopped(self) -> bool:
        """Whether only a reset makes the monitor go on."""
        return self.log.state is None or self.log.state in self.config.status.stopped

    def ask(self, service: str) -> tuple[bool, str]:
        """Call a Trigger service: whether it succeeded, and what it said."""
        try:
            answer = self.session.call(Trigger, service, Trigger.Request(), 5.0)
        except NotRunningError as error:
            return False, str(error)
        return bool(answer.success), str(answer.message)

    def reset(self, timeout_s: float = SETTLE_S) -> None:
        """Arm the monitor. StackError with its last words when it does not."""
        deadline = time.monotonic() + timeout_s
        while True:
            done, words = self.ask(self.config.reset)
            if done and self.session.wait_for(lambda: not self.stopped, 2.0):
                return
            if time.monotonic() > deadline:
                raise StackError(f"{self.config.reset} did not arm the monitor: {words}")
            time.sleep(0.2)

    def instruct(self) -> None:
        """Say once what makes the arm move."""
        config = self.config.instruction
        self._instructions.publish(fill(message_type(config.type), config.message))

    def moving(self) -> bool:
        """Whether the arm moves, and not merely creeps."""
        return self.log.speed > self.config.promises.moving_rad_s

    def resting(self) -> bool:
        """Whether the newest sample is at rest."""
        return bool(self.log.samples) and self.log.speed < self.config.promises.rest_rad_s

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def move(self, timeout_s: float = MOVE_S) -> None:
        """Instruct until the arm moves. StackError when it does not."""
        deadline = time.monotonic() + timeout_s
        while not self.moving():
            if time.monotonic() > deadline:
                last = self.log.said[-1].reason if self.log.said else "nothing"
                raise StackError(f"the arm did not begin to move within {timeout_s:g} s; the monitor said: {last}")
            self.instruct()
            self.session.wait_for(self.moving, self.config.instruction.again_s)

    def go_home(self) -> None:
        """Bring the arm to where every fault begins; StackError when it does not get there."""
        homing = self._homing
        if homing is None:
            return
        home = np.array(self.config.truth.home_rad)

        def there() -> bool:
            return bool(np.abs(self.log.samples[-1].position - home).max() < NEAR_HOME_RAD) and self.resting()

        if not self.session.wait_for(lambda: bool(self.log.samples), SETTLE_S):
            raise StackError(f"nothing is heard on {self.config.truth.topic}")
        wait_until(lambda: homing.get_subscription_count() > 0, SETTLE_S)
        deadline = time.monotonic() + MOVE_S
        while not there():
            if time.monotonic() > deadline:
                raise StackError("the arm did not get home")
            if self.stopped:
                self.reset()
            command = way_home(self.config.truth.joints, self.log.samples[-1].position, home)
            homing.publish(command)
            last = command.points[-1].time_from_start
            self.session.wait_for(there, last.sec + last.nanosec * 1e-9 + 1.0)

    def end_instruction(self) -> None:
        """Let the planner start anew: a stop ends whatever instruction there is."""
        if self.config.emergency_stop:
            self.ask(self.config.emergency_stop)
            wait_until(self.resting, SETTLE_S)
            self.reset()


def topic_of(config: StackConfig, name: str) -> TopicConfig | PlanConfig:
    """What a tap's name stands for. StackError when the description does not have it."""
    topic = getattr(config, name, None) if name in ("plan", "joint_states", "clock") else config.cameras.get(name)
    if topic is None:
        raise StackError(f"{name} is not in the description of {config.name}")
    return topic


def source_of(topic: TopicConfig | PlanConfig) -> str:
    """Where the publisher of a tapped topic publishes."""
    return topic.source or f"{topic.topic}_source"
