"""A policy served to other machines, from the one with the GPU. Needs no ROS graph: it speaks openpi's protocol.

ros2 launch vla_bringup policy_server.launch.py bundle:=my_bundle host:=0.0.0.0 \
    token_file:=token.txt tls_cert:=cert.pem tls_key:=key.pem

On the robot's machine, a bundle with `runtime: remote` and this server's url asks it (docs/your-policy.md).
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction

from vla_bringup.commands.policy import policy_python
from vla_bringup.launching import checked_arguments, required, shipped

PLAIN = ("bundle", "host", "port", "threads", "device")
OPTIONAL = ("token_file", "tls_cert", "tls_key")


def serve(context: LaunchContext) -> list:
    """The worker's command line, without the options that were not given."""
    given = context.launch_configurations
    names = [*PLAIN, *(name for name in OPTIONAL if given[name])]
    options = [word for name in names for word in ("--" + name.replace("_", "-"), given[name])]
    if given["plain_text"] == "true":
        options.append("--plain-text")
    worker = ExecuteProcess(
        cmd=[given["python"], "-m", "vla_policy.worker", *options], name="policy_worker", output="screen"
    )
    return required(worker, "policy_worker")


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "bundle",
                default_value=shipped("vla_policy", "policies", "tabletop"),
                description="Folder of the policy bundle",
            ),
            DeclareLaunchArgument(
                "python",
                default_value=policy_python(),
                description="Python of the policy environment (or VLA_POLICY_PYTHON)",
            ),
            DeclareLaunchArgument(
                "host",
                default_value="127.0.0.1",
                description="Address to listen on; one that other machines reach needs token_file and TLS",
            ),
            DeclareLaunchArgument("port", default_value="8000", description="TCP port; 0: any"),
            DeclareLaunchArgument(
                "token_file", default_value="", description="File with the token that clients must send; empty: none"
            ),
            DeclareLaunchArgument("tls_cert", default_value="", description="Certificate chain (PEM); empty: no TLS"),
            DeclareLaunchArgument(
                "tls_key", default_value="", description="Private key (PEM); empty: in the certificate's file"
            ),
            DeclareLaunchArgument(
                "plain_text",
                default_value="false",
                choices=["true", "false"],
                description="Serve other machines without TLS, where the network itself is encrypted",
            ),
            DeclareLaunchArgument("threads", default_value="1", description="Threads of one inference on the CPU"),
            DeclareLaunchArgument(
                "device", default_value="auto", choices=["auto", "cpu", "cuda"], description="Where the model runs"
            ),
            checked_arguments(bundles=["bundle"], optional_files=OPTIONAL, whole_numbers=["port", "threads"]),
            OpaqueFunction(function=serve),
        ]
    )
