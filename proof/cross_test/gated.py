"""The shipped planner, monitor and controller around a simulation, on its clock and without a ROS graph.

Everything between the policy's chunk and MuJoCo is what the nodes run, down to the messages; only the middleware is
replaced by calls. Steady and ROS time are both the simulated one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import yaml

from vla_bringup.stack.spec import tabletop_params
from vla_core.contract import Contract
from vla_core.images import content_hash
from vla_core.safety.clock import Now
from vla_core.safety.config import GateConfig
from vla_core.safety.status import State
from vla_core.types import ActionChunk, Observation
from vla_inference.inference.make_planner import RobotModel, make_planner
from vla_inference.inference.messages import action_chunk_message
from vla_inference.inference.parameters import BaseLimits
from vla_inference.inference.samples import CameraProof, JointSample
from vla_inference.inference.seen import ChunkTrace
from vla_inference.monitor.arm_driver import ArmDriver
from vla_inference.monitor.latency import LatencyLog
from vla_inference.monitor.parameters import SPECS
from vla_inference.monitor.robot_model import gate_config, resolve
from vla_policy.training.rollout import STEP_S
from vla_sim.controllers import TrajectoryOptions
from vla_sim.robot import urdf_text
from vla_sim.ros.arm_robot import JOINT_NAMES, ArmRobot
from vla_sim.ros.messages import to_command, to_joint_state
from vla_sim.ros.noise import SensorNoise
from vla_sim.simulation import TabletopSim

STEP_NS = round(STEP_S * 1e9)
SETTLE_STEPS = 20  # before the gate is armed


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one chunk. decision: PASS, SLOW, HOLD, STOP, or DROPPED by the planner. at_s: in the episode."""

    at_s: float
    decision: str
    reason: str
    detail: str
    speed_scale: float


def tabletop(node: str) -> dict[str, Any]:
    """What the tabletop's configuration, which demo and launch file use, says of ``node``."""
    content: dict[str, Any] = yaml.safe_load(tabletop_params().read_text())
    parameters: dict[str, Any] = content[f"/**/{node}"]["ros__parameters"]
    return parameters


def shipped_parameters() -> dict[str, Any]:
    """Parameters of safety_monitor as shipped, defaults included."""
    return {name: spec.default for name, spec in SPECS.items()} | tabletop("safety_monitor")


def shipped_replan_hz() -> float:
    """How often inference_node looks, as shipped [Hz]."""
    return float(tabletop("inference_node")["replan_rate_hz"])


class Sensors:
    """The noise that the shipped simulator gives its cameras."""

    def __init__(self, seed: int) -> None:
        self._noise = SensorNoise(int(tabletop("sim_node").get("image_noise", 0)), seed)

    def __call__(self, observation: Observation) -> Observation:
        """``observation`` as the cameras' drivers would give it."""
        images = {name: self._noise(image) for name, image in observation.images.items()}
        return replace(observation, images=images)


class SimulatedTime:
    """Stamps [ns] that go on from episode to episode, as the simulation does. Stands in for ``SimClock``."""

    simulated = True

    def __init__(self, sim: TabletopSim) -> None:
        self._start_ns = round(sim.time_s * 1e9)

    def stamp(self, sim_ns: int) -> int:
        """The stamp of ``sim_ns`` after the start of the episode."""
        return self._start_ns + sim_ns


class _Topic:
    def __init__(self, receive: Callable[[Any], None]) -> None:
        self.publish = receive


class _Wires:
    """Stands in for the monitor's node: a command that is published is with the controller at once."""

    def __init__(self, receivers: dict[str, Callable[[Any], None]]) -> None:
        self._receivers = receivers

    def create_publisher(self, kind: type, topic: str, qos: object) -> _Topic:
        return _Topic(self._receivers[topic])

    def create_subscription(self, *args: object, **keywords: object) -> None:
        """The driver's callbacks are called directly."""


class GatedArm:
    """Moves the arm of ``sim`` as the whole stack does. One for each episode; see ``rollout.Mover``.

    Raises:
        RuntimeError: the gate refuses to be armed, or a message of its own is refused by the controller.
    """

    def __init__(self, sim: TabletopSim, contract: Contract, instruction: str) -> None:
        self.decided: list[Decided] = []
        self.stop = ""
        self._contract, self._instruction = contract, instruction
        parameters = shipped_parameters()
        clock: Any = SimulatedTime(sim)
        self._clock = clock
        self._robot = ArmRobot(sim, clock, TrajectoryOptions())
        receivers: dict[str, Callable[[Any], None]] = {
            parameters["command_topic"]: lambda message: self._robot.command_trajectory(to_command(message)),
            parameters["gripper_topic"]: lambda message: self._robot.command_gripper(message.data),
        }
        wires: Any = _Wires(receivers)
        nobody: Any = None
        config: GateConfig = gate_config(urdf_text(), parameters)
        self._gate = ArmDriver(wires, config, parameters, nobody, self._now, LatencyLog(), lambda: None)
        limits_file = resolve(parameters["joint_limits_file"])
        model = RobotModel(urdf_text(), limits_file, BaseLimits(0.0, 0.0, 0.0, 0.0))  # it has no base
        self._planner = make_planner(contract, model, self._newest_joints)
        self._planner.start_task()
        for _ in range(SETTLE_STEPS):
            self.step()
        self._start_ns = self._now().ros_ns
        refused = self._gate.reset(self._now())
        if refused:
            raise RuntimeError(f"the gate does not arm: {refused}")

    @property
    def stopped(self) -> bool:
        """Whether the gate has latched a stop."""
        return self._gate.status().state is State.STOPPED

    def start(self, chunk: ActionChunk, observation: Observation, age_s: float) -> None:
        """Plan, publish, judge."""
        now_ns = self._now().ros_ns
        plan = self._planner.plan(observation, chunk, now_ns)
        if plan is None:
            self._note("DROPPED", "planner", "the chunk came too late to be of use", chunk.speed_scale)
            return
        trace = ChunkTrace(
            chunk_id=len(self.decided) + 1,
            instruction_id=1,
            policy_id=self._contract.policy_id,
            instruction=self._instruction,
            speed_scale=chunk.speed_scale,
            cameras=[
                CameraProof(name, observation.image_stamps_ns[name], content_hash(image))
                for name, image in observation.images.items()
            ],
            joint_state_ns=observation.state_stamp_ns,
            inference_start_ns=now_ns - round(age_s * 1e9),
            inference_end_ns=now_ns,
            inference_ms=age_s * 1e3,
        )
        before = self._gate.status()
        self._gate.on_chunk(action_chunk_message(plan, trace))
        status = self._gate.status()
        if status.trace.chunk_id != trace.chunk_id:  # a latched stop keeps its own cause
            self._note("STOP", before.verdict.reason, before.verdict.detail, chunk.speed_scale)
        else:
            self._note(status.verdict.decision.name, status.verdict.reason, status.verdict.detail, chunk.speed_scale)
        if self.decided[-1].decision != "PASS":
            self._planner.restart()  # as inference_node does for a plan that was not executed as it was sent

    def step(self) -> None:
        """One period of joint states, gate and controller."""
        stamp_ns = self._now().ros_ns
        self._gate.on_state(to_joint_state(JOINT_NAMES, *self._robot.joint_state(), stamp_ns))
        self._gate.tick(self._now())
        self._robot.advance(self._robot.now_ns + STEP_NS)
        if self.stopped and not self.stop:
            verdict = self._gate.status().verdict
            self.stop = f"{verdict.reason}: {verdict.detail}"

    def _note(self, decision: str, reason: str, detail: str, speed_scale: float) -> None:
        at_s = (self._now().ros_ns - self._start_ns) * 1e-9
        self.decided.append(Decided(round(at_s, 3), decision, reason, detail, speed_scale))

    def _now(self) -> Now:
        stamp_ns = self._clock.stamp(self._robot.now_ns)
        return Now(stamp_ns, stamp_ns)

    def _newest_joints(self) -> JointSample:
        positions, velocities, _ = self._robot.joint_state()
        now = self._now()
        return JointSample(now.ros_ns, now.steady_ns, JOINT_NAMES, positions.tolist(), velocities.tolist())
