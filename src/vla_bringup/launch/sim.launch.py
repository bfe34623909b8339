"""The simulated arm (MuJoCo) with everything: robot, safety monitor, policy.

ros2 launch vla_bringup sim.launch.py seed:=1000003

Two in one ROS domain: give each a namespace. Each has its own clock then, <namespace>/clock.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue

from vla_bringup.launching import (
    OWN_CLOCK,
    REST_S,
    SimulatedRobot,
    brought_up,
    checked_arguments,
    required,
    shipped,
    text,
)


def generate_launch_description() -> LaunchDescription:
    namespace = LaunchConfiguration("namespace")
    params = LaunchConfiguration("params")
    monitor = LifecycleNode(
        package="vla_inference",
        executable="safety_monitor",
        name="safety_monitor",
        namespace=namespace,
        parameters=[params],
        remappings=[OWN_CLOCK],
        sigterm_timeout=REST_S,
        output="screen",
    )
    planner = LifecycleNode(
        package="vla_inference",
        executable="inference_node",
        name="inference_node",
        namespace=namespace,
        parameters=[params, {"bundle": text("bundle")}],
        remappings=[OWN_CLOCK],
        output="screen",
    )
    robot = SimulatedRobot(
        brought_to_rest_by=monitor,
        package="vla_sim",
        executable="sim_node",
        name="sim_node",
        namespace=namespace,
        parameters=[params, {"seed": ParameterValue(LaunchConfiguration("seed"), value_type=int)}],
        remappings=[OWN_CLOCK],
        output="screen",
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "namespace",
                default_value="",
                description="Namespace of the robot and of its clock; a second simulation needs one of its own",
            ),
            DeclareLaunchArgument(
                "bundle",
                default_value=shipped("vla_policy", "policies", "tabletop"),
                description="Folder of the policy bundle",
            ),
            DeclareLaunchArgument(
                "params",
                default_value=shipped("vla_bringup", "config", "tabletop.yaml"),
                description="Parameter file of all nodes",
            ),
            DeclareLaunchArgument(
                "seed", default_value="1000000", description="Scene on the table: a number from which it is drawn"
            ),
            checked_arguments(files=["params"], bundles=["bundle"], whole_numbers=["seed"]),
            *required(robot, "sim_node"),
            *brought_up(monitor, "safety_monitor"),
            *brought_up(planner, "inference_node"),
        ]
    )
