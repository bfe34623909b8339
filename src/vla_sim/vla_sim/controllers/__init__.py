"""Controllers with the semantics of ros2_control, free of ROS: messages come in as plain values, time as an argument.

joint_trajectory: ``joint_trajectory_controller`` (topic interface); forward_position:
``forward_command_controller`` on position interfaces (gripper, or the arm at low speed); diff_drive:
``diff_drive_controller``.
"""

from vla_sim.controllers.diff_drive import DiffDriveController, DiffDriveOptions, Velocity
from vla_sim.controllers.errors import CommandRejectedError
from vla_sim.controllers.forward_position import ForwardPositionController
from vla_sim.controllers.joint_trajectory import JointTrajectoryController, TrajectoryOptions
from vla_sim.controllers.splines import Setpoint
from vla_sim.controllers.trajectory import TrajectoryCommand, TrajectoryPoint

__all__ = [
    "CommandRejectedError",
    "DiffDriveController",
    "DiffDriveOptions",
    "ForwardPositionController",
    "JointTrajectoryController",
    "Setpoint",
    "TrajectoryCommand",
    "TrajectoryOptions",
    "TrajectoryPoint",
    "Velocity",
]
