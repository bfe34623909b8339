"""Every row of ``vla robot check``: the graph is asked, the nodes' own loaders and the preflight judge."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from vla_bringup.graph.session import Session
from vla_bringup.robot.config import RobotConfig
from vla_bringup.robot.live_graph import (
    command_facts,
    controller_facts,
    fingerprint,
    manager_facts,
    operator_facts,
    parameters_of_node,
    publishers_of,
)
from vla_core.contract import Contract
from vla_core.errors import VlaError
from vla_core.limits import JointLimits
from vla_core.preflight import Row, Verdict, check_topics, policy_rows, run_preflight, topic_rows
from vla_core.preflight.facts import RobotFacts
from vla_core.preflight.system import (
    ClockFacts,
    CommandFacts,
    JointStateFacts,
    OperatorFacts,
    arm_controller_rows,
    base_controller_rows,
    clock_rows,
    command_rows,
    gate_state_rows,
    manager_row,
    operator_rows,
    plan_joints_row,
    running_row,
)
from vla_inference.inference.clocks import Clocks
from vla_inference.inference.live_robot import robot_facts, topic_facts
from vla_inference.inference.make_planner import RobotModel, arm_joints, make_planner, moves_joints
from vla_inference.inference.robot_source import resolve_file
from vla_inference.inference.sensors import Sensors
from vla_inference.monitor.base_driver import twist_config
from vla_inference.monitor.robot_model import gate_config

SETTLED_S = 3.5
"""The graph is taken for known when it has not changed for so long: DDS announces itself anew every 3 s."""

NOT_COMPARED = ("robot_description", "autostart")
"""Parameters that a monitor may be started with beside its file."""

IMAGES_FOR_A_RATE = 5
STATES_FOR_A_GAP = 20
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class RobotCheck:
    """One look at the live robot. contract: None, where the gate alone is asked about.

    monitor_runs: its rows are asked for; False before it has been started.
    """

    def __init__(self, ros: Session, config: RobotConfig, contract: Contract | None, monitor_runs: bool) -> None:
        self._ros = ros
        self._config = config
        self._contract = contract
        self._monitor_runs = monitor_runs
        clock = config.inference_node.get_clock()
        self._clocks = Clocks(lambda: clock.now().nanoseconds, time.monotonic_ns)
        self._sensors = Sensors(config.inference_node, config.inference, self._clocks, ros.notify)

    def close(self) -> None:
        """Leave the sensors' topics."""
        self._sensors.destroy()

    def wait(self, timeout_s: float) -> bool:
        """Until everything that a whole robot has was seen; False when something is missing at the end.

        However complete it looks: who else is there shows only once discovery has come to rest.
        """
        seen, since_s = fingerprint(self._config.monitor_node), time.monotonic()

        def settled() -> bool:
            nonlocal seen, since_s
            newest, now_s = fingerprint(self._config.monitor_node), time.monotonic()
            if newest is None or newest != seen:
                seen, since_s = newest, now_s
            return now_s - since_s >= SETTLED_S

        complete = self._ros.wait_for(lambda: settled() and self._complete(), timeout_s)
        return complete or (self._ros.wait_for(settled, 2 * SETTLED_S) and self._complete())

    def rows(self) -> tuple[Row, ...]:
        """Everything, as it is now."""
        return tuple(self._all())

    def _complete(self) -> bool:
        sensors, node = self._sensors, self._config.monitor_node
        cameras = self._contract.camera_names if self._contract is not None else tuple(sensors.cameras)
        eyes = all(sensors.count(name) >= IMAGES_FOR_A_RATE for name in cameras if name in sensors.cameras)
        if self._config.is_arm:
            eyes = eyes and len(sensors.joints()) >= STATES_FOR_A_GAP and self._urdf() is not None
        heard = all(node.count_subscribers(node.resolve_topic_name(topic)) for _, topic in self._commands())
        return eyes and heard and (not self._monitor_runs or len(operator_facts(node).services) == 2)

    def _all(self) -> Iterator[Row]:
        config, node = self._config, self._config.monitor_node
        operator = operator_facts(node)
        yield from self._clock_rows()
        yield from self._gate_rows()
        yield from self._policy_rows()
        commands = [command_facts(node, what, topic, ("vla/joint_command",)) for what, topic in self._commands()]
        for command in commands:
            yield from command_rows(command, operator.monitors)
        yield from self._controller_rows(commands, operator)
        if self._monitor_runs:
            yield from operator_rows(operator)
            stated = {name: value for name, value in config.monitor.items() if name not in NOT_COMPARED}
            for monitor in operator.monitors:
                yield running_row(monitor, parameters_of_node(self._ros, monitor, stated), stated)
        else:
            yield Row("safety monitor", Verdict.SKIP, "its rows were left out", "it runs", "run this again with it")
        if config.is_arm and not config.monitor["workspace_file"]:
            remedy = "write a workspace file: docs/your-robot.md"
            yield Row("workspace_file", Verdict.WARN, "none: no collisions are looked for", "a file", remedy)

    def _commands(self) -> list[tuple[str, str]]:
        values = self._config.monitor
        if not self._config.is_arm:
            return [("base command", values["twist_topic"])]
        gripper = [("gripper command", values["gripper_topic"])] if self._config.gripper else []
        return [("arm command", values["command_topic"]), *gripper]

    def _urdf(self) -> str | None:
        return str(self._config.monitor["robot_description"]) or self._sensors.robot.urdf

    def _clock_rows(self) -> Iterator[Row]:
        config = self._config
        modes = {
            "safety_monitor": bool(config.monitor["use_sim_time"]),
            "inference_node": bool(config.inference_node.get_parameter("use_sim_time").value),
        }
        newest = self._sensors.newest_joints() if config.is_arm else None
        age_s = None if newest is None else (self._clocks.ros_ns() - newest.stamp_ns) * 1e-9
        yield from clock_rows(ClockFacts(modes, publishers_of(config.inference_node, "/clock"), age_s))

    def _gate_rows(self) -> Iterator[Row]:
        """The gate's configuration by its own loader, then the joint states it would get."""
        config = self._config
        what, expected = "limits of the gate", "the promised stop can be kept"
        if config.is_arm:
            expected = f"URDF and limit files agree, and {expected}"
        urdf = self._urdf()
        if config.is_arm and urdf is None:
            remedy = "start robot_state_publisher, or set the parameter robot_description"
            yield Row(what, Verdict.FAIL, "nothing on robot_description", expected, remedy)
            return
        try:
            limits, speeds = None, ""
            if config.is_arm and urdf is not None:
                limits = gate_config(urdf, config.monitor).limits
                speeds = f"{len(limits)} joints, {_speeds(limits)}"
            else:
                base = twist_config(config.monitor)
                speeds = f"at most {base.linear.value:g} m/s and {base.angular.value:g} rad/s"
        except VlaError as error:
            difference, _, remedy = str(error).partition("; ")
            yield Row(what, Verdict.FAIL, difference, expected, remedy or "correct the file that is named")
        else:
            scale = config.monitor["velocity_scale"]
            found = f"{speeds} (velocity_scale {scale:g}); rest within {config.monitor['promised_stop_s']:g} s"
            yield Row(what, Verdict.PASS, found, expected)
            if limits is not None:
                yield from self._inside_rows(limits)
        if config.is_arm:
            joints = [*config.joints, *([config.gripper] if config.gripper else [])]
            yield from gate_state_rows(self._joint_states(), joints, config.monitor["max_joint_state_age_s"])

    def _inside_rows(self, limits: JointLimits) -> Iterator[Row]:
        newest = self._sensors.newest_joints()
        if newest is None:
            return
        at = dict(zip(newest.names, newest.positions, strict=False))
        ranges = zip(limits.joint_names, limits.lower, limits.upper, strict=True)
        # Written so that NaN is outside.
        outside = [
            f"{name} at {at[name]:.3f}, limits {low:g} to {high:g}"
            for name, low, high in ranges
            if name in at and not low <= at[name] <= high
        ]
        what, expected = "arm within its limits", "every joint"
        remedy = "move it by hand or pendant, or correct the limits" if outside else ""
        verdict = Verdict.FAIL if outside else Verdict.PASS
        yield Row(what, verdict, "; ".join(outside) or "every joint", expected, remedy)

    def _joint_states(self) -> JointStateFacts | None:
        samples = self._sensors.joints()
        if not samples:
            return None
        received = [sample.received_ns for sample in samples]
        gaps = [later - earlier for earlier, later in itertools.pairwise(received)]
        longest_s = max(gaps) * 1e-9 if gaps else None
        return JointStateFacts(self._sensors.joint_input.topic, samples[-1].names, longest_s)

    def _policy_rows(self) -> Iterator[Row]:
        contract, sensors, config = self._contract, self._sensors, self._config
        if contract is None:
            facts = self._with_description(robot_facts(sensors.cameras, config.is_arm, sensors, config.inference_node))
            yield from topic_rows(facts, check_topics(facts))
            yield Row("policy", Verdict.SKIP, "no bundle was named", "its contract fits the robot", "name one")
            return
        facts = self._with_description(
            robot_facts(contract.camera_names, bool(contract.state), sensors, config.inference_node)
        )
        yield from policy_rows(contract, facts, run_preflight(contract, facts).findings)
        if moves_joints(contract) != config.is_arm:
            found, expected = contract.action.space, "joints" if config.is_arm else "base_twist"
            yield Row("kind of policy", Verdict.FAIL, found, expected, "load a policy for this kind of robot")
        elif config.is_arm:
            yield from self._planner_rows(contract)

    def _with_description(self, facts: RobotFacts) -> RobotFacts:
        """The URDF's topic too, where it is needed and its word is not given as a parameter."""
        config = self._config
        if not config.is_arm or config.monitor["robot_description"]:
            return facts
        node = config.inference_node
        topic = topic_facts(node.resolve_topic_name("robot_description"), node, LATCHED)
        return dataclasses.replace(facts, topics=(*facts.topics, topic))

    def _planner_rows(self, contract: Contract) -> Iterator[Row]:
        what, expected = "limits of the planner", "URDF and joint_limits_file agree"
        parameters = self._config.inference
        try:
            yield plan_joints_row(arm_joints(contract), self._config.joints)
            file = resolve_file(parameters.joint_limits_file, "joint_limits_file")
            model = RobotModel(self._sensors.robot.urdf, file, parameters.base)
            if model.urdf is not None:
                make_planner(contract, model, self._sensors.newest_joints)
                yield Row(what, Verdict.PASS, str(file), expected)
        except VlaError as error:
            difference, _, remedy = str(error).partition("; ")
            yield Row(what, Verdict.FAIL, difference, expected, remedy or "correct the file that is named")

    def _controller_rows(self, commands: list[CommandFacts], operator: OperatorFacts) -> Iterator[Row]:
        listeners = [one.node for command in commands for one in command.listeners]
        for node in dict.fromkeys(one.node for one in commands[0].listeners):
            controller = controller_facts(self._ros, node)
            if self._config.is_arm:
                yield from arm_controller_rows(controller, self._config.joints)
            else:
                yield from base_controller_rows(controller, bool(self._config.monitor["twist_stamped"]))
        yield manager_row(manager_facts(self._ros, self._config.monitor_node), listeners)


def _speeds(limits: JointLimits) -> str:
    slowest, fastest = float(limits.velocity.min()), float(limits.velocity.max())
    return f"at most {slowest:g} to {fastest:g} {limits.units[0]}/s"
