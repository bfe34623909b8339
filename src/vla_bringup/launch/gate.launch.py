"""The safety monitor alone, in front of any commander: MoveIt, a teleoperation, a policy of your own. No policy needed.

ros2 launch vla_bringup gate.launch.py params:=my_robot.yaml

Commanders publish on vla/joint_command (or vla/twist_command), nobody but the monitor on the controller's topic.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode

from vla_bringup.launching import REST_S, brought_up, checked_arguments


def generate_launch_description() -> LaunchDescription:
    monitor = LifecycleNode(
        package="vla_inference",
        executable="safety_monitor",
        name="safety_monitor",
        namespace=LaunchConfiguration("namespace"),
        parameters=[LaunchConfiguration("params")],
        remappings=[
            ("arm_controller/joint_trajectory", LaunchConfiguration("command")),
            ("gripper_controller/commands", LaunchConfiguration("gripper_command")),
            ("joint_states", LaunchConfiguration("joint_states")),
            ("vla/joint_command", LaunchConfiguration("joint_command")),
        ],
        sigterm_timeout=REST_S,
        output="screen",
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="", description="Namespace of the robot"),
            DeclareLaunchArgument(
                "params", description="Parameter file of the monitor; begin with a copy of config/robot_template.yaml"
            ),
            DeclareLaunchArgument(
                "joint_command",
                default_value="vla/joint_command",
                description="Where the commander publishes (trajectory_msgs/JointTrajectory)",
            ),
            DeclareLaunchArgument(
                "joint_states", default_value="joint_states", description="Joint states of the robot"
            ),
            DeclareLaunchArgument(
                "command",
                default_value="joint_trajectory_controller/joint_trajectory",
                description="Where the arm's controller listens (trajectory_msgs/JointTrajectory)",
            ),
            DeclareLaunchArgument(
                "gripper_command",
                default_value="gripper_controller/commands",
                description="Where the gripper's controller listens (std_msgs/Float64MultiArray)",
            ),
            checked_arguments(files=["params"]),
            *brought_up(monitor, "safety_monitor"),
        ]
    )
