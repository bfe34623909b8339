"""Policy and safety monitor for a robot of your own: its driver, ros2_control and cameras run already.

ros2 launch vla_bringup robot.launch.py params:=my_robot.yaml bundle:=my_bundle front_image:=/camera/color/image_raw
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode

from vla_bringup.launching import brought_up


def generate_launch_description() -> LaunchDescription:
    namespace = LaunchConfiguration("namespace")
    params = LaunchConfiguration("params")
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="", description="namespace of the robot"),
            DeclareLaunchArgument("params", description="parameters; start from config/robot_template.yaml"),
            DeclareLaunchArgument("bundle", description="folder of the policy bundle"),
            DeclareLaunchArgument("front_image", default_value="front_camera/image_raw", description="image topic"),
            DeclareLaunchArgument("wrist_image", default_value="wrist_camera/image_raw", description="image topic"),
            DeclareLaunchArgument(
                "command",
                default_value="joint_trajectory_controller/joint_trajectory",
                description="where the arm's controller listens",
            ),
            *brought_up(
                LifecycleNode(
                    package="vla_inference",
                    executable="safety_monitor",
                    name="safety_monitor",
                    namespace=namespace,
                    parameters=[params],
                    remappings=[("arm_controller/joint_trajectory", LaunchConfiguration("command"))],
                    output="screen",
                )
            ),
            *brought_up(
                LifecycleNode(
                    package="vla_inference",
                    executable="inference_node",
                    name="inference_node",
                    namespace=namespace,
                    parameters=[params, {"bundle": LaunchConfiguration("bundle")}],
                    remappings=[
                        ("front_camera/image_raw", LaunchConfiguration("front_image")),
                        ("wrist_camera/image_raw", LaunchConfiguration("wrist_image")),
                    ],
                    output="screen",
                )
            ),
        ]
    )
