"""The simulated arm on the table with everything.

ros2 launch vla_bringup tabletop.launch.py seed:=1000003
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node
from launch_ros.substitutions import FindPackageShare

from vla_bringup.launching import brought_up


def generate_launch_description() -> LaunchDescription:
    namespace = LaunchConfiguration("namespace")
    params = LaunchConfiguration("params")
    bundle = PathJoinSubstitution([FindPackageShare("vla_policy"), "policies", "tabletop"])
    defaults = PathJoinSubstitution([FindPackageShare("vla_bringup"), "config", "tabletop.yaml"])
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="", description="namespace of the robot"),
            DeclareLaunchArgument("bundle", default_value=bundle, description="folder of the policy bundle"),
            DeclareLaunchArgument("params", default_value=defaults, description="parameters of all nodes"),
            DeclareLaunchArgument("seed", default_value="1000000", description="scene on the table"),
            Node(
                package="vla_sim",
                executable="sim_node",
                name="sim_node",
                namespace=namespace,
                parameters=[params, {"seed": LaunchConfiguration("seed")}],
                output="screen",
            ),
            *brought_up(
                LifecycleNode(
                    package="vla_inference",
                    executable="safety_monitor",
                    name="safety_monitor",
                    namespace=namespace,
                    parameters=[params],
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
                    output="screen",
                )
            ),
        ]
    )
