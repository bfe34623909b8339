"""Topics of the simulated base: ``cmd_vel`` in, ``odom`` and camera snapshots out."""

from __future__ import annotations

from collections.abc import Callable

from geometry_msgs.msg import TransformStamped, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import QoSProfile

from vla_sim.controllers import CommandRejectedError, DiffDriveOptions, Velocity
from vla_sim.ros.base_robot import BaseRobot
from vla_sim.ros.cameras import BaseCameras, BaseSnapshot
from vla_sim.ros.clock import SimClock
from vla_sim.ros.messages import from_time, to_time, yaw_to_quaternion
from vla_sim.ros.pacing import Periodic
from vla_sim.ros.parameters import SimParameters
from vla_sim.ros.physics_loop import PhysicsLoop
from vla_sim.ros.render_loop import RenderLoop

try:  # a full ROS has it, the wheels do not
    from tf2_msgs.msg import TFMessage
except ImportError:
    TFMessage = None


class BaseInterface:
    """The ROS side of a BaseRobot.

    Everything here but construction and subscriptions runs on the physics thread.
    """

    def __init__(self, node: Node, parameters: SimParameters, clock: SimClock) -> None:
        self._node = node
        self._clock = clock
        self.robot = BaseRobot(clock, DiffDriveOptions(cmd_vel_timeout_s=parameters.cmd_vel_timeout))
        self._loop: PhysicsLoop | None = None
        self._odom = node.create_publisher(Odometry, "odom", QoSProfile(depth=10))
        self._tf = None if TFMessage is None else node.create_publisher(TFMessage, "/tf", QoSProfile(depth=10))
        if TFMessage is None:
            node.get_logger().info("tf2_msgs is not installed: odom is published, the transform to base_link is not")
        self._odom_due = Periodic(parameters.joint_state_rate)
        self._image_due = Periodic(parameters.image_rate)
        self._sensor = (parameters.image_width, parameters.image_height, parameters.image_noise)
        node.create_subscription(TwistStamped, "cmd_vel", self._on_cmd_vel, QoSProfile(depth=1))

    def connect(self, loop: PhysicsLoop) -> None:
        """Commands go to ``loop`` from now on."""
        self._loop = loop

    def make_render_loop(self, on_error: Callable[[BaseException], None]) -> RenderLoop[BaseSnapshot]:
        """The thread that draws the camera."""
        self._render_loop = RenderLoop(lambda: BaseCameras(self._node, *self._sensor), on_error)
        return self._render_loop

    def on_tick(self, sim_ns: int) -> None:
        """Publish what is due."""
        stamp_ns = self._clock.stamp(sim_ns)
        if self._odom_due.due(sim_ns):
            odometry = self._odometry(stamp_ns)
            self._odom.publish(odometry)
            if self._tf is not None:
                self._tf.publish(TFMessage(transforms=[_transform(odometry)]))
        if self._image_due.due(sim_ns):
            self._render_loop.submit(BaseSnapshot(self.robot.pose, stamp_ns))

    def close(self) -> None:
        """Nothing outlives the threads."""

    def _odometry(self, stamp_ns: int) -> Odometry:
        message = Odometry(child_frame_id="base_link")
        message.header.stamp = to_time(stamp_ns)
        message.header.frame_id = "odom"
        pose, velocity = self.robot.pose, self.robot.velocity
        message.pose.pose.position.x, message.pose.pose.position.y = pose.x, pose.y
        message.pose.pose.orientation = yaw_to_quaternion(pose.yaw)
        message.twist.twist.linear.x, message.twist.twist.angular.z = velocity.linear, velocity.angular
        return message

    def _on_cmd_vel(self, message: TwistStamped) -> None:
        velocity = Velocity(message.twist.linear.x, message.twist.angular.z)
        stamp_ns = from_time(message.header.stamp)

        def command() -> None:
            try:
                self.robot.command(velocity, stamp_ns)
            except CommandRejectedError as error:
                self._node.get_logger().error(f"cmd_vel refused: {error}", throttle_duration_sec=1.0)

        if self._loop is not None:
            self._loop.post(command)


def _transform(odometry: Odometry) -> TransformStamped:
    """odom -> base_link as ``odometry`` has it."""
    message = TransformStamped(header=odometry.header, child_frame_id=odometry.child_frame_id)
    position = odometry.pose.pose.position
    message.transform.translation.x, message.transform.translation.y = position.x, position.y
    message.transform.rotation = odometry.pose.pose.orientation
    return message
