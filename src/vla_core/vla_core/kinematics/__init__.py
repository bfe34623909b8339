"""Forward and inverse kinematics of the arm. The only place beside safety that loads Pinocchio."""

from vla_core.kinematics.differential_ik import DifferentialIk, IkConfig
from vla_core.kinematics.end_effector import EndEffector
from vla_core.kinematics.robot import RobotKinematics
from vla_core.kinematics.rotations import rotation_matrix

__all__ = ["DifferentialIk", "EndEffector", "IkConfig", "RobotKinematics", "rotation_matrix"]
