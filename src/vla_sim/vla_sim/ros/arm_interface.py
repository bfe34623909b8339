"""Topics and services of the simulated arm, as ros2_control and camera drivers would offer them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory

from vla_msgs.msg import EpisodeStatus
from vla_msgs.srv import ResetScene
from vla_sim.controllers import CommandRejectedError, TrajectoryOptions
from vla_sim.robot import HOME_Q, urdf_text
from vla_sim.ros.arm_robot import JOINT_NAMES, ArmRobot
from vla_sim.ros.cameras import ArmCameras, ArmSnapshot
from vla_sim.ros.clock import SimClock
from vla_sim.ros.episode import Episode
from vla_sim.ros.messages import to_command, to_joint_state
from vla_sim.ros.pacing import Periodic
from vla_sim.ros.parameters import ParameterError, SimParameters
from vla_sim.ros.physics_loop import PhysicsLoop
from vla_sim.ros.render_loop import RenderLoop
from vla_sim.sampling import scene_from_seed
from vla_sim.simulation import TabletopSim
from vla_sim.spec import SceneError, SceneSpec
from vla_sim.state_log import StateRecorder

_RESET_DEADLINE_S = 5.0
_AT_HOME_RAD = 0.1


class ArmInterface:
    """The ROS side of an ArmRobot.

    ``on_tick`` and everything posted to the loop run on the physics thread, the rest on the executor's.
    """

    def __init__(self, node: Node, parameters: SimParameters, clock: SimClock) -> None:
        self._node = node
        self._parameters = parameters
        self._clock = clock
        self._loop: PhysicsLoop | None = None
        scene = scene_from_seed(
            parameters.seed,
            task=parameters.task,
            target=parameters.target,
            randomize=parameters.domain_randomization,
        )
        self.robot = self._make_robot(scene)
        self._recorder = StateRecorder() if parameters.state_log else None
        self._episode = Episode(self.robot.sim, scene)
        self._enter_scene(scene)
        self._check_log()
        self._due = {
            "joints": Periodic(parameters.joint_state_rate),
            "images": Periodic(parameters.image_rate),
            "episode": Periodic(parameters.episode_rate),
            "log": Periodic(parameters.state_log_rate if self._recorder is not None else 0.0),
        }
        self._create_publishers()
        self._create_inputs()

    def _make_robot(self, scene: SceneSpec) -> ArmRobot:
        parameters = self._parameters
        sim = TabletopSim()
        sim.reset(scene, q_rad=np.array(parameters.initial_positions))
        options = TrajectoryOptions(
            interpolate_from_desired_state=parameters.interpolate_from_desired_state,
            allow_partial_joints_goal=parameters.allow_partial_joints_goal,
            allow_nonzero_velocity_at_trajectory_end=parameters.allow_nonzero_velocity_at_trajectory_end,
        )
        forward = parameters.arm_command_interface == "forward_position"
        return ArmRobot(sim, self._clock, options, forward_position=forward)

    def _create_publishers(self) -> None:
        node = self._node
        self._joint_states = node.create_publisher(JointState, "joint_states", QoSProfile(depth=10))
        self._episode_status = node.create_publisher(EpisodeStatus, "sim/episode", QoSProfile(depth=10))
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._description = node.create_publisher(String, "robot_description", latched)
        self._description.publish(String(data=urdf_text()))

    def _create_inputs(self) -> None:
        node, depth = self._node, QoSProfile(depth=10)
        if self.robot.forward is None:
            node.create_subscription(JointTrajectory, "arm_controller/joint_trajectory", self._on_trajectory, depth)
        else:
            node.create_subscription(Float64MultiArray, "arm_controller/commands", self._on_positions, depth)
        node.create_subscription(Float64MultiArray, "gripper_controller/commands", self._on_gripper, depth)
        node.create_service(ResetScene, "sim/reset_scene", self._on_reset_scene)

    def connect(self, loop: PhysicsLoop) -> None:
        """Commands go to ``loop`` from now on."""
        self._loop = loop

    def make_render_loop(self, on_error: Callable[[BaseException], None]) -> RenderLoop[ArmSnapshot]:
        """The thread that draws the cameras."""
        parameters = self._parameters
        sensor = (parameters.image_width, parameters.image_height, parameters.image_noise)
        self._render_loop = RenderLoop(lambda: ArmCameras(self._node, *sensor), on_error)
        return self._render_loop

    def on_tick(self, sim_ns: int) -> None:
        """Publish and record what is due."""
        stamp_ns = self._clock.stamp(sim_ns)
        if self._due["joints"].due(sim_ns):
            self._joint_states.publish(to_joint_state(JOINT_NAMES, *self.robot.joint_state(), stamp_ns))
        if self._due["images"].due(sim_ns):
            self._render_loop.submit(ArmSnapshot(self.robot.sim.qpos(), self._episode.scene, stamp_ns))
        if self._due["episode"].due(sim_ns):
            self._episode_status.publish(self._episode.status(stamp_ns))
        if self._recorder is not None and self._due["log"].due(sim_ns):
            self._recorder.record(stamp_ns, self.robot.sim.qpos())

    def close(self) -> None:
        """Write the state log. Call when the physics thread has ended."""
        self._save_log()

    def _check_log(self) -> None:
        """Fail at the start rather than after the run."""
        try:
            self._save_log()
        except OSError as error:
            raise ParameterError(f"state_log: {self._parameters.state_log!r} cannot be written: {error}") from error

    def _save_log(self) -> None:
        if self._recorder is not None:
            self._recorder.save(Path(self._parameters.state_log))

    def _enter_scene(self, scene: SceneSpec) -> float:
        """Fresh cubes, on the physics thread. Returns how far the arm is from home [rad]."""
        self.robot.sim.replace_cubes(scene)
        self._episode.begin(scene)
        if self._recorder is not None:
            self._recorder.begin_episode(scene)
        return float(np.abs(self.robot.sim.joint_positions()[:7] - HOME_Q).max())

    def _post(self, topic: str, command: Callable[[], None]) -> None:
        """Have ``command`` done on the physics thread; a refusal is logged under ``topic``."""

        def run() -> None:
            try:
                command()
            except CommandRejectedError as error:
                self._node.get_logger().error(f"{topic} refused: {error}", throttle_duration_sec=1.0)

        if self._loop is not None:
            self._loop.post(run)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        command = to_command(message)
        self._post("arm_controller/joint_trajectory", lambda: self.robot.command_trajectory(command))

    def _on_positions(self, message: Float64MultiArray) -> None:
        self._post("arm_controller/commands", lambda: self.robot.command_positions(message.data))

    def _on_gripper(self, message: Float64MultiArray) -> None:
        self._post("gripper_controller/commands", lambda: self.robot.command_gripper(message.data))

    def _on_reset_scene(self, request: ResetScene.Request, response: ResetScene.Response) -> ResetScene.Response:
        try:
            scene = scene_from_seed(
                request.seed,
                task=request.task,
                target=request.target,
                randomize=self._parameters.domain_randomization,
            )
        except SceneError as error:
            response.message = str(error)
            return response
        if self._loop is None:
            response.message = "the simulator has not started yet; call again"
            return response
        try:
            away_rad = self._loop.call(lambda: self._enter_scene(scene)).result(_RESET_DEADLINE_S)
        except TimeoutError:
            response.message = f"the physics thread did not answer within {_RESET_DEADLINE_S} s"
            return response
        self._save_log()
        response.success = True
        if away_rad > _AT_HOME_RAD:
            response.message = f"the arm is {away_rad:.2f} rad from home and may touch the new cubes; home it first"
        response.task, response.target = scene.task, scene.target
        response.instruction = self._episode.instruction
        response.colors = list(scene.colors)
        return response
