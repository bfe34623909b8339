"""Policy and safety monitor for a robot of your own: its driver, ros2_control and cameras run already.

ros2 launch vla_bringup robot.launch.py params:=my_robot.yaml bundle:=my_bundle front_image:=/camera/color/image_raw
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode

from vla_bringup.launching import REST_S, brought_up, checked_arguments, text


def generate_launch_description() -> LaunchDescription:
    namespace = LaunchConfiguration("namespace")
    params = LaunchConfiguration("params")
    monitor = LifecycleNode(
        package="vla_inference",
        executable="safety_monitor",
        name="safety_monitor",
        namespace=namespace,
        parameters=[params],
        remappings=[
            ("arm_controller/joint_trajectory", LaunchConfiguration("command")),
            ("gripper_controller/commands", LaunchConfiguration("gripper_command")),
            ("joint_states", LaunchConfiguration("joint_states")),
        ],
        sigterm_timeout=REST_S,
        output="screen",
    )
    planner = LifecycleNode(
        package="vla_inference",
        executable="inference_node",
        name="inference_node",
        namespace=namespace,
        parameters=[params, {"bundle": text("bundle")}],
        remappings=[
            ("front_camera/image_raw", LaunchConfiguration("front_image")),
            ("wrist_camera/image_raw", LaunchConfiguration("wrist_image")),
            ("joint_states", LaunchConfiguration("joint_states")),
        ],
        output="screen",
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument("namespace", default_value="", description="Namespace of the robot"),
            DeclareLaunchArgument(
                "params", description="Parameter file of both nodes; begin with a copy of config/robot_template.yaml"
            ),
            DeclareLaunchArgument("bundle", description="Folder of the policy bundle"),
            DeclareLaunchArgument(
                "front_image",
                default_value="front_camera/image_raw",
                description="Image topic of camera 'front'; other cameras: camera.<name>.topic in params",
            ),
            DeclareLaunchArgument(
                "wrist_image", default_value="wrist_camera/image_raw", description="Image topic of camera 'wrist'"
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
            checked_arguments(files=["params"], bundles=["bundle"]),
            *brought_up(monitor, "safety_monitor"),
            *brought_up(planner, "inference_node"),
        ]
    )
