"""The robot's own word about itself: URDF and joint limits."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from vla_inference.inference.parameters import ParameterError

TOPIC = "robot_description"
_LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_PACKAGE = "package://"


class RobotDescription:
    """The URDF: the parameter where it is given, else the newest on the topic. None until it is known."""

    def __init__(self, node: Node, given: str) -> None:
        self.urdf: str | None = given or None
        self._node = node
        self._subscription = None if given else node.create_subscription(String, TOPIC, self._take, _LATCHED)

    def destroy(self) -> None:
        """Leave the topic."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def _take(self, message: String) -> None:
        self.urdf = message.data


def resolve_file(text: str, parameter: str) -> Path:
    """The file at a path or ``package://<package>/<path below its share folder>``.

    Raises:
        ParameterError: no such package or file; names ``parameter``.
    """
    path = Path(text).expanduser()
    if text.startswith(_PACKAGE):
        package, _, rest = text.removeprefix(_PACKAGE).partition("/")
        try:
            path = Path(get_package_share_directory(package)) / rest
        except (PackageNotFoundError, ValueError) as error:
            raise ParameterError(f"{parameter} is {text!r}, but there is no package {package!r}: {error}") from error
    if not path.is_file():
        raise ParameterError(f"{parameter} is {text!r}, but there is no file {path}")
    return path
